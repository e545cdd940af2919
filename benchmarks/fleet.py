"""What a manager takes and what it costs: the real process, real sockets, a database on disk, or PostgreSQL.

`./dev bench fleet [--only PART…] [OPTION…]`: `beats`, as many authenticated heartbeats as are answered; `judging`,
1,000 nodes judged from nothing but their evidence; `memory`, of a manager with 100 nodes; `day`, 10,000 nodes that each
keep a connection and beat every minute, while as many records arrive and are judged as such a fleet writes; `life`,
1,000 nodes for a day of compressed time over a line that loses one packet in a hundred: who is called missing.
Processor time is that of the manager's process and of its children (user and system), whatever else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import func, insert, select

from benchmarks._fleet_evidence import give
from benchmarks._fleet_load import NOTE
from benchmarks._fleet_news import Speaker
from benchmarks.measure import machine
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.migrate import bring_up_to_date
from intendance.fleet.database.tables import evidence_head, judged, node, node_key, node_state, setting
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.system.clock import SystemClock
from tests.support.fleet_life import FleetLife, a_day, account
from tests.support.postgresql import PostgresServer, running
from tests.support.watching import policy

TARGET_BEATS = 6000
TARGET_CPU_US = 200
TARGET_PACED_CPU = 0.5
TARGET_VERDICT_MS = 1000
TARGET_JUDGED_SECONDS = 5
TARGET_SOLO_MIB = 120
TARGET_LATE_SECONDS = 2.0
FLEET = "asbl-horizon"
FEW = 2000
JUDGED = 1000
SOLO = 100
LIFE_BEGINS = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
"""Summer time ends in it."""
_TICKS = os.sysconf("SC_CLK_TCK")


def populate(database: Database, count: int) -> list[str]:
    """Nodes that have joined, written as enrolment writes them; `node secret` for each."""
    now = to_us(SystemClock().read().at)
    names = [f"bench-{number:05}" for number in range(count)]
    bearers = {name: secrets.token_urlsafe(32) for name in names}
    with database.begin() as connection:
        connection.execute(insert(setting).values(name="fleet", value=FLEET))
        connection.execute(
            insert(node),
            [
                {"node": name, "incarnation": 1, "token_sha256": sha256(bearers[name].encode()).hexdigest(),
                 "enrolled_us": now}
                for name in names
            ],
        )  # fmt: skip
        keys = [
            {"node": name, "incarnation": 1, "origin": f"{FLEET}/node/{name}/1", "ledger_key": "k", "fingerprint": "f",
             "began_us": now}
            for name in names
        ]  # fmt: skip
        connection.execute(insert(node_key), keys)
        states = [
            {"node": name, "incarnation": 1, "state": "up", "state_since_us": now, "last_seen_us": now,
             "deadline_us": now + 120_000_000}
            for name in names
        ]  # fmt: skip
        connection.execute(insert(node_state), states)
        heads = [
            {"node": name, "incarnation": 1, "edge": b"", "note": NOTE.format(node=name), "changed_us": now}
            for name in names
        ]
        connection.execute(insert(evidence_head), heads)
    return [f"{name} {bearers[name]}" for name in names]


class Server:
    """The manager's process."""

    def __init__(self, state: Path, database: str) -> None:
        with socket.socket() as asked:
            asked.bind(("127.0.0.1", 0))
            self.port: int = asked.getsockname()[1]
        told = {
            "settings": {"state": str(state), "fleet": FLEET, "database": database, "urls": [], "pin": "plain"},
            "listening": {"host": "127.0.0.1", "port": self.port},
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "intendance.api.serve", json.dumps(told)], stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2).read()
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return

    def cpu_seconds(self) -> float:
        """User and system time so far, its own and that of children that ended."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS

    def rss_mib(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


def load(server: Server, tokens: Path, mode: str, seconds: float, connections: int = 32) -> dict[str, float]:
    """Let the nodes speak; what they saw, and the manager's processor time meanwhile (`cpu`, in seconds)."""
    words = [str(server.port), str(tokens), mode, str(seconds), str(connections)]
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._fleet_load", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    before = server.cpu_seconds()
    child.stdin.write("go\n")
    child.stdin.flush()
    told: dict[str, float] = json.loads(child.stdout.readline())
    told["cpu"] = server.cpu_seconds() - before
    child.communicate()
    return told


@contextmanager
def manager(nodes: int, server: PostgresServer | None) -> Iterator[tuple[Server, Database, Path]]:
    """A manager's process with so many nodes, on a database of its own, and the folder where their tokens are."""
    with tempfile.TemporaryDirectory(prefix="bench-fleet-") as folder:
        state = Path(folder)
        (state / "manager").mkdir()
        address = "" if server is None else server.address(server.new_database())
        with open_database(address or state / "manager" / "manager.db") as database:
            bring_up_to_date(database, backups=state, now=SystemClock().read().at)
            (state / "tokens").write_text("\n".join(populate(database, nodes)))
            process = Server(state, address)
            try:
                settle(database, nodes)
                yield process, database, state
            finally:
                process.process.terminate()
                process.process.wait()


def settle(database: Database, nodes: int) -> None:
    """Wait until every node was judged for the first time: that is another part's figure."""
    end = time.monotonic() + 300
    while True:
        with database.read() as connection:
            if connection.execute(select(func.count()).select_from(judged)).scalar_one() >= nodes:
                return
        if time.monotonic() > end:
            raise TimeoutError("the nodes are not judged")
        time.sleep(0.2)


def beats(options: argparse.Namespace, server: PostgresServer | None) -> bool:
    """As many beats as are answered, over 32 kept connections."""
    with manager(FEW, server) as (process, _, state):
        rate = load(process, state / "tokens", "flat", options.seconds)
    each_us = rate["cpu"] / max(1, rate["beats"]) * 1e6
    print(f"all it takes   {rate['beats'] / rate['seconds']:8.0f} beats/s   target {TARGET_BEATS}")
    print(f"  manager      {each_us:8.0f} us CPU each   target {TARGET_CPU_US}; p99 {rate['p99_ms']:.0f} ms")
    return rate["beats"] / rate["seconds"] >= TARGET_BEATS and each_us <= TARGET_CPU_US and not rate["refused"]


def day(options: argparse.Namespace, server: PostgresServer | None) -> bool:
    """A beat each minute of each node on a connection that it keeps, and as many records as so many nodes write."""
    with manager(options.nodes, server) as (process, database, state):
        speaker = Speaker(state / "speaker", options.days, database, f"http://127.0.0.1:{process.port}")
        quiet = [speaker.tell() for _ in range(20)][-10:]
        ending = threading.Event()
        rate = options.nodes / 3600
        news = threading.Thread(target=speaker.go_on, args=(rate, ending))
        news.start()
        calm = load(process, state / "tokens", "paced", options.minutes * 60)
        ending.set()
        news.join()
        speaker.close()
        rss = process.rss_mib()
    share = calm["cpu"] / calm["seconds"]
    heard = f"{calm['beats']:.0f} of {calm['due']:.0f} beats heard, {calm['refused']:.0f} refused"
    print(f"{options.nodes} nodes for {options.minutes} min   {heard}; p99 {calm['p99_ms']:.0f} ms")
    print(f"  manager      {share:8.1%} of a core   target {TARGET_PACED_CPU:.0%}; {rss:.0f} MiB")
    under = speaker.told_ms[20:]
    print(f"evidence to its verdict {max(quiet):8.0f} ms at most, alone   target {TARGET_VERDICT_MS}")
    print(f"  under all beats       {max(under):8.0f} ms at most, {statistics.median(under):.0f} ms mostly, "
          f"of {len(under)} at {rate:.1f}/s")  # fmt: skip
    good = share <= TARGET_PACED_CPU and calm["beats"] == calm["due"] and not calm["refused"]
    return good and max([*quiet, *under]) <= TARGET_VERDICT_MS


def judging(options: argparse.Namespace, server: PostgresServer | None) -> bool:
    """Every node judged from nothing but its evidence, and again when nothing changed."""
    with tempfile.TemporaryDirectory(prefix="bench-fleet-") as folder:
        place = Path(folder)
        address = place / "manager.db" if server is None else server.address(server.new_database())
        with open_database(address) as database:
            bring_up_to_date(database, backups=place, now=SystemClock().read().at)
            names = [line.split()[0] for line in populate(database, JUDGED)]
            records, assets = give(database, names, place / "life", options.days)
            about = About(fleet=FLEET, organisation="bench", zone="UTC")
            verdicts = Verdicts(database, SystemClock(), about, say=print)
            began, before = time.perf_counter(), _cpu_seconds()
            count = verdicts.judge_due()
            taken, cpu = time.perf_counter() - began, _cpu_seconds() - before
            said = sum(sum(states.values()) for states in verdicts.counts_by_rule().values())
    print(f"{count} nodes judged from nothing {taken:8.2f} s   target {TARGET_JUDGED_SECONDS} s")
    print(f"  {cpu / count * 1e3:.1f} ms CPU each: {assets} assets, {records} records of {options.days} days, "
          f"{said // count} verdicts")  # fmt: skip
    return count == JUDGED and taken <= TARGET_JUDGED_SECONDS


def _cpu_seconds() -> float:
    """User and system time of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def memory(options: argparse.Namespace, server: PostgresServer | None) -> bool:
    """The manager's process with 100 nodes, each with its evidence, two minutes long."""
    with manager(SOLO, server) as (process, database, state):
        names = [line.split()[0] for line in (state / "tokens").read_text().splitlines()]
        give(database, names, state / "life", options.days)
        load(process, state / "tokens", "paced", 120)
        rss = process.rss_mib()
    print(f"{SOLO} nodes        {rss:8.0f} MiB resident   target {TARGET_SOLO_MIB}")
    return rss <= TARGET_SOLO_MIB


def life(options: argparse.Namespace, server: PostgresServer | None) -> bool:
    """Who was called missing of those who live, and who was not of those who do not; and how late that was."""
    script, before = a_day(options.hours), _cpu_seconds()
    with tempfile.TemporaryDirectory(prefix="bench-fleet-") as folder:
        address = Path(folder) / "manager.db" if server is None else server.address(server.new_database())
        with open_database(address) as database:
            bring_up_to_date(database, backups=Path(folder), now=LIFE_BEGINS)
            found = FleetLife(database, script, policy(sms=False), LIFE_BEGINS).run()
    told = account(script, found)
    silent = len(script.silences)
    print(f"{script.nodes} nodes for {options.hours} h   {found.beats} beats heard, {found.lost} packets lost, "
          f"{found.looks} looks, {len(script.killed)} kills; {_cpu_seconds() - before:.0f} s CPU")  # fmt: skip
    print(f"  called missing {len(told.false):4} that live   target 0")
    print(f"  found          {len(told.found):4} silences of {silent}; {len(found.mailed)} named by a mail")
    print(f"  lateness       {told.latest_seconds:6.1f} s at most   target {TARGET_LATE_SECONDS:.0f} s")
    right = not told.false and len(told.found) == len(found.mailed) == silent
    return right and told.latest_seconds <= TARGET_LATE_SECONDS


PARTS = {"beats": beats, "judging": judging, "memory": memory, "day": day, "life": life}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench fleet", description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="these parts")
    parser.add_argument("--nodes", type=int, default=10_000, help="of the part `day`")
    parser.add_argument("--seconds", type=float, default=6.0, help="of the part `beats`")
    parser.add_argument("--minutes", type=int, default=2, help="of the part `day`")
    parser.add_argument("--hours", type=int, default=24, help="of the part `life`")
    parser.add_argument("--days", type=int, default=30, help="of evidence that each node has")
    parser.add_argument("--postgresql", action="store_true", help="on a private PostgreSQL server instead of SQLite")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    print(f"{machine()}; {'PostgreSQL' if options.postgresql else 'SQLite'}")
    with running() if options.postgresql else nullcontext() as server:
        held = [PARTS[part](options, server) for part in options.only]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
