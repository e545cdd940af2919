"""How many heartbeats a manager takes, and what each costs: the real process, real sockets, a database on disk.

`./dev bench fleet [--nodes N] [--seconds S] [--database ADDRESS]`. Two parts: as many authenticated beats as are
answered, over 32 kept connections; then 10,000 nodes, each with a connection of its own and one beat a minute.
Processor time is that of the manager's process (user and system, /proc/PID/stat), whatever else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from hashlib import sha256
from pathlib import Path

from sqlalchemy import insert

from benchmarks._fleet_load import NOTE
from benchmarks.measure import machine
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.migrate import bring_up_to_date
from intendance.fleet.database.tables import evidence_head, node, node_key, node_state, setting
from intendance.system.clock import SystemClock

TARGET_BEATS = 6000
TARGET_CPU_US = 200
TARGET_PACED_CPU = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")


def populate(database: Database, count: int) -> list[str]:
    """Nodes that have joined, written as enrolment writes them; `node secret` for each."""
    now = to_us(SystemClock().read().at)
    names = [f"bench-{number:05}" for number in range(count)]
    bearers = {name: secrets.token_urlsafe(32) for name in names}
    with database.begin() as connection:
        connection.execute(insert(setting).values(name="fleet", value="bench"))
        connection.execute(
            insert(node),
            [
                {"node": name, "incarnation": 1, "token_sha256": sha256(bearers[name].encode()).hexdigest(),
                 "enrolled_us": now}
                for name in names
            ],
        )  # fmt: skip
        keys = [
            {"node": name, "incarnation": 1, "origin": f"bench/node/{name}/1", "ledger_key": "k", "fingerprint": "f",
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
            "settings": {"state": str(state), "fleet": "bench", "database": database, "urls": [], "pin": "plain"},
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
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=6.0, help="of the part that takes all it can get")
    parser.add_argument("--database", default="", help="an empty PostgreSQL database instead of SQLite")
    parser.add_argument("--minute", type=float, default=60.0, help="how long the paced part lasts; 0: leave it out")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="bench-fleet-") as folder:
        state = Path(folder)
        (state / "manager").mkdir()
        with open_database(options.database or state / "manager" / "manager.db") as database:
            bring_up_to_date(database, backups=state, now=SystemClock().read().at)
            few, many = state / "few", state / "many"
            lines = populate(database, options.nodes)
        few.write_text("\n".join(lines[:2000]))
        many.write_text("\n".join(lines))
        server = Server(state, options.database)
        try:
            return report(server, few, many, options)
        finally:
            server.process.terminate()
            server.process.wait()


def report(server: Server, few: Path, many: Path, options: argparse.Namespace) -> int:
    """Both parts, in words; 1 when a target is missed."""
    print(f"{machine()}; {options.nodes} nodes, {options.database.partition(':')[0] or 'sqlite'}")
    rate = load(server, few, "flat", options.seconds)
    each_us = rate["cpu"] / max(1, rate["beats"]) * 1e6
    print(f"all it takes   {rate['beats'] / rate['seconds']:8.0f} beats/s   target {TARGET_BEATS}")
    print(f"  manager      {each_us:8.0f} us CPU each   target {TARGET_CPU_US}; p99 {rate['p99_ms']:.0f} ms")
    good = rate["beats"] / rate["seconds"] >= TARGET_BEATS and each_us <= TARGET_CPU_US and not rate["refused"]
    if options.minute:
        calm = load(server, many, "paced", options.minute)
        share = calm["cpu"] / calm["seconds"]
        heard = f"{calm['beats']:.0f} heard, {calm['refused']:.0f} refused"
        print(f"{options.nodes} nodes in {options.minute:.0f} s   {heard}")
        print(f"  manager      {share:8.1%} of a core   target {TARGET_PACED_CPU:.0%}; {server.rss_mib():.0f} MiB")
        good = good and share <= TARGET_PACED_CPU and calm["beats"] == options.nodes
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
