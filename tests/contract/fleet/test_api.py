"""What comes over the network: who may speak, how much, and what is answered to the rest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from intendance.api.app import create_app
from intendance.fleet.alerts.own import ANSWERED, FAILING, ObserverSeen, observer_of
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.database.settings import write_setting
from intendance.fleet.database.tables import node_state
from intendance.fleet.manager import Manager
from intendance.model.alerting import Alerts
from intendance.system.clock import rfc3339
from intendance.wire import messages
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock
from tests.support.nodes import SimulatedNode


def _post(manager: Manager, name: str, content: bytes, bearer: bytes = b"") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(manager))
        async with httpx.AsyncClient(transport=transport, base_url="http://manager") as client:
            headers = {"Authorization": f"Bearer {bearer.decode()}"} if bearer else {}
            return await client.post(f"/api/v1/{name}", content=content, headers=headers)

    return asyncio.run(ask())


def _get(manager: Manager, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(manager))
        async with httpx.AsyncClient(transport=transport, base_url="http://manager") as client:
            return await client.get(path)

    return asyncio.run(ask())


def _backfill(node: SimulatedNode) -> messages.Backfill:
    beat = messages.SpooledBeat(boot="b", seq=1, sent_at=1, mono_ns=1)
    return messages.Backfill(
        v=1, node=node.name, incarnation=node.incarnation, boot="b", sent_at=1, mono_ns=1, beats=(beat,)
    )


def _said(node: SimulatedNode) -> dict[str, object]:
    return {"heartbeat": node.beat(), "heartbeats": _backfill(node), "evidence": node.batch(0)}


def test_a_node_is_answered(manager: Manager, stranger: MakeNode) -> None:
    node = stranger()
    token = manager.nodes.invite("web-01", by="test", pin="plain").token
    answer = _post(manager, "enrol", messages.encode(node.enrolment(token)))
    assert answer.status_code == 200
    node.taken_in(messages.decode(answer.content, messages.EnrolmentAnswer))
    for name, message in _said(node).items():
        assert _post(manager, name, messages.encode(message), node.bearer).status_code == 200
    answered = _post(manager, "heartbeat", messages.encode(node.beat()), node.bearer)
    assert messages.decode(answered.content, messages.BeatAnswer).evidence_size == 1


def test_nobody_speaks_without_a_secret_or_for_another(manager: Manager, member: MakeNode) -> None:
    one, two = member("web-01"), member("web-02")
    for name, message in _said(one).items():
        content = messages.encode(message)
        for bearer, status in ((b"", 401), (b"wrong", 401), (two.bearer, 403)):
            answer = _post(manager, name, content, bearer)
            assert answer.status_code == status, (name, bearer)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["next_step"]
    assert manager.ingest.heard == 0


def _malformed(node: SimulatedNode) -> list[bytes]:
    right: dict[str, Any] = json.loads(messages.encode(node.beat()))
    changes = (
        {"seq": -1}, {"seq": 2**63}, {"seq": 1.5}, {"seq": "1"}, {"node": "Web 01"}, {"node": ""}, {"v": 2}, {"v": 0},
        {"interval_seconds": 90}, {"boot": "x" * 201}, {"checkpoint": "x" * 4097}, {"sent_at": None},
    )  # fmt: skip
    wrong: list[dict[str, Any]] = [right | change for change in changes]
    left_out = [{key: value for key, value in right.items() if key != name} for name in right]
    bodies = [json.dumps(each).encode() for each in wrong + left_out]
    return [*bodies, b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 4000, bodies[0] + b"x"]


def test_what_is_no_message_is_one_sentence(manager: Manager, member: MakeNode) -> None:
    node = member()
    for body in _malformed(node):
        answer = _post(manager, "heartbeat", body, node.bearer)
        assert answer.status_code == 400, body
        assert answer.json()["title"] == "message_malformed"
    for name in ("heartbeats", "evidence", "enrol"):
        assert _post(manager, name, b"{}", node.bearer).status_code == 400
    assert manager.ingest.heard == 0


@pytest.mark.parametrize(
    ("name", "limit"),
    [("heartbeat", messages.BEAT_LIMIT_BYTES), ("enrol", messages.ENROL_LIMIT_BYTES)],
)
def test_too_much_is_not_read(manager: Manager, member: MakeNode, name: str, limit: int) -> None:
    bearer = member().bearer
    assert _post(manager, name, b" " * (limit + 1), bearer).status_code == 413
    assert _post(manager, name, b" " * limit, bearer).status_code == 400


def test_nothing_is_read_of_what_a_stranger_sends(manager: Manager) -> None:
    async def ask(name: str) -> int:
        async def receive() -> MutableMapping[str, Any]:
            pytest.fail("the body of somebody unknown is read")

        statuses: list[int] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            statuses.append(message.get("status", 0))

        scope = {"type": "http", "method": "POST", "path": f"/api/v1/{name}", "headers": [], "query_string": b""}
        await create_app(manager)(scope, receive, send)
        return statuses[0]

    for name in ("heartbeat", "heartbeats", "evidence"):
        assert asyncio.run(ask(name)) == 401


def test_refusals_have_their_status(manager: Manager, member: MakeNode, stranger: MakeNode) -> None:
    node = member()
    manager.ingest.hear(node.bearer, node.beat(seq=9))
    assert _post(manager, "heartbeat", messages.encode(node.beat(seq=3)), node.bearer).status_code == 409
    batch = messages.encode(node.batch(0)).replace(b'\\"seq\\":0', b'\\"seq\\":7')
    assert _post(manager, "evidence", batch, node.bearer).status_code == 409
    token = manager.nodes.invite("web-02", by="test", pin="plain").token
    assert _post(manager, "enrol", messages.encode(stranger("web-03").enrolment(token))).status_code == 401
    assert _post(manager, "enrol", messages.encode(stranger("web-02").enrolment(token, proof=""))).status_code == 403


def test_health_tells_of_trouble(manager: Manager) -> None:
    assert _get(manager, "/healthz").status_code == 200
    assert _get(manager, "/healthz").json()["observer"] == {"condition": "none"}
    manager.writing.failed("beats", "The database is away.")
    answer = _get(manager, "/healthz")
    assert (answer.status_code, answer.json()["detail"]) == (503, "The database is away.")
    manager.writing.done("beats")
    manager.complaints.append(lambda: "The log is full.")
    answer = _get(manager, "/healthz")
    assert (answer.status_code, answer.json()["detail"]) == (503, "The log is full.")


def test_health_tells_of_a_write_that_hangs_and_says_nothing(manager: Manager, clock: MovableClock) -> None:
    manager.writing.begins("detector")
    began = rfc3339(clock.read().at)
    clock.move(timedelta(seconds=9))
    assert _get(manager, "/healthz").status_code == 200
    clock.move(timedelta(seconds=2))
    answer = _get(manager, "/healthz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == f"Nothing has been written since {began}: it does not answer."


def test_health_in_trouble_asks_no_database_that_may_not_answer(manager: Manager) -> None:
    manager.observer = lambda: pytest.fail("the database is asked")
    manager.writing.failed("beats", "The database is away.")
    answer = _get(manager, "/healthz")
    assert (answer.status_code, answer.json()["observer"]) == (503, None)


def test_health_tells_how_the_observer_stands_and_not_where_it_is(manager: Manager) -> None:
    alerts = Alerts(observer="https://watch.example.org/secret")
    policy = Policy(fleet="asbl", organisation="", zone="UTC", language="en", alerts=alerts)

    def seen() -> ObserverSeen | None:
        with manager.database.read() as connection:
            return observer_of(connection, policy)

    def told() -> dict[str, str | None]:
        answer = _get(manager, "/healthz")
        assert (answer.status_code, "example" in answer.text) == (200, False)
        found: dict[str, str | None] = answer.json()["observer"]
        return found

    manager.observer = seen
    assert told() == {"condition": "waits", "answered_at": None, "failing_since": None}
    with manager.database.begin() as connection:
        write_setting(connection, ANSWERED, 1_000_000)
    assert told() == {"condition": "answers", "answered_at": "1970-01-01T00:00:01.000000Z", "failing_since": None}
    with manager.database.begin() as connection:
        write_setting(connection, FAILING, 2_000_000)
    assert (told()["condition"], told()["failing_since"]) == ("fails", "1970-01-01T00:00:02.000000Z")


def test_a_beat_that_cannot_be_written_is_heard_and_told_so(
    manager: Manager, member: MakeNode, clock: MovableClock
) -> None:
    node = member()
    manager.writing.begins("beats")
    assert _post(manager, "heartbeat", messages.encode(node.beat()), node.bearer).status_code == 200
    clock.move(timedelta(seconds=11))
    manager.writing.failed("beats", "The disk is full.")
    beat = messages.encode(node.beat())
    for _ in range(2):  # sent again, it is the same
        answer = _post(manager, "heartbeat", beat, node.bearer)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["title"] == "beat_unwritten"
    assert manager.ingest.heard == 2
    manager.ingest.flush()
    with manager.database.read() as connection:
        assert connection.execute(select(node_state.c.seq)).scalar_one() == 2
    manager.writing.done("beats")
    assert _post(manager, "heartbeat", beat, node.bearer).status_code == 200


def test_the_authority_and_the_document_are_open(manager: Manager) -> None:
    assert _get(manager, "/api/v1/authority").status_code == 404
    assert _get(manager, "/api/v1/openapi.json").json()["openapi"].startswith("3.1")
