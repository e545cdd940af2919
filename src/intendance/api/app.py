"""The manager's HTTP face, put together."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from intendance import __version__
from intendance.api import beats, described
from intendance.api.operation import Services as Asked
from intendance.api.problem import problem
from intendance.api.routes import routes as routes_of_questions
from intendance.fleet.alerts.own import ObserverSeen
from intendance.fleet.manager import Manager
from intendance.model.errors import IntendanceError
from intendance.model.errors.api import AddressUnknown, MethodRefused, RequestFailed
from intendance.system.clock import rfc3339
from intendance.web import faults
from intendance.web.app import Headers
from intendance.web.app import routes as routes_of_pages
from intendance.web.visit import Services

BEAT_PATH = "/api/v1/heartbeat"


class App(FastAPI):
    """The application; a heartbeat goes straight to its route, past what pages need: a quarter of its time."""

    beat: ASGIApp
    rest: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"] == BEAT_PATH and scope["method"] == "POST":
            await self.beat(scope, receive, send)
        else:
            await self.rest(scope, receive, send)


def create_app(
    manager: Manager, *, authority: Path | None = None, pages: Services | None = None, asked: Asked | None = None
) -> FastAPI:
    """The application of one manager, whose threads live as long as it does. `authority` is the certificate that nodes
    pin, if the manager made one; its pages are made from `pages`, the questions of programs answered from `asked`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(manager.start)
        try:
            yield
        finally:
            await run_in_threadpool(manager.stop)

    app = App(
        title="Intendance", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    routes = beats.routes(manager)
    app.router.routes[0:0] = routes
    app.beat = next(route.app for route in routes if route.path == BEAT_PATH)
    app.rest = partial(FastAPI.__call__, app)
    app.add_exception_handler(IntendanceError, _told)
    app.add_exception_handler(HTTPException, _refused(pages))
    app.add_exception_handler(Exception, _unforeseen(manager, pages))
    _add_open(app, manager, authority)
    if asked is not None:
        secure = pages is not None and pages.secure
        app.router.routes.extend(routes_of_questions(asked, described.OPERATIONS, secure=secure))
    if pages is not None:
        app.router.routes.extend(routes_of_pages(pages))
        app.rest = Headers(app.rest, secure=pages.secure)  # around what answers for the unforeseen too
    return app


def _add_open(app: FastAPI, manager: Manager, authority: Path | None) -> None:
    """What anybody may ask."""

    @app.get("/healthz", summary="Whether the manager works")
    def healthz() -> Response:
        trouble = manager.trouble
        told: dict[str, Any] = {"status": "trouble" if trouble else "ok", "version": __version__}
        try:
            # In trouble nothing is asked of a database: one that hangs would keep whoever asks waiting, and a thread.
            told["observer"] = None if trouble else _watched(manager.observer())
        except IntendanceError as error:  # whatever the observer knows, its record cannot be read
            trouble = error.message
            told |= {"status": "trouble", "observer": None}
        return JSONResponse(told | ({"detail": trouble} if trouble else {}), 503 if trouble else 200)

    @app.get("/api/v1/authority", summary="The certificate authority that nodes pin", response_class=PlainTextResponse)
    def shown_authority() -> Response:
        if authority is None:
            return problem(AddressUnknown(path="/api/v1/authority"))
        return PlainTextResponse(authority.read_text(encoding="ascii"))

    @app.get(described.DOCUMENT, summary="The API's own description")
    def shown_document() -> Response:
        return Response(described.written(), media_type="application/json")


def _watched(seen: ObserverSeen | None) -> dict[str, str | None]:
    """How whoever watches the manager from elsewhere stands. Not where: anybody may ask this."""
    if seen is None:
        return {"condition": "none"}
    condition = "fails" if seen.failing_since is not None else "waits" if seen.answered_at is None else "answers"
    answered, failing = (None if at is None else rfc3339(at) for at in (seen.answered_at, seen.failing_since))
    return {"condition": condition, "answered_at": answered, "failing_since": failing}


async def _told(_: Request, error: Exception) -> Response:
    if not isinstance(error, IntendanceError):
        raise error
    return problem(error)


def _is_for_programs(request: Request) -> bool:
    return request.url.path.startswith(("/api", "/metrics", "/healthz"))


def _refused(pages: Services | None) -> Callable[[Request, Exception], Awaitable[Response]]:
    """An address that is none, or is not asked like that: a problem for programs, a page for people."""

    async def told(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        if not _is_for_programs(request):
            if (
                pages is not None
                and error.status_code == 404
                and request.method == "GET"
                and faults.wants_page(request)
            ):
                return await faults.unfound(pages, request)
            return await http_exception_handler(request, error)
        path = request.url.path[:200]
        if error.status_code == 405:
            return problem(MethodRefused(method=request.method[:20], path=path), dict(error.headers or {}))
        return problem(AddressUnknown(path=path))

    return told


def _unforeseen(manager: Manager, pages: Services | None) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What nobody foresaw: the trace goes to the manager's own log, not to who asked."""

    async def told(request: Request, error: Exception) -> Response:
        manager.say("".join(traceback.format_exception(error)))
        if pages is not None and not _is_for_programs(request) and faults.wants_page(request):
            return faults.failed(pages, request)
        return problem(RequestFailed())

    return told
