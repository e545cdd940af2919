"""At the foot of every page: the same as data, and the command that tells it."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from sqlalchemy import insert, update
from starlette.routing import Route

from intendance.fleet.accounts.decide import Role
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_head, evidence_record
from intendance.fleet.runs.rows import keep
from intendance.ledger.book import Book
from intendance.ledger.rows import Row
from intendance.model.evidence.run import RunEnded, RunStarted
from intendance.web import app as web
from intendance.web.visit import Services
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.system.web.conftest import PASSWORD

RUN = "shop-db.inspect.1"
PARAMETERS = {"node": "web-01", "asset": "shop-db", "rule": "ASBL_010", "seq": "0"}
_DATA = re.compile(r'<dd><a href="([^"]+)"><code>[^<]+</code></a></dd>')
_TYPED = re.compile(r"<dd><code class=\"typed\"><span>intendance</span> <span>")


@contextmanager
def _served(asked: Asked) -> Iterator[httpx.Client]:
    """The whole manager, pages and API, as a browser asks it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(asked.app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            with httpx.Client(
                base_url=address, headers={"origin": address}, follow_redirects=True, timeout=120
            ) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def _run(database: Database, state: Path, clock: MovableClock) -> None:
    """A run of the node began and ended, as its records say."""
    with Book.open(state, clock) as book:
        first = book.size()
        began = RunStarted(activity="inspect", occurrence="x", attempt=1, deadline_seconds=60)
        book.append(began, actor="person:root", asset="shop-db", run=RUN)
        ended = RunEnded(activity="inspect", outcome="failed", attempt=1, message="no room")
        book.append(ended, actor="person:root", asset="shop-db", run=RUN)
        marks = [book.record(seq) for seq in range(first, book.size())]
        own = f'"node":"{book.node}"'.encode()
        texts = [book.content(each.seq).replace(own, b'"node":"web-01"') for each in marks]
        size = book.size()
    told = [Row(each.seq, each.kind, each.asset, each.ts, text) for each, text in zip(marks, texts, strict=True)]
    with database.begin() as connection:
        for each, text in zip(marks, texts, strict=True):
            row = {"seq": each.seq, "kind": each.kind, "asset": each.asset, "ts": each.ts, "content": text}
            connection.execute(insert(evidence_record).values(node="web-01", incarnation=1, received_us=1, **row))
        connection.execute(update(evidence_head).values(size=size, signed_size=size))
        keep(connection, "web-01", 1, told, 1)


def _pages(services: Services, **named: str) -> list[str]:
    """Every address of a page that one reads once logged in."""
    found: list[str] = []
    for route in web.routes(services):
        if not isinstance(route, Route) or "GET" not in (route.methods or ()):
            continue
        if route.path in _WITHOUT or route.path.endswith(".json") or route.path.startswith("/login"):
            continue
        path = route.path
        for name, value in (PARAMETERS | named).items():
            path = path.replace(f"{{{name}}}", value).replace(f"{{{name}:number}}", value)
        found.append(path)
    return found


_WITHOUT = {"/live"}


def test_every_page_says_where_it_is_as_data_and_which_command_tells_it(
    fleet_database: Database, tmp_path: Path
) -> None:
    asked = Asked(fleet_database, MovableClock(BEGAN))
    asked.arrive(tmp_path)
    _run(fleet_database, tmp_path / "web-01", asked.clock)
    asked.accounts.add("omar", Role.OPERATOR, PASSWORD, by="test")
    alert = next(each.told.number for each in asked.alerts.listed())
    message = asked.alerts.try_ways()[0]
    with _served(asked) as client:
        token = client.get("/login").text.split('name="token" value="', 1)[1].split('"', 1)[0]
        client.post("/login", data={"token": token, "name": "omar", "password": PASSWORD})
        pages = _pages(asked._pages(), alert=str(alert), message=str(message), run=RUN)
        assert len(pages) >= 14
        for path in pages:
            page = client.get(path)
            assert page.status_code == 200, (path, page.text)
            data, typed = _DATA.search(page.text), _TYPED.search(page.text)
            assert data is not None, f"{path} does not say where it is as data"
            assert typed is not None, f"{path} does not say which command tells it"
            answer = client.get(data[1])
            assert (answer.status_code, "json" in answer.headers["content-type"]) == (200, True), (path, data[1])
            assert answer.json()["schema"].startswith("intendance."), (path, data[1])
            of_the_fleet = path.startswith("/ledger/.log")
            command = page.text[typed.start() :].partition("</code>")[0]
            assert ("--manager" in command) is of_the_fleet, (path, command)
            of_a_node = "/web-01" in path
            assert ("<dt>En ligne de commande, sur web-01</dt>" in page.text) is of_a_node, path
