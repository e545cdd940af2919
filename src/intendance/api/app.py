"""The manager's HTTP face, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from intendance import __version__
from intendance.api import beats
from intendance.api.problem import problem
from intendance.fleet.manager import Manager
from intendance.model.errors import IntendanceError
from intendance.web.app import Headers
from intendance.web.app import routes as routes_of_pages
from intendance.web.visit import Services

BEAT_PATH = "/api/v1/heartbeat"


class App(FastAPI):
    """The application; a heartbeat goes straight to its route, past what pages need: a quarter of its time."""

    beat: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"] == BEAT_PATH and scope["method"] == "POST":
            await self.beat(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(manager: Manager, *, authority: Path | None = None, pages: Services | None = None) -> FastAPI:
    """The application of one manager, whose threads live as long as it does. `authority` is the certificate that nodes
    pin, if the manager made one; `pages` is what its pages are made from, if it has any."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(manager.start)
        try:
            yield
        finally:
            await run_in_threadpool(manager.stop)

    app = App(
        title="Intendance", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )  # fmt: skip
    routes = beats.routes(manager)
    app.router.routes[0:0] = routes
    app.beat = next(route.app for route in routes if route.path == BEAT_PATH)
    app.add_exception_handler(IntendanceError, _told)

    @app.get("/healthz", summary="Whether the manager works")
    def healthz() -> Response:
        trouble = manager.trouble
        told: dict[str, Any] = {"status": "trouble" if trouble else "ok", "version": __version__}
        return JSONResponse(told | ({"detail": trouble} if trouble else {}), 503 if trouble else 200)

    @app.get("/api/v1/authority", summary="The certificate authority that nodes pin", response_class=PlainTextResponse)
    def shown_authority() -> Response:
        if authority is None:
            return Response(status_code=404)
        return PlainTextResponse(authority.read_text(encoding="ascii"))

    if pages is not None:
        app.router.routes.extend(routes_of_pages(pages))
        app.add_middleware(Headers, secure=pages.secure)
    return app


async def _told(_: Request, error: Exception) -> Response:
    if not isinstance(error, IntendanceError):
        raise error
    return problem(error)
