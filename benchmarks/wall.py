"""What the pages of a large fleet cost, asked of a real server by a reader.

`./dev bench wall [--nodes N] [--asked N]`. A fleet by sites of ten nodes, each judged by all the rules that a real
node is judged by, one in a hundred in trouble; 1,000 alerts are open; one node's whole ledger is here. Targets (issue
6): the wall of 1,000 nodes in 150 ms of the server's time at most, in 300 KB at most, also when a node was judged
since. Every other page keeps to the same limits; also the first wall of a process that has warmed up, as a manager
does when it starts. `first` is the first answer of a page, then what a reader waits for while nothing changed. Last:
from a written verdict to the word on an open page's stream.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
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
from intendance.fleet.database.tables import (
    alert,
    alert_event,
    evidence_head,
    node,
    node_key,
    node_state,
    outbox,
    setting,
    verdict,
)
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.log import FleetLog
from intendance.fleet.own_log import OwnLog
from intendance.fleet.plans.service import Plans
from intendance.fleet.runs.service import Runs
from intendance.fleet.verdicts import rows
from intendance.fleet.verdicts.changing import LOOKED
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.model.verdict import Verdict
from intendance.system.clock import Clock, SystemClock
from intendance.web.app import Headers, routes
from intendance.web.live import Live
from intendance.web.visit import Services
from intendance.web.warm import load_words
from tests.golden.lives import live
from tests.support.clock import MovableClock
from tests.support.received import receive
from tests.support.watching import policy

LIMIT_MS = 150
LIMIT_BYTES = 300_000
LIMIT_TOLD_MS = 1000
WHOLE = "whole-node"
PAGES = (
    ("wall", "/"),
    ("nodes", "/nodes"),
    ("nodes that are well", "/nodes?show=well"),
    ("a site", "/nodes?site=site-0000"),
    ("a node", "/nodes/node-00007"),
    ("its asset", f"/nodes/{WHOLE}/assets/shop-db"),
    ("its plan", f"/nodes/{WHOLE}/plan"),
    ("rules", "/rules"),
    ("a rule", "/rules/ASBL_010"),
    ("a rule, where it holds", "/rules/ASBL_010?show=holds"),
    ("alerts", "/alerts"),
    ("an alert", "/alerts/1"),
    ("ledgers", "/ledger"),
    ("ledgers that are whole", "/ledger?show=well"),
    ("a ledger", f"/ledger/{WHOLE}"),
    ("runs", "/runs"),
    ("a record", f"/ledger/{WHOLE}/1"),
)
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
        sizes = {"size": 400, "edge": b"", "changed_us": now}
        heads = [{"node": name, "incarnation": 1, "signed_size": 400} | sizes for name in names]
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


def receive_one(database: Database) -> None:
    """A node whose whole ledger is here: its plan, its asset and its records have pages."""
    with tempfile.TemporaryDirectory() as folder:
        clock = live("all-well", Path(folder))
        receive(database, Path(folder), clock, WHOLE)
        found = judge(Path(folder), clock)
    judged = (each for each in found.verdicts if found.rulebook.rules[each.rule].performed)
    with database.begin() as connection:
        values = [rows.to_row(replace(each, node=WHOLE), to_us(clock.at)) for each in judged]
        connection.execute(insert(verdict), values)


def alarm(database: Database, count: int, clock: MovableClock) -> None:
    """So many alerts are open, half of them in somebody's hands; a message told of each."""
    now = to_us(clock.at)
    numbers = range(1, count + 1)
    with database.begin() as connection:
        row = {"cause": "ASBL_010", "severity": "critical", "episode": 1, "params": "{}", "fired_us": now}
        connection.execute(
            insert(alert),
            [
                {
                    "key": str(at),
                    "node": f"node-{at % count:05}",
                    "labels": f'{{"asset":"a{at}"}}',
                    "group_key": str(at),
                }
                | {"state": "acked" if at % 2 else "firing", "started_us": now - at * 1_000_000}
                | {"acked_by": "person:vera" if at % 2 else "", "acked_until_us": now + 10**10 if at % 2 else None}
                | row
                for at in numbers
            ],
        )
        told = {"event": "told", "actor": ""}
        events = [{"alert": at, "at_us": now - at * 1_000_000} | told for at in numbers]
        connection.execute(insert(alert_event), events)
        message = {
            "episode": 1, "step": 0, "contact": "admin", "channel": "email", "purpose": "firing", "state": "sent",
            "content": '{"members":[]}', "next_us": now, "expires_us": now, "sent_us": now, "code": "250",
        }  # fmt: skip
        connection.execute(
            insert(outbox),
            [message | {"alert": at, "idempotency_key": str(at), "made_us": now - at * 1_000_000} for at in numbers],
        )


BENCH = policy(fleet="bench", organisation="Bench", zone="UTC")


def made(database: Database, clock: Clock, state: Path) -> Services:
    """What the pages are made from, by a process that was just started."""
    fleet = Verdicts(database, clock, About(fleet="bench", organisation=BENCH.organisation, zone=BENCH.zone), say=print)
    return Services(
        accounts=Accounts(database, clock, lambda *_: None),
        fleet=fleet, ledgers=Ledgers(database), assets=Assets(database, clock),
        plans=Plans(database, clock), runs=Runs(database, clock),
        log=OwnLog(FleetLog(state, "bench", clock), clock),
        alerts=Alerts(database, policy, clock),
        live=Live(fleet.stamps), clock=clock, policy=lambda: BENCH, secure=False,
    )  # fmt: skip


@contextmanager
def reading(services: Services) -> Iterator[httpx.Client]:
    """A reader who has logged in."""
    with (
        served(services) as address,
        httpx.Client(base_url=address, headers={"origin": address}, follow_redirects=True, timeout=120) as client,
    ):
        token = client.get("/login").text.split('name="token" value="', 1)[1].split('"', 1)[0]
        logged = client.post(
            "/login", data={"token": token, "name": "vera", "password": _PASSWORD}, follow_redirects=False
        )
        assert logged.status_code == 303, logged.text
        yield client


def first_wall(folder: Path, at: str, *, warmed: bool) -> None:
    """In a process of its own: the milliseconds of its first wall, and those that warming up took."""
    clock = MovableClock(datetime.fromisoformat(at))
    with open_database(folder / "manager.db") as database:
        services = made(database, clock, folder / "log")
        begun = time.perf_counter()
        if warmed:
            load_words()
            services.fleet.standing()
        ready = (time.perf_counter() - begun) * 1000
        with reading(services) as client:
            print(json.dumps({"first": asked(client, "/", 1)[0], "ready": ready}))


def fresh(folder: Path, clock: MovableClock, *, warmed: bool) -> tuple[float, float]:
    """The same, of a process that is started for it; the median of three."""
    words = ["--first", str(folder), clock.at.isoformat(), *(["--warmed"] if warmed else [])]
    told = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.wall", *words], check=True, capture_output=True, text=True
        )
        told.append(json.loads(done.stdout))
    return statistics.median(each["first"] for each in told), statistics.median(each["ready"] for each in told)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--alerts", type=int, default=1000)
    parser.add_argument("--asked", type=int, default=20)
    parser.add_argument("--first", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--warmed", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first:
        first_wall(Path(options.first[0]), options.first[1], warmed=options.warmed)
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="bench-wall-") as folder,
        open_database(Path(folder) / "manager.db") as database,
    ):
        bring_up_to_date(database, backups=Path(folder), now=SystemClock().read().at)
        clock = populate(database, options.nodes)
        receive_one(database)
        alarm(database, options.alerts, clock)
        clock.move(timedelta(seconds=1))
        return report(database, Path(folder), clock, options)


def report(database: Database, folder: Path, clock: MovableClock, options: argparse.Namespace) -> int:
    """All pages, in words; 1 when a limit is not kept."""
    Accounts(database, clock, lambda *_: None).add("vera", Role.VIEWER, _PASSWORD, by="bench")
    kept = []
    print(f"{machine()}; {options.nodes} nodes, {options.nodes // PER_SITE} sites, {options.alerts} open alerts")
    print(f"limits: {LIMIT_MS} ms of the server's time, {LIMIT_BYTES // 1000} KB\n")
    with reading(made(database, clock, folder / "log")) as client:
        for name, path in PAGES:
            first, median, size = asked(client, path, options.asked)
            kept.append(median <= LIMIT_MS and size <= LIMIT_BYTES)
            verdict_of = "" if kept[-1] else "   over"
            print(f"{name:28} first {first:7.0f} ms   then {median:6.1f} ms   {size / 1000:7.1f} KB{verdict_of}")
        anew = again(client, database, 5)
        kept.append(anew <= LIMIT_MS)
        print(f"\nwall, one node judged since             {anew:6.1f} ms   limit {LIMIT_MS} ms")
        heard = statistics.median(told(client, database) for _ in range(3))
        kept.append(heard <= LIMIT_TOLD_MS)
        print(f"written to told on an open page         {heard:6.0f} ms   limit {LIMIT_TOLD_MS} ms")
    cold, _ready = fresh(folder, clock, warmed=False)
    warm, ready = fresh(folder, clock, warmed=True)
    kept.append(warm <= LIMIT_MS)
    print(
        f"first wall of a process, warmed         {warm:6.0f} ms   limit {LIMIT_MS} ms   (warming up: {ready:.0f} ms)"
    )
    print(f"first wall of a process, not warmed     {cold:6.0f} ms")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
