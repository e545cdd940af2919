"""What a page of a large fleet costs: the wall, the list of nodes and a node, asked of a real server by a reader.

`./dev bench wall [--nodes N] [--asked N]`. A fleet by sites of ten nodes, each judged by all the rules that a real
node is judged by, one in a hundred in trouble. Targets (issue 6): the wall of 1,000 nodes in 150 ms of the server's
time at most, in 300 KB at most, also when a node was judged since. `first` is the first page of a process, which reads
all verdicts; then what a reader waits for while nothing changed. Last: from a
written verdict to the word on an open page's stream.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import uvicorn
from sqlalchemy import insert, update
from starlette.applications import Starlette

from benchmarks.measure import machine
from intendance.agent.judging import judge
from intendance.fleet.accounts.decide import Role
from intendance.fleet.accounts.service import Accounts
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.assets.service import Assets
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.migrate import bring_up_to_date
from intendance.fleet.database.tables import evidence_head, node, node_key, node_state, setting, verdict
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.plans.service import Plans
from intendance.fleet.verdicts import rows
from intendance.fleet.verdicts.changing import LOOKED
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.model.verdict import Verdict
from intendance.system.clock import SystemClock
from intendance.web.app import Headers, routes
from intendance.web.live import Live
from intendance.web.visit import Services
from tests.golden.lives import live
from tests.support.clock import MovableClock
from tests.support.watching import policy

TARGET_MS = 150
TARGET_BYTES = 300_000
TARGET_TOLD_MS = 1000
PER_SITE = 10
TROUBLE_EVERY = 100
_PASSWORD = "cheval pile agrafe correcte"


def lived(life: str) -> tuple[tuple[Verdict, ...], MovableClock]:
    """The verdicts of a life, judged as a node judges."""
    with tempfile.TemporaryDirectory() as folder:
        clock = live(life, Path(folder))
        found = judge(Path(folder), clock)
        performed = tuple(each for each in found.verdicts if found.rulebook.rules[each.rule].performed)
    return performed, clock


def populate(database: Database, count: int) -> MovableClock:
    """A fleet of so many nodes, judged."""
    well, clock = lived("all-well")
    trouble, _clock = lived("trouble")
    now = to_us(clock.at)
    names = [f"node-{number:05}" for number in range(count)]
    with database.begin() as connection:
        connection.execute(
            insert(node),
            [
                {"node": name, "incarnation": 1, "site": f"site-{at // PER_SITE:04}", "enrolled_us": now}
                for at, name in enumerate(names)
            ],
        )
        origins = [
            {"node": name, "incarnation": 1, "origin": name, "ledger_key": "k", "fingerprint": "f", "began_us": now}
            for name in names
        ]
        connection.execute(insert(node_key), origins)
        state = {"state": "up", "state_since_us": now, "last_seen_us": now, "deadline_us": now}
        connection.execute(insert(node_state), [{"node": name, "incarnation": 1} | state for name in names])
        heads = [{"node": name, "incarnation": 1, "edge": b"", "changed_us": now} for name in names]
        connection.execute(insert(evidence_head), heads)
        for at, name in enumerate(names):
            judged = trouble if at % TROUBLE_EVERY == 7 else well
            connection.execute(insert(verdict), [rows.to_row(replace(each, node=name), now) for each in judged])
        connection.execute(insert(setting).values(name=LOOKED, value=str(now)))
    return clock


@contextmanager
def served(services: Services) -> Iterator[str]:
    """The address of a server with the pages, on loopback."""
    app = Headers(Starlette(routes=list(routes(services))), secure=False)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            services.live.end()
            server.should_exit = True
            thread.join()


def asked(client: httpx.Client, path: str, times: int) -> tuple[float, float, int]:
    """Milliseconds of the first answer, the median of the others, and the bytes of the last."""
    taken = []
    size = 0
    for _ in range(times + 1):
        begun = time.perf_counter()
        answer = client.get(path)
        answer.raise_for_status()
        taken.append((time.perf_counter() - begun) * 1000)
        size = len(answer.content)
    return taken[0], statistics.median(taken[1:]), size


def again(client: httpx.Client, database: Database, times: int) -> float:
    """Milliseconds of a wall when one node was judged since the one before; the median."""
    taken = []
    for _ in range(times):
        judge_anew(database)
        taken.append(asked(client, "/", 1)[0])
    return statistics.median(taken)


def judge_anew(database: Database) -> None:
    """Write the verdicts of a node as judging it writes them."""
    with database.begin() as connection:
        this = verdict.c.node == "node-00000"
        connection.execute(update(verdict).where(this).values(judged_us=verdict.c.judged_us + 1))


def told(client: httpx.Client, database: Database) -> float:
    """Milliseconds from a verdict that was written to the word on the stream of an open wall."""
    listens = client.get("/").text.split('hx-sse:connect="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    with client.stream("GET", listens) as answer:
        lines = answer.iter_lines()
        next(lines)
        time.sleep(0.6)  # it looks four times a second: it has looked, and seen nothing new
        begun = time.perf_counter()
        judge_anew(database)
        for line in lines:
            if line == "event: changed":
                return (time.perf_counter() - begun) * 1000
    raise AssertionError("the stream ended")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--asked", type=int, default=20)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-wall-") as folder,
        open_database(Path(folder) / "manager.db") as database,
    ):
        bring_up_to_date(database, backups=Path(folder), now=SystemClock().read().at)
        clock = populate(database, options.nodes)
        return report(database, clock, options)


def report(database: Database, clock: MovableClock, options: argparse.Namespace) -> int:
    """All pages, in words; 1 when a target is missed."""
    clock.move(timedelta(seconds=1))
    accounts = Accounts(database, clock, lambda *_: None)
    accounts.add("vera", Role.VIEWER, _PASSWORD, by="bench")
    fleet = Verdicts(database, clock, About(fleet="bench", organisation="Bench", zone="UTC"), say=print)
    services = Services(
        accounts=accounts, fleet=fleet, ledgers=Ledgers(database), assets=Assets(database, clock),
        plans=Plans(database, clock),
        alerts=Alerts(database, policy, clock),
        live=Live(fleet.stamps), clock=clock, organisation="Bench", language="en", zone="UTC", secure=False,
    )  # fmt: skip
    good = True
    print(f"{machine()}; {options.nodes} nodes, {options.nodes // PER_SITE} sites")
    with (
        served(services) as address,
        httpx.Client(base_url=address, headers={"origin": address}, follow_redirects=True, timeout=120) as client,
    ):
        token = client.get("/login").text.split('name="token" value="', 1)[1].split('"', 1)[0]
        logged = client.post(
            "/login", data={"token": token, "name": "vera", "password": _PASSWORD}, follow_redirects=False
        )
        assert logged.status_code == 303, logged.text
        for name, path in (("wall", "/"), ("a site", "/nodes?site=site-0000"), ("a node", "/nodes/node-00007"),
                           ("all nodes", "/nodes"), ("ledgers", "/ledger"), ("a rule", "/rules/ASBL_010")):  # fmt: skip
            first, median, size = asked(client, path, options.asked)
            print(f"{name:10} first {first:7.0f} ms   then {median:6.1f} ms   {size / 1000:7.1f} KB")
            if name == "wall":
                good = median <= TARGET_MS and size <= TARGET_BYTES
        anew = again(client, database, 5)
        good = good and anew <= TARGET_MS
        print(f"wall, one node judged since   {anew:6.1f} ms")
        print(f"{'':10} target of the wall: {TARGET_MS} ms, {TARGET_BYTES // 1000} KB")
        heard = [told(client, database) for _ in range(3)]
        print(f"written to told on an open page   {statistics.median(heard):6.0f} ms   target {TARGET_TOLD_MS} ms")
    return 0 if good and statistics.median(heard) <= TARGET_TOLD_MS else 1


if __name__ == "__main__":
    sys.exit(main())
