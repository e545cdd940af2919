"""A MariaDB of 1.5 GiB comes back from a bucket on a private radosgw, to its first query: by the product, by restic and
by duplicity, from the same bucket.

No limit (issue "Off-site" asks that it be measured). All three keep a physical copy by mariadb-backup, the fastest way
that each of them has. The product's time is that of its whole command until the restored server answers: manifest and
signature, parts with their hashes, decrypting, `--prepare`. The peers, which begin with no cache as a new machine does,
restore the folder, which is then prepared by mariadb-backup and served by the same server with the same settings. Who
is not installed has no row (Debian: restic; duplicity with python3-boto3).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import database, mariadb, measure
from benchmarks.contenders import PLACE, SECRETS
from intendance.engines.mariadb.server_folder import loading_sizes
from intendance.engines.private_mariadb import PrivateServer
from tests.support.gnupg import make_holder, private_home
from tests.support.radosgw import Shelf, lack, make_shelf, running

_PRODUCT = "intendance restore run, physical"
_FIRST_QUERY = "SELECT COUNT(*) FROM members"


@dataclass(frozen=True, slots=True)
class Peer:
    """One who keeps a folder in a bucket: how it stores one, and how it brings it back."""

    name: str
    version: str
    environment: dict[str, str]
    store: Callable[[Path], Sequence[Sequence[str]]]
    restore: Callable[[Path], Sequence[str]]


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench restore_s3", description=__doc__)
    parser.add_argument("--mib", type=int, default=database.FULL_MIB, help="size of the database")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(words)
    if sentence := lack():
        print(f"bench restore_s3: {sentence}", file=sys.stderr)
        return 1
    began = time.perf_counter()
    PLACE.mkdir(parents=True, exist_ok=True)
    kept = database.make(PLACE, options.mib)
    made = time.perf_counter()
    work = Path(tempfile.mkdtemp(prefix="rs3-", dir=PLACE))
    try:
        with ExitStack() as stack:
            holders = [make_holder(stack.enter_context(private_home()), name) for name in ("owner", "offline")]
            subprocess.run(["cp", "-a", "--reflink=auto", str(kept), str(work / "serving")], check=True)
            server = PrivateServer(work / "serving", sizes=mariadb.SERVING)
            server.start()
            stack.callback(server.stop)
            shelf = make_shelf(stack.enter_context(running(work / "rgw")), work / "users")
            members = database.rows(options.mib)["members"]
            bench = mariadb.Bench(work, server, members, str(holders[0].home))
            credentials = str(shelf.credentials(shelf.appender))
            gateway = {"region": shelf.gateway.region, "endpoint": shelf.gateway.endpoint}
            store = {"kind": "s3", "bucket": shelf.bucket, "credentials": {"file": credentials}} | gateway
            mariadb.adopt(bench, holders, store)
            mariadb.about(options.mib, kept, made - began)
            _measure(bench, _peers(shelf, work), options.rounds)
        print(f"{time.perf_counter() - began:.0f} s in all")
        return 1 if bench.failed else 0
    finally:
        shutil.rmtree(work)


def _measure(bench: mariadb.Bench, peers: Sequence[Peer], rounds: int) -> None:
    bench.intendance(*mariadb.BACKUP, "physical")
    (point,) = bench.intendance("backup", "list", "db")["points"]
    copy = bench.work / "copy"
    subprocess.run(
        ["mariadb-backup", "--no-defaults", "--backup", "--parallel=2", "--protocol=SOCKET",
         f"--socket={bench.server.socket}", f"--user={bench.server.user}", f"--target-dir={copy}"],
        check=True, capture_output=True,
    )  # fmt: skip
    for peer in peers:
        print(f"  {peer.name}: {peer.version}")
        for command in peer.store(copy):
            _do(command, peer.environment)
    shutil.rmtree(copy)
    wanted = bench.server.execute(mariadb.CHECKSUMS, database=database.NAME)
    whole: list[float] = []
    seconds: dict[str, list[float]] = {_PRODUCT: [], **{peer.name: [] for peer in peers}}
    same = True
    for _ in range(rounds):
        same &= mariadb.restored(bench, "physical", point["id"], whole, seconds[_PRODUCT], wanted)
        for peer in peers:
            same &= _restored(bench, peer, seconds[peer.name], wanted)
    mariadb.rows("from the bucket to the first query", seconds)
    print(f"  the product's whole command, checks included: {statistics.median(whole):.2f} s")
    bench.judge("every table has the checksum of the original", held=same)


def _restored(bench: mariadb.Bench, peer: Peer, seconds: list[float], wanted: str) -> bool:
    """One restore by a peer, timed to the first query; then the tables are compared, outside the timing."""
    target = bench.work / "restored"
    target.mkdir()
    os.sync()
    began, cpu_began = time.perf_counter(), sum(os.times()[2:4])
    _do(peer.restore(target), peer.environment)
    data = next(path.parent for path in target.rglob("ibdata1"))
    _do(["mariadb-backup", "--no-defaults", "--prepare", f"--target-dir={data}"], {})
    server = PrivateServer(data, sizes=loading_sizes(), options=("--skip-grant-tables",))
    server.start()
    try:
        server.execute(_FIRST_QUERY, database=database.NAME)
        taken = mariadb.Taken(time.perf_counter() - began)
        taken.cpu = sum(os.times()[2:4]) - cpu_began
        seconds.append(taken)
        return server.execute(mariadb.CHECKSUMS, database=database.NAME) == wanted
    finally:
        server.stop()
        shutil.rmtree(target)


def _peers(shelf: Shelf, work: Path) -> list[Peer]:
    keys = {"AWS_ACCESS_KEY_ID": shelf.owner.id, "AWS_SECRET_ACCESS_KEY": shelf.owner.secret}
    found = []
    if shutil.which("restic"):
        repository = {"RESTIC_REPOSITORY": f"s3:{shelf.gateway.endpoint}/{shelf.bucket}/restic"}
        restic = ["restic", "-q", "--no-cache", "-o", f"s3.region={shelf.gateway.region}"]
        found.append(
            Peer(
                name="restic",
                version=measure.version_of("restic", "version"),
                environment=keys | repository | SECRETS,
                store=lambda folder: ([*restic, "init"], [*restic, "backup", str(folder)]),
                restore=lambda target: [*restic, "restore", "latest", "--target", str(target)],
            )
        )
    if shutil.which("duplicity"):
        place = f"boto3+s3://{shelf.bucket}/duplicity"
        there = ["--s3-endpoint-url", shelf.gateway.endpoint, "--s3-region-name", shelf.gateway.region]

        def duplicity(*words: str) -> list[str]:
            archive = tempfile.mkdtemp(prefix="duplicity-", dir=work)  # a machine that never saw this backup
            return ["duplicity", *words, *there, "--archive-dir", archive, "--verbosity", "error"]

        found.append(
            Peer(
                name="duplicity",
                version=measure.version_of("duplicity", "--version"),
                environment=keys | SECRETS,
                store=lambda folder: (duplicity("full", str(folder), place),),
                restore=lambda target: duplicity("restore", "--force", place, str(target)),
            )
        )
    return found


def _do(command: Sequence[str], environment: dict[str, str]) -> None:
    path = f"{os.environ['PATH']}:/usr/sbin"
    done = subprocess.run(
        command,
        env=os.environ | {"PATH": path} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise ChildProcessError(f"{command[:3]}: {done.returncode}: {done.stderr.decode(errors='replace')[-800:]}")


if __name__ == "__main__":
    sys.exit(main())
