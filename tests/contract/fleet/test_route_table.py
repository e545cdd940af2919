"""Who may what, for every address that the application itself has: one that is not in the table is a fault."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import httpx
import pytest
from sqlalchemy import select
from starlette.routing import Mount, Route

from intendance.fleet.accounts.decide import RIGHTS, Right, Role, Stage
from intendance.fleet.accounts.sessions import open_session
from intendance.fleet.database.connect import open_database
from intendance.fleet.database.tables import account
from intendance.fleet.tokens.decide import Scope
from intendance.web.app import CSP
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.hostile import join
from tests.support.nodes import SimulatedNode

PASSWORD = "cheval pile agrafe correcte"
READ, ACKNOWLEDGE = Right.READ, Right.ACKNOWLEDGE
OPEN: Final = "open"
FORM: Final = "form"
NODE: Final = "node"
STREAM: Final = "stream"
"""For anybody; for anybody whose form a page of ours gave them; for a node's secret; for the streams of open pages."""

Whose = Right | Scope | Literal["open", "form", "node", "stream"]
TABLE: Mapping[str, Whose] = MappingProxyType(
    {
        "GET /healthz": OPEN,
        "GET /api/v1/authority": OPEN,
        "GET /api/v1/openapi.json": OPEN,
        "GET /static": OPEN,
        "POST /api/v1/enrol": OPEN,
        "POST /api/v1/heartbeat": NODE,
        "POST /api/v1/heartbeats": NODE,
        "POST /api/v1/evidence": NODE,
        "GET /metrics": Scope.METRICS,
        "GET /api/v1/prometheus/sd": Scope.METRICS,
        "GET /api/v1/alerts": Scope.READ,
        "GET /api/v1/alerts/{alert}": Scope.READ,
        "POST /api/v1/alerts/{alert}/ack": Scope.ACK,
        "POST /api/v1/alerts/{alert}/unack": Scope.ACK,
        "GET /api/v1/assets": Scope.READ,
        "GET /api/v1/findings": Scope.READ,
        "GET /api/v1/gate": Scope.READ,
        "GET /api/v1/log": Scope.READ,
        "GET /api/v1/log/records": Scope.READ,
        "GET /api/v1/log/records/{seq}": Scope.READ,
        "GET /api/v1/nodes": Scope.READ,
        "GET /api/v1/nodes/{node}": Scope.READ,
        "GET /api/v1/nodes/{node}/records": Scope.READ,
        "GET /api/v1/nodes/{node}/records/{seq}": Scope.READ,
        "GET /api/v1/nodes/{node}/runs": Scope.READ,
        "GET /api/v1/rules": Scope.READ,
        "GET /api/v1/rules/{rule}": Scope.READ,
        "GET /api/v1/silences": Scope.READ,
        "POST /api/v1/silences": Scope.ACK,
        "POST /api/v1/silences/{silence}/end": Scope.ACK,
        "GET /api/v1/status": Scope.READ,
        "GET /api/v1/verdicts": Scope.READ,
        "GET /live": STREAM,
        "GET /": READ,
        "GET /nodes": READ,
        "GET /nodes/{node}": READ,
        "GET /nodes/{node}.json": READ,
        "GET /nodes/{node}/plan": READ,
        "GET /nodes/{node}/plan.json": READ,
        "GET /nodes/{node}/assets/{asset}": READ,
        "GET /nodes/{node}/assets/{asset}.json": READ,
        "GET /rules": READ,
        "GET /rules/{rule}": READ,
        "GET /alerts": READ,
        "GET /alerts.json": READ,
        "GET /alerts/{alert}": READ,
        "POST /alerts/{alert}/ack": ACKNOWLEDGE,
        "POST /alerts/{alert}/unack": ACKNOWLEDGE,
        "POST /alerts/{alert}/silence": ACKNOWLEDGE,
        "POST /alerts/test": ACKNOWLEDGE,
        "GET /alerts/test/{message}": READ,
        "GET /alerts/test/{message}.json": READ,
        "POST /silences/{silence}/end": ACKNOWLEDGE,
        "GET /ledger": READ,
        "GET /ledger/{node}": READ,
        "GET /ledger/{node}.json": READ,
        "GET /ledger/{node}/{seq}": READ,
        "GET /ledger/{node}/{seq}.json": READ,
        "GET /ledger/.log": READ,
        "GET /ledger/.log.json": READ,
        "GET /ledger/.log/{seq}": READ,
        "GET /ledger/.log/{seq}.json": READ,
        "GET /runs": READ,
        "GET /runs.json": READ,
        "GET /runs/{node}/{run}": READ,
        "GET /runs/{node}/{run}.json": READ,
        "GET /account": READ,
        "GET /account.json": READ,
        "POST /account/sessions/end": READ,
        "POST /account/sessions/{session}/end": READ,
        "GET /login": OPEN,
        "POST /login": FORM,
        "GET /login/second": OPEN,
        "POST /login/second": FORM,
        "GET /login/enrol": OPEN,
        "POST /login/enrol": FORM,
        "POST /logout": FORM,
    }
)
FILLED = {"node": "web-01", "seq": "0", "alert": "1", "silence": "1", "rule": "ASBL_010", "asset": "db", "session": "0"}
FILLED |= {"run": "db.backup-logical.20261122T080000Z", "message": "1"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who comes with a bearer's token, a cookie, and the token of the cookie's own forms, or not."""

    name: str
    bearer: str = ""
    role: Role | None = None
    stage: Stage = Stage.WHOLE
    form: bool = False


SCOPED = tuple(Visitor(f"token for {scope.value}", bearer=scope.value) for scope in Scope)
STRANGERS = (Visitor("nobody"), Visitor("a wrong token", bearer="wrong"), Visitor("a node", bearer="node"))
HALF = (
    Visitor("an administrator before the second factor", role=Role.ADMIN, stage=Stage.SECOND, form=True),
    Visitor("an administrator without one", role=Role.ADMIN, stage=Stage.ENROL, form=True),
)
PEOPLE = tuple(Visitor(role.value, role=role, form=True) for role in Role)
FORMLESS = tuple(Visitor(f"{role.value} without the form's token", role=role) for role in Role)
EVERYBODY = (*STRANGERS, *SCOPED, *HALF, *PEOPLE)


@pytest.fixture(scope="module")
def asked(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("table")
    shutil.copy(sqlite_template, folder / "manager.db")
    with open_database(folder / "manager.db") as database:
        found = Asked(database, MovableClock(BEGAN))
        for role in Role:
            found.accounts.add(role.value, role, PASSWORD, by="person:root")
        yield found


@pytest.fixture(scope="module")
def bearers(asked: Asked, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """What each token that visitors come with is."""
    node = join(asked.manager, SimulatedNode("web-01", asked.clock, tmp_path_factory.mktemp("node")))
    scoped = {scope.value: secret for scope, secret in asked.secrets.items()}
    yield scoped | {"node": node.bearer.decode(), "wrong": "wrong"}
    node.book.close()


def _routes(asked: Asked) -> set[str]:
    found = set()
    for route in asked.app.router.routes:
        if isinstance(route, Mount):
            found.add(f"GET {route.path}")
        else:
            assert isinstance(route, Route), route
            path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
            found |= {f"{method} {path}" for method in (route.methods or set()) - {"HEAD"}}
    return found


def _come(asked: Asked, bearers: Mapping[str, str], visitor: Visitor, way: str) -> httpx.Response:
    method, _, path = way.partition(" ")
    for name, value in FILLED.items():
        path = path.replace(f"{{{name}}}", value)
    path = "/static/intendance.css" if path == "/static" else path
    headers = {"authorization": f"Bearer {bearers[visitor.bearer]}"} if visitor.bearer else {}
    content = b""
    if visitor.role is not None:  # a session of their own each time: some addresses end it
        with asked.database.begin() as connection:
            number = connection.execute(select(account.c.id).where(account.c.name == visitor.role.value)).scalar_one()
            opened = open_session(connection, number, visitor.stage, asked.clock.read().at)
        headers["cookie"] = f"intendance={opened.token}"
        session = asked.accounts.who(opened.token)
        assert session is not None
        content = f"token={session.csrf}".encode() if visitor.form else b""
    if way == "POST /login" and visitor.form:  # its page gave a token to a browser that nobody logged in on yet
        headers["cookie"] += "; intendance-login=planted"
        content = b"token=planted"
    if method == "POST" and path.startswith("/api"):
        content = b"{}"
    return asked.ask(path, scope=None, method=method, headers=headers, content=content)


def _outcome(answer: httpx.Response) -> str:
    """Let in, or how somebody was sent away."""
    if answer.status_code == 303 and answer.headers["location"].startswith("/login"):
        return "log in"
    if "event: over" in answer.text:
        return "over"
    return {401: "who?", 403: "no"}.get(answer.status_code, "in")


def _wanted(whose: Whose, way: str, visitor: Visitor) -> str:
    """What becomes of a visitor by the table."""
    if whose == OPEN:
        return "in"
    if whose == NODE:
        return "in" if visitor.bearer == "node" else "who?"
    if whose == STREAM:
        return "over"
    if isinstance(whose, Scope):
        return _of_scope(whose, way, visitor)
    posts = way.startswith("POST")
    if posts and not visitor.form:
        return "no"
    if whose == FORM:
        return "in"
    assert isinstance(whose, Right)
    if visitor.role is None or visitor.stage is not Stage.WHOLE:
        return "log in"
    return "in" if whose in RIGHTS[visitor.role] else "no"


def _of_scope(scope: Scope, way: str, visitor: Visitor) -> str:
    if visitor.bearer in {each.value for each in Scope}:
        return "in" if visitor.bearer == scope.value else "no"
    if visitor.role is None or visitor.stage is not Stage.WHOLE or way.startswith("POST"):
        return "who?"
    return "in" if scope is Scope.READ else "no"


def test_the_table_has_every_address_and_no_other(asked: Asked) -> None:
    assert _routes(asked) == set(TABLE)


@pytest.mark.parametrize("way", list(TABLE))
def test_everybody_is_let_in_where_they_may_and_nowhere_else(
    asked: Asked, bearers: Mapping[str, str], way: str
) -> None:
    whose = TABLE[way]
    for visitor in (*EVERYBODY, *(FORMLESS if way.startswith("POST") else ())):
        if whose == STREAM and visitor.role is not None and visitor.stage is Stage.WHOLE:
            continue  # a stream without an end
        answer = _come(asked, bearers, visitor, way)
        found, wanted = _outcome(answer), _wanted(whose, way, visitor)
        if whose == FORM and wanted == "in":
            assert found != "no", (visitor.name, answer.status_code)
        elif way.startswith(("GET /login", "POST /account")) and wanted == "in":
            assert found in ("in", "log in"), (visitor.name, answer.status_code)
        else:
            assert found == wanted, (visitor.name, answer.status_code)
        assert answer.status_code < 500, visitor.name
        if way != "POST /api/v1/heartbeat":  # that has a short way of its own
            assert answer.headers["content-security-policy"] == CSP
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "cache-control" in answer.headers
