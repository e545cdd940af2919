"""Questions as routes: who asks is known first, then what; the answer bears a tag by which it is not sent twice.

What acts is for tokens alone. A browser sends its cookie with whatever a stranger's page makes it send; a token it does
not have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intendance.api import body
from intendance.api.operation import BODY_LIMIT_BYTES, JSON, Operation, Plain, Services, read
from intendance.api.problem import problem
from intendance.fleet.accounts.decide import RIGHTS, Stage
from intendance.fleet.tokens.decide import OF_RIGHTS, written
from intendance.fleet.tokens.service import Holder
from intendance.model.errors import IntendanceError
from intendance.model.errors.api import ActingNeedsToken, ApiTokenMissing, ScopeMissing
from intendance.web.visit import session_token

_BEARER = "bearer "
_KEPT = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, Accept"}


def routes(services: Services, operations: Iterable[Operation], *, secure: bool) -> list[Route]:
    """A route for each address; what else is tried there is told all that may be."""
    by_path: dict[str, dict[str, Operation]] = {}
    for each in operations:
        by_path.setdefault(each.path, {})[each.method] = each
    return [_route(services, path, there, secure=secure) for path, there in by_path.items()]


def _route(services: Services, path: str, there: Mapping[str, Operation], *, secure: bool) -> Route:
    endpoints = {method: endpoint(services, each, secure=secure) for method, each in there.items()}

    async def answer(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, answer, methods=list(endpoints), name="-".join(each.name for each in there.values()))


def endpoint(services: Services, operation: Operation, *, secure: bool) -> Callable[[Request], Awaitable[Response]]:
    """What answers one question; the database is asked in a thread."""

    async def answer(request: Request) -> Response:
        content = await body.whole(request, BODY_LIMIT_BYTES) if operation.acts else b""
        return await run_in_threadpool(_answer, request, content)

    def _answer(request: Request, content: bytes | None) -> Response:
        try:
            holder = _who(services, request, operation, secure=secure)
            if operation.scope not in holder.scopes:
                held = written(holder.scopes) or "none"
                raise ScopeMissing(needed=operation.scope.value, held=held)
            call = replace(
                read(operation, request.path_params, request.query_params.multi_items(), services),
                actor=f"token:{holder.name}" if operation.acts else "",
                body=None if operation.body is None else body.read(content, operation.body, BODY_LIMIT_BYTES),
                accepts=request.headers.get("accept", ""),
                encodings=request.headers.get("accept-encoding", ""),
            )
            return _told(request, operation, operation.answered(call))
        except IntendanceError as error:
            return problem(error)

    return answer


def _who(services: Services, request: Request, operation: Operation, *, secure: bool) -> Holder:
    """Who asks, and what they may: by a token; to read, by the session of somebody who is logged in at the pages."""
    said = request.headers.get("authorization", "")
    if said[: len(_BEARER)].lower() == _BEARER:
        return services.tokens.who(said[len(_BEARER) :].encode())
    if operation.acts:
        raise ActingNeedsToken(scope=operation.scope.value)
    if services.accounts is not None and not said:
        session = services.accounts.who(session_token(request, secure=secure))
        if session is not None and session.stage is Stage.WHOLE:
            scopes = frozenset(OF_RIGHTS[right] for right in RIGHTS[session.role] if right in OF_RIGHTS)
            return Holder(name=session.name, scopes=scopes)
    raise ApiTokenMissing(scope=operation.scope.value)


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
