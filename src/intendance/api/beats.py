"""What nodes send: beats, back-fill, evidence, enrolment. Plain routes, each message bounded before it is decoded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from intendance.api.openapi import Message
from intendance.api.problem import RETRY_AFTER_SECONDS, content_of, status_of
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import MessageTooLarge
from intendance.wire import messages

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from intendance.fleet.manager import Manager

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
MESSAGES = (
    Message(
        name="heartbeat",
        path="/api/v1/heartbeat",
        summary="A node lives: once a minute",
        body=messages.Beat,
        answer=messages.BeatAnswer,
    ),
    Message(
        name="heartbeats",
        path="/api/v1/heartbeats",
        summary="Beats that nobody heard, told later",
        body=messages.Backfill,
        answer=messages.BackfillAnswer,
    ),
    Message(
        name="evidence",
        path="/api/v1/evidence",
        summary="A node's ledger records, in order",
        body=messages.EvidenceBatch,
        answer=messages.EvidenceAnswer,
    ),
    Message(
        name="enrol",
        path="/api/v1/enrol",
        summary="A node joins, with the token that an administrator made",
        body=messages.Enrolment,
        answer=messages.EnrolmentAnswer,
        secret=False,
    ),
)

Answered = Callable[[bytes, bytes], Awaitable[bytes]]
"""Takes the bearer's secret and the body, gives the body of the answer."""


class Endpoint:
    """One message of nodes: read whole, at most `limit_bytes`, answered, errors as problems. `known` raises for a
    bearer's secret that is nobody's, before anything is read of what a stranger sends."""

    def __init__(self, answered: Answered, limit_bytes: int, known: Callable[[bytes], object] | None = None) -> None:
        self._answered = answered
        self._limit_bytes = limit_bytes
        self._known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        more: list[tuple[bytes, bytes]] = []
        try:
            bearer = _bearer(scope)
            if self._known is not None:
                self._known(bearer)
            body = await self._body(receive)
            content, status, kind = await self._answered(bearer, body), 200, _JSON
        except IntendanceError as error:
            content, status, kind = content_of(error), status_of(error), _PROBLEM
            if status == 413:
                more.append((b"connection", b"close"))
            elif error.transient:
                more.append((b"retry-after", RETRY_AFTER_SECONDS.encode()))
        headers = [kind, (b"content-length", b"%d" % len(content)), *more]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _body(self, receive: Receive) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts, size = [body], len(body)
            while message.get("more_body") and size <= self._limit_bytes:
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
            body = b"".join(parts)
        if len(body) > self._limit_bytes:
            raise MessageTooLarge(limit=self._limit_bytes)
        return body


def _bearer(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return value[7:] if value[:7].lower() == b"bearer " else b""
    return b""


def routes(manager: Manager) -> list[Route]:
    """The routes of the messages."""
    answers: Mapping[str, tuple[Callable[[Manager, bytes, bytes], Awaitable[bytes]], int]] = {
        "heartbeat": (_beat, messages.BEAT_LIMIT_BYTES),
        "heartbeats": (_backfill, messages.BACKFILL_LIMIT_BYTES),
        "evidence": (_evidence, messages.EVIDENCE_LIMIT_BYTES),
        "enrol": (_enrol, messages.ENROL_LIMIT_BYTES),
    }
    return [
        Route(
            f"/api/v1/{name}",
            Endpoint(partial(answered, manager), limit, None if name == "enrol" else manager.ingest.who),
            methods=["POST"],
            name=name,
        )
        for name, (answered, limit) in answers.items()
    ]


async def _beat(manager: Manager, bearer: bytes, body: bytes) -> bytes:
    answer = manager.ingest.hear(bearer, messages.decode(body, messages.Beat))
    manager.expect_written()  # it was heard all the same
    return messages.encode(answer)


async def _backfill(manager: Manager, bearer: bytes, body: bytes) -> bytes:
    from intendance.fleet.beats.service import backfill

    told = messages.decode(body, messages.Backfill)
    manager.ingest.speaking(bearer, told.node, told.incarnation)
    relabelled = await run_in_threadpool(backfill, manager.database, manager.clock, told)
    return messages.encode(messages.BackfillAnswer(relabelled=relabelled))


async def _evidence(manager: Manager, bearer: bytes, body: bytes) -> bytes:
    batch = messages.decode(body, messages.EvidenceBatch)
    live = manager.ingest.speaking(bearer, batch.node, batch.incarnation)
    size = await run_in_threadpool(manager.evidence.receive, batch)
    live.evidence_size = max(live.evidence_size, size)
    return messages.encode(messages.EvidenceAnswer(size=size))


async def _enrol(manager: Manager, _: bytes, body: bytes) -> bytes:
    asked = messages.decode(body, messages.Enrolment)
    answer = await run_in_threadpool(manager.nodes.enrol, asked)
    await run_in_threadpool(manager.ingest.reload)
    return messages.encode(answer)
