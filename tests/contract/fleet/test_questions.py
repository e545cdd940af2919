"""What programs may ask, on SQLite and on PostgreSQL: who may, how much at once, and that it is what nodes said."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import select, update
from starlette.routing import BaseRoute, Mount, Route

from intendance.agent.judging import judge
from intendance.api import beats, described
from intendance.catalogue.load import load
from intendance.cli import status
from intendance.fleet.accounts.decide import Role
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.tables import evidence_record, finding
from intendance.fleet.tokens.decide import Scope
from intendance.model.evidence.accounts import AccountChanged
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN

OPEN = {"/healthz", "/api/v1/authority", "/api/v1/openapi.json"}
PASSWORD = "cheval pile agrafe correcte"


@pytest.fixture
def asked(fleet_database: Database, clock: MovableClock) -> Asked:
    return Asked(fleet_database, clock)


@pytest.fixture
def fleet(asked: Asked, tmp_path: Path) -> Asked:
    asked.arrive(tmp_path)
    return asked


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nodes")


@pytest.fixture(scope="module")
def still(sqlite_template: Path, state: Path) -> Iterator[Asked]:
    """A fleet that these tests only look at."""
    shutil.copy(sqlite_template, state / "manager.db")
    with open_database(state / "manager.db") as database:
        asked = Asked(database, MovableClock(BEGAN))
        asked.arrive(state)
        asked.log.append(AccountChanged(account="somebody", change="added", role="viewer"), actor="person:root")
        yield asked


def _routes_for_programs(asked: Asked) -> Iterator[Route]:
    routes: list[BaseRoute] = list(asked.app.router.routes)
    for route in routes:
        assert isinstance(route, Route | Mount)
        if isinstance(route, Route) and route.path.startswith(("/api", "/metrics", "/healthz")):
            yield route


def _filled(path: str) -> str:
    path = path.replace("{silence}", "1")
    return path.replace("{node}", "web-01").replace("{seq}", "1").replace("{rule}", "ASBL_010").replace("{alert}", "1")


def test_every_route_asks_for_its_scope(still: Asked) -> None:
    scopes = {each.path: each.scope for each in described.OPERATIONS if not each.acts}
    acting = {each.path for each in described.OPERATIONS if each.acts}  # asked in test_api_acting
    seen = 0
    for route in _routes_for_programs(still):
        if route.path in OPEN or route.path in {each.path for each in beats.MESSAGES}:
            continue
        methods = ({"GET", "HEAD"} if route.path in scopes else set()) | ({"POST"} if route.path in acting else set())
        assert route.methods == methods, route.path
        if route.path not in scopes:
            continue
        path, needed = _filled(route.path), scopes[route.path]
        refused = still.ask(path, scope=None)
        assert (refused.status_code, refused.headers["www-authenticate"][:6]) == (401, "Bearer"), path
        for wrong in ("", "intendance_wrong", still.secrets[needed][:-1]):
            answer = still.ask(path, headers={"authorization": f"Bearer {wrong}"})
            assert answer.status_code == 401, path
        assert still.ask(path, headers={"authorization": f"Basic {still.secrets[needed]}"}).status_code == 401
        for scope in Scope:
            answer = still.ask(path, scope=scope)
            assert answer.status_code == (200 if scope is needed else 403), (path, scope, answer.text)
            if scope is not needed:
                assert needed.value in answer.json()["detail"]
        seen += 1
    assert seen == len(scopes) == len(described.OPERATIONS) - len(acting)


def test_every_route_is_described_and_nothing_else(still: Asked) -> None:
    told = json.loads(described.written())["paths"]
    there = {(route.path, method.lower()) for route in _routes_for_programs(still) for method in route.methods or ()}
    assert {(path, method) for path, methods in told.items() for method in methods} == {
        (path, method) for path, method in there if method != "head"
    }


def test_a_revoked_token_opens_nothing_at_once(fleet: Asked) -> None:
    assert fleet.ask("/api/v1/nodes").status_code == 200
    fleet.tokens.revoke("read", by="test")
    answer = fleet.ask("/api/v1/nodes")
    assert (answer.status_code, answer.json()["title"]) == (401, "api_token_refused")


def test_who_is_logged_in_at_the_pages_may_read(asked: Asked) -> None:
    for role in Role:
        asked.accounts.add(role.value, role, PASSWORD, by="test")
        cookie = {"cookie": f"intendance={asked.accounts.begin(role.value, PASSWORD).token}"}
        whole = role is not Role.ADMIN  # who owes a second factor is not here yet
        assert asked.ask("/api/v1/nodes", scope=None, headers=cookie).status_code == (200 if whole else 401)
        asked.accounts.disable(role.value, by="test")
        assert asked.ask("/api/v1/nodes", scope=None, headers=cookie).status_code == 401
    assert asked.ask("/api/v1/nodes", scope=None, headers={"cookie": "intendance=x"}).status_code == 401


def _shapes() -> Iterator[tuple[str, Draft202012Validator]]:
    told = json.loads(described.written())
    for path, methods in told["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema:
            yield path, Draft202012Validator({**schema, "components": told["components"]})


def test_every_answer_has_the_shape_that_the_document_tells(still: Asked) -> None:
    scopes = {each.path: each.scope for each in described.OPERATIONS if not each.acts}
    checked = 0
    for path, shape in _shapes():
        answer = still.ask(_filled(path), scope=scopes[path])
        assert [error.message for error in shape.iter_errors(answer.json())] == [], path
        checked += 1
    assert checked >= 11


def test_verdicts_are_those_that_the_node_itself_finds_in_the_same_shape(still: Asked, state: Path) -> None:
    own = status.as_json(judge(state / "web-01", still.clock))
    told = still.ask("/api/v1/status?node=web-01").json()
    of_node = {rule.id for rule in load().rules.values() if rule.performed and rule.judged_by == "node"}
    performed = [each for each in own["verdicts"] if each["rule"] in of_node]
    judged = [each for each in told["verdicts"] if each["rule"] in of_node]
    assert sorted(map(json.dumps, judged)) == sorted(map(json.dumps, performed))
    states = [each["state"] for each in told["verdicts"]]
    assert {state: count for state, count in told["summary"].items() if count} == Counter(states)
    assert (told["answer"], told["catalogues"]) == ("broken", own["catalogues"])
    paged = still.ask("/api/v1/verdicts?node=web-01&limit=1000").json()["verdicts"]
    assert len(paged) == len(states)


def _pages(asked: Asked, path: str, noun: str, limit: int) -> list[Any]:
    found: list[Any] = []
    sign = "&" if "?" in path else "?"
    cursor = ""
    for _ in range(200):
        answer = asked.ask(f"{path}{sign}limit={limit}{cursor}").json()
        assert len(answer[noun]) <= limit
        found += answer[noun]
        if answer["next"] is None:
            return found
        cursor = f"&cursor={answer['next']}"
    raise AssertionError("the pages have no end")


PAGED = (
    ("/api/v1/verdicts", "verdicts", 7),
    ("/api/v1/verdicts?state=fail", "verdicts", 1),
    ("/api/v1/nodes/web-01/records", "records", 40),
    ("/api/v1/nodes/web-01/records?kind=backup.completed", "records", 9),
    ("/api/v1/nodes/web-01/runs", "runs", 9),
    ("/api/v1/assets", "assets", 1),
    ("/api/v1/nodes", "nodes", 1),
    ("/api/v1/alerts", "alerts", 1),
    ("/api/v1/alerts?state=firing", "alerts", 2),
)


def _name_runs(asked: Asked) -> None:
    """The records of that life name no runs; those of a real node do."""
    record = evidence_record.c
    with asked.database.begin() as connection:
        for row in connection.execute(select(evidence_record).where(record.asset.is_not(None))).all():
            run = f'"run":"{row.asset}.backup-logical.20260101T000000Z"'.encode()
            content = bytes(row.content).replace(b'"run":null', run)
            this = (record.node == row.node) & (record.seq == row.seq)
            connection.execute(update(evidence_record).where(this).values(content=content))


def test_pages_hold_everything_once_and_in_order(fleet: Asked) -> None:
    _name_runs(fleet)
    for path, noun, limit in PAGED:
        whole = fleet.ask(f"{path}{'&' if '?' in path else '?'}limit=1000").json()
        assert whole["next"] is None
        assert len(whole[noun]) > 0, path
        assert _pages(fleet, path, noun, limit) == whole[noun], path
    runs = fleet.ask("/api/v1/nodes/web-01/runs?limit=1000").json()["runs"]
    failed = [each for each in runs if each["state"] != "succeeded"]
    assert [(each["activity"], bool(each["error"]["message"])) for each in failed] == [("backup.logical", True)]
    assert all(each["error"] is None for each in runs if each not in failed)
    only = fleet.ask("/api/v1/nodes/web-01/runs?asset=site-files&limit=1000").json()["runs"]
    assert {each["asset"] for each in only} == {"site-files"}


def test_pages_of_several_nodes(fleet: Asked, tmp_path: Path) -> None:
    for name in ("web-02", "web-03"):
        fleet.arrive(tmp_path, name=name)
    assert [each["node"] for each in _pages(fleet, "/api/v1/nodes", "nodes", 2)] == ["web-01", "web-02", "web-03"]
    assets = _pages(fleet, "/api/v1/assets", "assets", 2)
    assert [(each["node"], each["asset"]) for each in assets] == [
        (f"web-0{number}", asset) for number in (1, 2, 3) for asset in ("shop-db", "site-files")
    ]
    assert assets[0]["engine"] == "mariadb"
    assert assets[0]["verdicts"]["fail"] > 0
    fleet.manager.nodes.decommission("web-02", by="test")
    assert {each["node"] for each in fleet.ask("/api/v1/verdicts?limit=1000").json()["verdicts"]} == {
        "web-01",
        "web-03",
    }
    assert fleet.ask("/api/v1/status?node=web-02").status_code == 404
    assert fleet.ask("/api/v1/nodes/web-02").json()["node"]["state"] == "decommissioned"


def test_findings_are_listed_and_told_apart(fleet: Asked) -> None:
    with fleet.database.begin() as connection:
        for number in range(5):
            row = {"node": "web-01", "incarnation": 1, "kind": "fork", "subject": str(number)}
            at = to_us(fleet.clock.at)
            connection.execute(finding.insert().values(**row, found_us=at, settled_us=at if number % 2 else None))
    found = _pages(fleet, "/api/v1/findings", "findings", 2)
    assert [each["subject"] for each in found] == ["4", "3", "2", "1", "0"]
    assert [each["subject"] for each in fleet.ask("/api/v1/findings?settled=no").json()["findings"]] == ["4", "2", "0"]
    assert [each["subject"] for each in fleet.ask("/api/v1/findings?settled=yes").json()["findings"]] == ["3", "1"]
    assert fleet.ask("/api/v1/findings?node=web-02").json()["findings"] == []


def test_an_answer_that_has_not_changed_is_not_sent_twice(fleet: Asked, tmp_path: Path) -> None:
    for path in ("/api/v1/nodes", "/api/v1/verdicts", "/api/v1/rules", "/api/v1/nodes/web-01/records/1", "/api/v1/log"):
        first = fleet.ask(path)
        tag = first.headers["etag"]
        for held in (tag, f'"x", {tag}', f"W/{tag}", "*"):
            again = fleet.ask(path, headers={"if-none-match": held})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), path
        assert fleet.ask(path, headers={"if-none-match": '"x"'}).status_code == 200
        assert first.headers["cache-control"] == "private, no-cache"
        assert fleet.ask(path, scope=None, headers={"if-none-match": tag}).status_code == 401
    tag = fleet.ask("/api/v1/verdicts").headers["etag"]
    fleet.arrive(tmp_path, name="web-02")
    assert fleet.ask("/api/v1/verdicts", headers={"if-none-match": tag}).status_code == 200


def test_a_record_comes_with_its_canonical_bytes(still: Asked) -> None:
    told = still.ask("/api/v1/nodes/web-01/records/3").json()
    assert json.loads(told["canonical"]) == told["record"]
    assert told["seq"] == 3
    assert still.ask("/api/v1/nodes/web-01/records/999999").status_code == 404


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"), ("limit=", "limit"),
        ("limit=1&limit=2", "limit"), ("limit=%D9%A1", "limit"), ("limit=99999999999999999999999", "limit"),
        ("cursor=", "cursor"), ("cursor=x", "cursor"), ("cursor=bnVsbA", "cursor"), ("cursor=WzEsMl0", "cursor"),
        ("cursor=WyJcdTAwMDAiXQ", "cursor"), ("nodes=1", "nodes"), ("node=web-01", "node"), ("%00=1", "?"),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_is_one_sentence(still: Asked, query: str, name: str) -> None:
    answer = still.ask(f"/api/v1/nodes?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["title"], told["status"]) == ("query_unusable", 400)
    assert f"`{name}`" in told["detail"]
    assert "openapi.json" in told["next_step"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nodes/nobody", "/api/v1/nodes/nobody/records", "/api/v1/nodes/nobody/runs", "/api/v1/rules/MAINT_999",
        "/api/v1/status?node=nobody", "/api/v1/gate?node=nobody", "/api/v1/verdicts?rule=MAINT_999", "/api/v1/nowhere",
        "/api/v2/nodes", "/api", "/api/v1/nodes/", "/api/v1/nodes/web-01/records/1/2",
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_problem_with_a_next_step(still: Asked, path: str) -> None:
    answer = still.ask(path)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["next_step"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_what_is_not_asked_like_that_says_how(still: Asked, method: str) -> None:
    answer = still.ask("/api/v1/nodes", method=method)
    assert (answer.status_code, answer.json()["title"]) == (405, "method_refused")
    assert "GET" in answer.headers["allow"]
    heard = still.ask("/api/v1/heartbeat", method="GET")
    assert heard.status_code == 405


def test_what_nobody_foresaw_is_told_to_the_log_and_not_to_who_asks(
    fleet: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("secret detail")

    monkeypatch.setattr(fleet.manager.nodes, "listed", broken)
    answer = fleet.ask("/api/v1/nodes")
    assert (answer.status_code, answer.json()["title"]) == (500, "request_failed")
    assert "secret detail" not in answer.text
    assert "secret detail" in fleet.said[-1]


def test_a_fleet_is_never_told_to_hold_while_a_node_is_silent_or_nobody_judges(asked: Asked, tmp_path: Path) -> None:
    assert asked.ask("/api/v1/status").json()["answer"] == "unknown"  # there is no node
    asked.arrive(tmp_path, life="all-well")
    told = asked.ask("/api/v1/status").json()
    assert (told["answer"], told["hearing"]["heard"], told["stopped"]) == ("holds", 1, False)
    assert asked.ask("/api/v1/gate").json()["open"] is True
    asked.clock.move(timedelta(seconds=119))
    asked.verdicts.judge_due()
    assert asked.ask("/api/v1/status?node=web-01").json()["answer"] == "holds"
    asked.clock.move(timedelta(seconds=2))
    asked.verdicts.judge_due()
    for query in ("", "?node=web-01"):
        told = asked.ask(f"/api/v1/status{query}").json()
        assert (told["answer"], told["hearing"]["missing"], told["stopped"]) == ("unknown", ["web-01"], False)
        gate = asked.ask(f"/api/v1/gate{query}").json()
        assert (gate["open"], gate["answer"], gate["closed_by"]) == (False, "unknown", [])
    assert asked.ask("/api/v1/nodes/web-01").json()["node"]["state"] == "missing"
    asked.clock.move(timedelta(minutes=5))
    assert asked.ask("/api/v1/status").json()["stopped"] is True


def test_a_broken_blocking_rule_shuts_the_gate(still: Asked) -> None:
    for query in ("", "?node=web-01"):
        gate = still.ask(f"/api/v1/gate{query}").json()
        assert (gate["open"], gate["answer"]) == (False, "broken")
        assert {each["severity"] for each in gate["closed_by"]} == {"blocking"}
        assert all(each["next_step"] for each in gate["closed_by"])


def test_a_node_whose_ledger_contradicts_itself_is_believed_nothing_good(asked: Asked, tmp_path: Path) -> None:
    asked.arrive(tmp_path, life="all-well")
    held = len(asked.ask("/api/v1/verdicts?state=pass&limit=1000").json()["verdicts"])
    assert held > 0
    with asked.database.begin() as connection:
        row = {"node": "web-01", "incarnation": 1, "kind": "fork", "subject": "4", "detail": "", "exhibit": ""}
        connection.execute(finding.insert().values(**row, found_us=to_us(asked.clock.at)))
    for query in ("", "?node=web-01"):
        told = asked.ask(f"/api/v1/status{query}").json()
        assert (told["answer"], told["hearing"]["contradicting"]) == ("broken", ["web-01"])
        assert told["summary"]["pass"] == 0
        assert asked.ask(f"/api/v1/gate{query}").json()["open"] is False
    assert asked.ask("/api/v1/verdicts?state=pass").json()["verdicts"] == []
    unknown = asked.ask("/api/v1/verdicts?state=unknown&limit=1000").json()["verdicts"]
    assert len(unknown) >= held
    assert {each["state"] for each in unknown} == {"unknown"}
    assert {states.get("pass", 0) for states in asked.ask("/api/v1/rules").json()["verdicts"].values()} == {0}
    assert {each["verdicts"]["pass"] for each in asked.ask("/api/v1/assets").json()["assets"]} == {0}
