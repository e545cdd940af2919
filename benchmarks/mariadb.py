"""A MariaDB of 1.5 GiB: backed up and restored, each beside what one would type; `bench page` visits it meanwhile.

Limits (issue "Trust"): a physical backup, encrypted and hashed, within 1.2 times the shell pipe; restored to its first
query at least 9 times faster than the plain client restores a dump of it; a logical restore at least twice as fast as
that; the p95 of a page that the server serves rises by less than 20 % during a backup (`benchmarks/page.py`).

The product's times are those of the whole command: plan, ledger, parts, hashes, packets, a signed set, decrypting, the
checks after a restore, all of it on the disk. The peers check nothing but the last exit status. The plain client loads
the very dump, uncompressed and from the page cache, into a server with the memory and the settings that the product
gives its own. The kept database is made once and copied for each run.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks import database, measure, page
from intendance.engines.mariadb.server_folder import LOADING, loading_sizes
from intendance.engines.private_mariadb import PrivateServer, ServerSizes
from intendance.system.openpgp import RecipientHome
from tests.support.gnupg import Holder, make_holder, private_home

PLACE = Path(__file__).parents[1] / ".dev" / "bench"
SERVING = ServerSizes(buffer_pool_mib=1024, redo_log_mib=512, durable=True)
BACKUP_LIMIT, PHYSICAL_LIMIT, LOGICAL_LIMIT, PAGE_LIMIT = 1.2, 9.0, 2.0, 1.2
QUIET_SECONDS = 8.0
_DUMP = ("--quick", "--routines", "--triggers", "--events", "--hex-blob", "--skip-add-locks", "--single-transaction")
BACKUP = ("backup", "run", "db", "--no-inspect", "--kind")
CHECKSUMS = "CHECKSUM TABLE gifts, letters, members, papers EXTENDED"


@dataclass
class Bench:
    """One run: the server, the product's state, and what was found."""

    work: Path
    server: PrivateServer
    members: int
    gnupg: str
    failed: list[str] = field(default_factory=list)

    def intendance(self, *words: str) -> dict[str, Any]:
        """The product's whole command; its answer for machines."""
        argv = [sys.executable, "-m", "intendance", "--state", str(self.work / "state"), *words, "--json"]
        environment = os.environ | {"GNUPGHOME": self.gnupg}
        done = subprocess.run(argv, check=False, capture_output=True, stdin=subprocess.DEVNULL, env=environment)
        if done.returncode != 0:
            raise ChildProcessError(f"{argv}: {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def judge(self, what: str, *, held: bool) -> None:
        print(f"  {what}: {'held' if held else 'NOT HELD'}\n")
        if not held:
            self.failed.append(what)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench mariadb", description=__doc__)
    parser.add_argument("--mib", type=int, default=database.FULL_MIB, help="size of the database")
    parser.add_argument("--rounds", type=int, default=3, help="of backups and physical restores")
    parser.add_argument("--pairs", type=int, default=4, help="of pages with and without a backup")
    parser.add_argument("--only", choices=("backup", "restore", "page"), action="append", default=None)
    options = parser.parse_args(words)
    wanted = options.only or ["backup", "restore"]
    began = time.perf_counter()
    PLACE.mkdir(parents=True, exist_ok=True)
    kept = database.make(PLACE, options.mib)
    made = time.perf_counter()
    work = Path(tempfile.mkdtemp(prefix="mariadb-", dir=PLACE))
    try:
        with ExitStack() as stack:
            holders = [make_holder(stack.enter_context(private_home()), name) for name in ("owner", "offline")]
            home = stack.enter_context(RecipientHome([holder.recipient() for holder in holders]))
            subprocess.run(["cp", "-a", "--reflink=auto", str(kept), str(work / "serving")], check=True)
            server = PrivateServer(work / "serving", sizes=SERVING)
            server.start()
            stack.callback(server.stop)
            bench = Bench(work, server, database.rows(options.mib)["members"], str(holders[0].home))
            adopt(bench, holders, {"kind": "directory", "path": str(work / "store")})
            about(options.mib, kept, made - began)
            if "backup" in wanted:
                _backups(bench, home, options.rounds)
            if "restore" in wanted:
                _restores(bench, options.rounds)
            if "page" in wanted:
                _pages(bench, options.pairs)
        print(f"{time.perf_counter() - began:.0f} s in all")
        for what in bench.failed:
            print(f"NOT HELD: {what}")
        return 1 if bench.failed else 0
    finally:
        shutil.rmtree(work)


def about(mib: int, kept: Path, seconds: float) -> None:
    size = sum(path.stat().st_size for path in (kept / database.NAME).iterdir())
    print(f"{measure.machine()}; load {os.getloadavg()[0]:.1f}")
    for argv in (("mariadbd",), ("mariadb-backup",), ("mariadb",), ("gpg",), ("zstd",)):
        program = shutil.which(argv[0], path=f"{os.environ['PATH']}:/usr/sbin") or argv[0]
        print(f"  {argv[0]}: {measure.version_of(program, '--version').removeprefix(program).strip()}")
    print(f"  intendance: {measure.version_of(sys.executable, '-m', 'intendance', '--version')}")
    print(f"tables of {size / 2**20:.0f} MiB (asked for: {mib}), made in {seconds:.0f} s or found\n")


def adopt(bench: Bench, holders: Sequence[Holder], store: dict[str, Any]) -> None:
    """Put a plan in force whose only asset is the database, and whose only store is that one."""
    recipients = []
    for holder in holders:
        (bench.work / f"{holder.name}.asc").write_text(holder.armored)
        entry = {"name": holder.name, "file": f"{holder.name}.asc", "fingerprint": holder.fingerprint}
        recipients.append(entry | {"held_by": holder.name})
    backup = {"logical": {"schedule": "0 3 * * *"}, "physical": {"schedule": "0 15 * * *"}}
    asset = {"kind": "mariadb", "databases": [database.NAME], "connect": {"socket": str(bench.server.socket)}}
    document = {
        "version": 1, "fleet": "bench", "catalogues": ["asbl"], "node": {"id": "bench"},
        "organisation": {"name": "Bench", "timezone": "Europe/Brussels", "language": "en"},
        "keys": {"backup_recipients": recipients},
        "stores": {"kept": store},
        "assets": {"db": asset | {"backup": backup | {"stores": ["kept"], "retention": {"points": "90d"}}}},
        "contacts": {holder.name: {"name": holder.name, "email": f"{holder.name}@example.org"} for holder in holders},
    }  # fmt: skip
    plan = bench.work / "intendance.yaml"
    plan.write_text(yaml.safe_dump(document))
    argv = [sys.executable, "-m", "intendance", "--state", str(bench.work / "state"), "plan", "adopt", str(plan)]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Taken(float):
    """Seconds by the clock; `cpu` are those of the programs that did it, the server's own not among them."""

    cpu = 0.0


def timed(act: Callable[[], object]) -> Taken:
    """How long that takes, with nothing left to write back before."""
    os.sync()
    began, cpu_began = time.perf_counter(), sum(os.times()[2:4])
    act()
    taken = Taken(time.perf_counter() - began)
    taken.cpu = sum(os.times()[2:4]) - cpu_began
    return taken


def rows(title: str, seconds: dict[str, list[float]]) -> None:
    """A table; ratios are to the first row."""
    print(f"{title:52}{'median':>9}{'ratio':>8}{'cpu':>9}  each (s)")
    first = statistics.median(next(iter(seconds.values())))
    for name, each in seconds.items():
        median = statistics.median(each)
        cpu = statistics.median(getattr(second, "cpu", 0.0) for second in each)
        said = " ".join(f"{second:.2f}" for second in each)
        print(f"  {name:50}{median:>7.2f} s{median / first:>8.2f}{cpu:>7.1f} s  {said}")


def _backups(bench: Bench, home: RecipientHome, rounds: int) -> None:
    """(a) The physical backup beside the shell pipe, in interleaved rounds after one that is not counted."""
    pipe, product = "mariadb-backup | zstd | gpg > file", "intendance backup run --kind physical"
    seconds: dict[str, list[float]] = {pipe: [], "the same, synced": [], product: []}
    copy = shlex.join([
        "mariadb-backup", "--no-defaults", "--backup", "--stream=mbstream", "--parallel=2", "--protocol=SOCKET",
        f"--socket={bench.server.socket}", f"--user={bench.server.user}", f"--target-dir={bench.work}/target",
    ])  # fmt: skip
    stored = bench.work / "physical.zst.gpg"
    script = f"{copy} 2>/dev/null | zstd -q -3 -T2 | {shlex.join(home.encrypt_argv())} > {stored}"
    for number in range(rounds + 1):
        for name, act in {
            pipe: lambda: subprocess.run(["bash", "-o", "pipefail", "-c", script], check=True),
            "the same, synced": lambda: subprocess.run(
                ["bash", "-o", "pipefail", "-c", f"{script}; sync {stored}"], check=True
            ),
            product: lambda: bench.intendance(*BACKUP, "physical"),
        }.items():
            taken = timed(act)
            if number > 0:
                seconds[name].append(taken)
            stored.unlink(missing_ok=True)
            shutil.rmtree(bench.work / "target", ignore_errors=True)
    rows("a physical backup", seconds)
    ratio = statistics.median(ours / theirs for ours, theirs in zip(seconds[product], seconds[pipe], strict=True))
    bench.judge(f"median of the pairs' ratios {ratio:.2f} (limit {BACKUP_LIMIT})", held=ratio <= BACKUP_LIMIT)


def _restores(bench: Bench, rounds: int) -> None:
    """(b) and (c): the plain client, once, beside the product's logical restore, once, and its physical ones."""
    bench.intendance(*BACKUP, "logical")
    bench.intendance(*BACKUP, "physical")
    points = bench.intendance("backup", "list", "db")["points"]
    newest = {point["kind"]: point["id"] for point in reversed(points)}
    wanted = bench.server.execute(CHECKSUMS, database=database.NAME)
    plain, same = _plain(bench)
    seconds = {
        "mariadb < dump.sql": [plain],
        "intendance restore run, logical": [],
        "…physical": [],
        "…to the first query": [],
    }
    same &= restored(bench, "logical", newest["logical"], seconds["intendance restore run, logical"], [], wanted)
    for _ in range(rounds):
        whole, query = seconds["…physical"], seconds["…to the first query"]
        same &= restored(bench, "physical", newest["physical"], whole, query, wanted)
    rows("a restore", seconds)
    logical = plain / seconds["intendance restore run, logical"][0]
    physical = plain / statistics.median(seconds["…to the first query"])
    bench.judge("every table has the checksum of the original", held=same)
    bench.judge(f"logical: {logical:.1f} times faster (limit {LOGICAL_LIMIT:.0f})", held=logical >= LOGICAL_LIMIT)
    bench.judge(
        f"physical, to its first query: {physical:.1f} times faster (limit {PHYSICAL_LIMIT:.0f})",
        held=physical >= PHYSICAL_LIMIT,
    )


def _plain(bench: Bench) -> tuple[float, bool]:
    dump, data = bench.work / "dump.sql", bench.work / "plain"
    with dump.open("wb") as file:
        argv = [*bench.server.client_argv("mariadb-dump"), *_DUMP, "--default-character-set=utf8mb4", database.NAME]
        subprocess.run(argv, check=True, stdout=file)
    server = PrivateServer(data, sizes=loading_sizes(), options=LOADING)
    server.create()
    server.start()
    try:
        server.execute(f"CREATE DATABASE {database.NAME}")
        client = [*server.client_argv(), "--default-character-set=utf8mb4", database.NAME]
        with dump.open("rb") as file:
            taken = timed(lambda: subprocess.run(client, check=True, stdin=file))
        wanted = bench.server.execute(CHECKSUMS, database=database.NAME)
        same = server.execute(CHECKSUMS, database=database.NAME) == wanted
    finally:
        server.stop()
        shutil.rmtree(data)
        dump.unlink()
    return taken, same


def restored(bench: Bench, kind: str, point: str, whole: list[float], query: list[float], wanted: str) -> bool:
    """One restore into a folder, timed; then a server on it, outside the timing."""
    target = bench.work / "restored"
    answer: dict[str, Any] = {}
    words = ("restore", "run", "db", "--point", point, "--into", str(target))
    whole.append(timed(lambda: answer.update(bench.intendance(*words))))
    # The restored server answers for the first time at the end of the replay; after it come the checks and the disk.
    spent = answer["seconds"]
    query.append(whole[-1] - (spent["total"] - spent["load"] - spent["replay"]))
    options = ("--skip-grant-tables",) if kind == "physical" else ()
    server = PrivateServer(target / "data", sizes=loading_sizes(), options=options)
    server.start()
    try:
        return server.execute(CHECKSUMS, database=database.NAME) == wanted
    finally:
        server.stop()
        shutil.rmtree(target)


def _pages(bench: Bench, pairs: int) -> None:
    """(d) Pairs of windows, without and with a backup, in turn; the noise floor is that of two without."""
    print(f"a page of six statements, each {page.PAUSE_SECONDS * 1e3:.0f} ms; p95 in ms, {pairs} pairs")
    with page.Visitor(bench.server, bench.members) as visitor:
        time.sleep(QUIET_SECONDS)  # the first pages fill the server's memory
        seen: dict[str, list[tuple[page.Window, page.Window]]] = {"no": [], "physical": [], "logical": []}
        for _ in range(pairs):
            for kind, each in seen.items():
                quiet = visitor.window(QUIET_SECONDS)
                backup = partial(bench.intendance, *BACKUP, kind)
                each.append((quiet, visitor.window(QUIET_SECONDS) if kind == "no" else visitor.during(backup)))
    for kind, each in seen.items():
        _page_row(f"during {kind} backup" if kind == "no" else f"during a {kind} backup", each)
    floor = max(abs(rise - 1) for rise in page.rises(seen["no"]))
    print(f"  noise floor: two windows without a backup differ by up to {floor:.0%}")
    for kind in ("physical", "logical"):
        rise = statistics.median(page.rises(seen[kind]))
        bench.judge(f"p95 during a {kind} backup {rise - 1:+.0%} (limit +{PAGE_LIMIT - 1:.0%})", held=rise < PAGE_LIMIT)


def _page_row(name: str, pairs: Sequence[tuple[page.Window, page.Window]]) -> None:
    each = " ".join(f"{first.p95 * 1e3:.1f}→{second.p95 * 1e3:.1f}" for first, second in pairs)
    medians = statistics.median(second.median / first.median for first, second in pairs)
    print(f"  {name:28}p95{statistics.median(page.rises(pairs)):>6.2f}   median{medians:>6.2f}   {each}")


if __name__ == "__main__":
    sys.exit(main())
