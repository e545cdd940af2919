"""What programs do about alerts, on SQLite and on PostgreSQL: who may, within which bounds, and that twice is once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from intendance.api import described
from intendance.api.operation import BODY_LIMIT_BYTES
from intendance.cli import alert_words as words
from intendance.fleet.accounts.decide import Role
from intendance.fleet.alerts.service import LONGEST_ACK_SECONDS, LONGEST_SILENCE_SECONDS
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.tables import alert, alert_event, silence
from intendance.fleet.tokens.decide import Scope
from intendance.language import dates
from intendance.model.errors.alerting import NothingMatched
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN

ACK = "/api/v1/alerts/1/ack"
UNACK = "/api/v1/alerts/1/unack"
SILENCES = "/api/v1/silences"
PASSWORD = "cheval pile agrafe correcte"
ACKING: dict[str, Any] = {"reason": "disk ordered", "lasting_seconds": 3600}
SILENCING: dict[str, Any] = {"matches": {"node": "web-01"}, "reason": "new disk", "lasting_seconds": 7200}


@pytest.fixture
def fleet(fleet_database: Database, clock: MovableClock, tmp_path: Path) -> Asked:
    asked = Asked(fleet_database, clock)
    asked.arrive(tmp_path)
    return asked


@pytest.fixture(scope="module")
def still(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A fleet that refuses: what is asked of its database in vain is the same on both."""
    folder = tmp_path_factory.mktemp("still")
    shutil.copy(sqlite_template, folder / "manager.db")
    with open_database(folder / "manager.db") as database:
        asked = Asked(database, MovableClock(BEGAN))
        asked.arrive(folder)
        yield asked


def _send(fleet: Asked, path: str, body: object = None, **told: Any) -> httpx.Response:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return fleet.ask(path, method="POST", content=content, **({"scope": Scope.ACK} | told))


def _stands(fleet: Asked) -> tuple[int, int, int]:
    """How many alerts are in somebody's hands, what was done to alerts, and how many silences hold."""
    acked = select(func.count()).select_from(alert).where(alert.c.state == "acked")
    holding = select(func.count()).select_from(silence).where(silence.c.ended_us.is_(None))
    with fleet.database.read() as connection:
        done = connection.execute(select(func.count()).select_from(alert_event)).scalar_one()
        return connection.execute(acked).scalar_one(), done, connection.execute(holding).scalar_one()


def test_a_program_takes_an_alert_in_hand_in_its_token_s_name(fleet: Asked) -> None:
    answer = _send(fleet, ACK, ACKING)
    assert answer.status_code == 200, answer.text
    seen = fleet.alerts.shown(1)
    assert answer.json() == {"schema": "intendance.alert-acked/1", "alert": words.alert_json(seen.alert)}
    assert (seen.alert.state, seen.alert.acked_by, seen.alert.said) == ("acked", "token:ack", "disk ordered")
    assert seen.alert.acked_until == fleet.clock.at + timedelta(hours=1)
    assert (seen.events[-1].event, seen.events[-1].actor) == ("acked", "token:ack")
    assert "etag" not in answer.headers


def test_the_same_acknowledgement_again_moves_its_end(fleet: Asked) -> None:
    _send(fleet, ACK, ACKING)
    fleet.clock.move(timedelta(minutes=30))
    told = _send(fleet, ACK, ACKING).json()["alert"]
    assert (told["state"], told["acked_until"]) == ("acked", dates.iso(fleet.clock.at + timedelta(hours=1)))
    assert _stands(fleet)[0] == 1


def test_a_program_lets_an_alert_go_once(fleet: Asked) -> None:
    refused = _send(fleet, UNACK)
    assert (refused.status_code, refused.json()["title"]) == (409, "alert_not_in_hand")
    _send(fleet, ACK, ACKING)
    answer = _send(fleet, UNACK)
    assert answer.status_code == 200, answer.text
    seen = fleet.alerts.shown(1)
    assert answer.json() == {"schema": "intendance.alert-unacked/1", "alert": words.alert_json(seen.alert)}
    assert (seen.alert.state, seen.events[-1].event, seen.events[-1].actor) == ("firing", "unacked", "token:ack")
    assert _send(fleet, UNACK).status_code == 409


def test_a_silence_is_made_once_moved_and_ended_by_name(fleet: Asked) -> None:
    first = _send(fleet, SILENCES, SILENCING)
    assert first.status_code == 200, first.text
    (made,) = fleet.alerts.silences()
    assert first.json() == {"schema": "intendance.silence/1", "silence": words.silence_json(made), "ended": False}
    assert (made.made_by, made.ended_by, dict(made.matches)) == ("token:ack", "", {"node": "web-01"})
    fleet.clock.move(timedelta(hours=1))
    again = _send(fleet, SILENCES, SILENCING).json()["silence"]
    assert (again["number"], again["until"]) == (made.number, dates.iso(fleet.clock.at + timedelta(hours=2)))
    assert len(fleet.alerts.silences()) == 1
    ended = _send(fleet, f"{SILENCES}/{made.number}/end").json()
    assert (ended["ended"], ended["silence"]["ended_by"]) == (True, "token:ack")
    assert ended["silence"]["ended_at"] == dates.iso(fleet.clock.at)
    assert fleet.alerts.silences() == ()
    twice = _send(fleet, f"{SILENCES}/{made.number}/end")
    assert (twice.status_code, twice.json()["title"]) == (404, "silence_unknown")
    after = _send(fleet, SILENCES, SILENCING).json()["silence"]
    assert after["number"] != made.number  # what was ended is not moved: it is over


def test_the_list_of_silences_says_who_made_and_who_ended_each(fleet: Asked) -> None:
    for number in range(5):
        made = fleet.alerts.silence({"node": f"n{number}"}, reason="x", by="person:lea", lasting_seconds=60).number
        if number % 2:
            fleet.alerts.end_silence(made, by="person:max")
    fleet.clock.move(timedelta(minutes=2))
    whole = fleet.ask(SILENCES).json()
    assert [(each["matches"]["node"], each["made_by"], each["ended_by"]) for each in whole["silences"]] == [
        ("n4", "person:lea", None),
        ("n3", "person:lea", "person:max"),
        ("n2", "person:lea", None),
        ("n1", "person:lea", "person:max"),
        ("n0", "person:lea", None),
    ]
    first = fleet.ask(f"{SILENCES}?limit=2").json()
    second = fleet.ask(f"{SILENCES}?limit=3&cursor={first['next']}").json()
    assert first["silences"] + second["silences"] == whole["silences"]
    assert whole["next"] is None


def _acts(fleet: Asked) -> dict[str, object]:
    """What may be done, by address, once there is a silence to end."""
    made = fleet.alerts.silence({"node": "nobody"}, reason="x", by="person:lea", lasting_seconds=86_400).number
    acts: dict[str, object] = {ACK: ACKING, UNACK: None, SILENCES: SILENCING, f"{SILENCES}/{made}/end": None}
    assert len(acts) == sum(each.acts for each in described.OPERATIONS)
    return acts


def test_nobody_acts_without_a_token_of_that_scope(still: Asked) -> None:
    acts, before = _acts(still), _stands(still)
    for path, body in acts.items():
        for headers in ({}, {"authorization": "Bearer"}, {"authorization": f"Basic {still.secrets[Scope.ACK]}"}):
            answer = _send(still, path, body, scope=None, headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (401, "acting_needs_token"), path
            assert "--scope ack" in answer.json()["next_step"]
            assert answer.headers["www-authenticate"].startswith("Bearer")
        for wrong in ("", "intendance_wrong", still.secrets[Scope.ACK][:-1]):
            answer = _send(still, path, body, headers={"authorization": f"Bearer {wrong}"})
            assert (answer.status_code, answer.json()["title"]) == (401, "api_token_refused"), path
        for scope in (Scope.READ, Scope.METRICS):
            answer = _send(still, path, body, scope=scope)
            assert (answer.status_code, answer.json()["title"]) == (403, "scope_missing"), path
    gone = {"authorization": f"Bearer {still.tokens.create('gone', [Scope.ACK], by='test')}"}
    still.tokens.revoke("gone", by="test")
    assert {_send(still, path, body, headers=gone).status_code for path, body in acts.items()} == {401}
    assert _stands(still) == before


def test_a_browser_s_cookie_does_nothing_whoever_it_is(still: Asked) -> None:
    still.accounts.add("omar", Role.OPERATOR, PASSWORD, by="test")
    cookie = {"cookie": f"intendance={still.accounts.begin('omar', PASSWORD).token}"}
    assert still.ask(SILENCES, scope=None, headers=cookie).status_code == 200  # it reads
    acts, before = _acts(still), _stands(still)
    for path, body in acts.items():
        for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
            answer = _send(still, path, body, scope=None, headers=cookie | {"content-type": kind})
            assert (answer.status_code, answer.json()["title"]) == (401, "acting_needs_token"), path
    assert _stands(still) == before


WRONG: tuple[tuple[str, object], ...] = (
    ("", None),
    ("", b"{"),
    ("", b"\xff\xfe"),
    ("", b"null"),
    ("", []),
    ("", {}),
    ("", b"[" * 10_000),
    ("", b'{"reason": "\\ud800", "lasting_seconds": 1, "matches": {"node": "a"}}'),
    ("reason", None),
    ("reason", ""),
    ("reason", " \t\n"),
    ("reason", "x" * 501),
    ("reason", "bell \x07"),
    ("reason", "turned \u202e round"),
    ("reason", 7),
    ("lasting_seconds", None),
    ("lasting_seconds", 0),
    ("lasting_seconds", -1),
    ("lasting_seconds", 1.5),
    ("lasting_seconds", "3600"),
    ("lasting_seconds", True),
    ("lasting_seconds", LONGEST_SILENCE_SECONDS + 1),
    ("lasting_seconds", 10**40),
    ("lasting_second", 1),
    ("until", "2030-01-01T00:00:00Z"),
    ("", b'{"reason": "x", "matches": {"node": "a"}, "lasting_seconds": ' + b"9" * 6000 + b"}"),
    ("", b'{"reason": "x", "matches": {"node": "a"}, "lasting_seconds": 1, "more": ' + b"9" * 6000 + b"}"),
    ("", b'{"reason": "x", "matches": {"node": "a"}, "lasting_seconds": 1e999}'),
    ("", b'{"reason": "x", "matches": {"node": "a"}, "lasting_seconds": NaN}'),
)
WRONG_MATCHES: tuple[object, ...] = (
    None,
    {},
    [],
    "node=web-01",
    {"node": ""},
    {"": "web-01"},
    {"node": 1},
    {"node": None},
    {"node": "x" * 201},
    {"n" * 201: "x"},
    {"node": "\x00"},
    {"node": "\x1b[2J"},
    {"no\nde": "x"},
    {str(number): "x" for number in range(9)},
)


def test_what_cannot_be_done_is_a_problem_and_changes_nothing(still: Asked) -> None:
    before = _stands(still)
    tries = [
        (path, usual, {name: wrong}) for path, usual in ((ACK, ACKING), (SILENCES, SILENCING)) for name, wrong in WRONG
    ]
    tries += [(SILENCES, SILENCING, {"matches": wrong}) for wrong in WRONG_MATCHES]
    tries.append((ACK, ACKING, {"lasting_seconds": LONGEST_ACK_SECONDS + 1}))
    tries.append((ACK, ACKING, {"by": "person:lea"}))
    for path, usual, changed in tries:
        body = changed[""] if "" in changed else usual | changed
        answer = _send(still, path, body)
        assert answer.status_code == 400, (path, str(changed)[:80], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"] in {"body_unusable", "reason_unusable", "nothing_matched"}
        assert answer.json()["next_step"]
        assert len(answer.content) < 1000
    for member in ACKING:
        assert _send(still, ACK, {name: each for name, each in ACKING.items() if name != member}).status_code == 400
    for member in SILENCING:
        assert _send(still, SILENCES, {k: each for k, each in SILENCING.items() if k != member}).status_code == 400
    assert _stands(still) == before


def test_the_longest_and_the_shortest_are_within_bounds(fleet: Asked) -> None:
    for seconds in (1, LONGEST_ACK_SECONDS):
        assert _send(fleet, ACK, ACKING | {"lasting_seconds": seconds}).status_code == 200
    for seconds in (1, LONGEST_SILENCE_SECONDS):
        assert _send(fleet, SILENCES, SILENCING | {"lasting_seconds": seconds}).status_code == 200


def test_a_body_is_bounded_and_who_sends_it_is_known_first(still: Asked) -> None:
    large = ACKING | {"reason": "x" * BODY_LIMIT_BYTES}
    for path in (ACK, SILENCES):
        answer = _send(still, path, large)
        assert (answer.status_code, answer.json()["title"]) == (413, "body_too_large")
        assert _send(still, path, large, scope=None).status_code == 401
        assert _send(still, path, large, scope=Scope.READ).status_code == 403


def test_what_is_not_there_cannot_be_acted_on(fleet: Asked) -> None:
    unknown, impossible = ("999", "9" * 15), ("0", "-1", "x", "9" * 40, "9" * 5000, "%00")
    for number in (*unknown, *impossible):
        for path, body in ((f"/api/v1/alerts/{number}/ack", ACKING), (f"{SILENCES}/{number}/end", None)):
            answer = _send(fleet, path, body)
            assert answer.status_code == (404 if number in unknown else 400), (path[:60], answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_over_cannot_be_taken_in_hand(fleet: Asked) -> None:
    with fleet.database.begin() as connection:
        over = {"state": "resolved", "resolved_us": to_us(fleet.clock.at)}
        connection.execute(update(alert).where(alert.c.id == 1).values(**over))
    answer = _send(fleet, ACK, ACKING)
    assert (answer.status_code, answer.json()["title"]) == (409, "alert_not_firing")


def test_acting_is_by_post_and_the_answer_says_so(still: Asked) -> None:
    for path, allowed in ((ACK, {"POST"}), (SILENCES, {"GET", "HEAD", "POST"}), (f"{SILENCES}/1/end", {"POST"})):
        for method in {"GET", "PUT", "DELETE", "PATCH"} - allowed:
            answer = still.ask(path, method=method)
            assert (answer.status_code, answer.json()["title"]) == (405, "method_refused")
            assert set(answer.headers["allow"].split(", ")) == allowed


def test_what_is_asked_with_a_query_that_is_none_is_refused(still: Asked) -> None:
    before = _stands(still)
    for path, body in ((f"{ACK}?by=lea", ACKING), (f"{SILENCES}?limit=1", SILENCING)):
        assert _send(still, path, body).json()["title"] == "query_unusable"
    assert _stands(still) == before


def test_the_service_keeps_labels_to_what_a_page_and_a_terminal_can_show(still: Asked) -> None:
    for wrong in ({"node": "\x1b[2J"}, {"node": "x" * 201}, {"\x00": "x"}):
        with pytest.raises(NothingMatched):
            still.alerts.silence(wrong, reason="x", by="person:lea", lasting_seconds=60)
