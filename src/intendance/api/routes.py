"""Questions as routes: who asks is known first, then what; the answer bears a tag by which it is not sent twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from hashlib import sha256

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intendance.api.operation import JSON, Operation, Plain, Services, read
from intendance.api.problem import problem
from intendance.fleet.accounts.decide import RIGHTS, Stage
from intendance.fleet.tokens.decide import OF_RIGHTS, Scope, written
from intendance.model.errors import IntendanceError
from intendance.model.errors.api import ApiTokenMissing, ScopeMissing
from intendance.web.visit import session_token

_BEARER = "bearer "
_KEPT = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, Accept"}


def routes(services: Services, operations: Iterable[Operation], *, secure: bool) -> list[Route]:
    """A route for each question."""
    return [Route(each.path, endpoint(services, each, secure=secure), name=each.name) for each in operations]


def endpoint(services: Services, operation: Operation, *, secure: bool) -> Callable[[Request], Awaitable[Response]]:
    """What answers one question; the database is asked in a thread."""

    async def answer(request: Request) -> Response:
        return await run_in_threadpool(_answer, request)

    def _answer(request: Request) -> Response:
        try:
            scopes = _scopes(services, request, operation.scope, secure=secure)
            if operation.scope not in scopes:
                held = written(scopes) or "none"
                raise ScopeMissing(needed=operation.scope.value, held=held)
            call = replace(
                read(operation, request.path_params, request.query_params.multi_items(), services),
                accepts=request.headers.get("accept", ""),
                encodings=request.headers.get("accept-encoding", ""),
            )
            return _told(request, operation, operation.answered(call))
        except IntendanceError as error:
            return problem(error)

    return answer


def _scopes(services: Services, request: Request, wanted: Scope, *, secure: bool) -> frozenset[Scope]:
    """What who asks may ask: by a token, else by the session of somebody who is logged in at the pages."""
    said = request.headers.get("authorization", "")
    if said[: len(_BEARER)].lower() == _BEARER:
        return services.tokens.who(said[len(_BEARER) :].encode())
    if services.accounts is not None and not said:
        session = services.accounts.who(session_token(request, secure=secure))
        if session is not None and session.stage is Stage.WHOLE:
            return frozenset(OF_RIGHTS[right] for right in RIGHTS[session.role] if right in OF_RIGHTS)
    raise ApiTokenMissing(scope=wanted.value)


def _told(request: Request, operation: Operation, answer: object) -> Response:
    if isinstance(answer, Plain):
        return Response(answer.content, headers=dict(answer.headers) | {"Content-Type": answer.media})
    content = msgspec.json.encode(answer)
    if not operation.kept:
        return Response(content, media_type=JSON)
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = _KEPT | {"ETag": tag}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=JSON)


def _has(names: str, tag: str) -> bool:
    """Whether who asks has the answer already; by weak comparison, as RFC 9110 §13.1.2 has it for GET."""
    held = [name.strip().removeprefix("W/") for name in names.split(",")]
    return tag in held or held == ["*"]
