"""What people are shown where there is no page, and where nobody foresaw what went wrong."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from intendance.model.errors.accounts import PageUnknown
from intendance.model.errors.api import RequestFailed
from intendance.web.visit import Services, Visit, endpoint


def wants_page(request: Request) -> bool:
    """Whether a person asked, in a browser."""
    return "text/html" in request.headers.get("accept", "")


async def unfound(services: Services, request: Request) -> Response:
    """There is no such address."""
    return await endpoint(services, _nowhere, None)(request)


def failed(services: Services, request: Request) -> Response:
    """Nobody foresaw it; who asked is not looked up, as that may be what failed."""
    return Visit(request, services, None, {}).problem(RequestFailed(), 500)


def _nowhere(visit: Visit) -> Response:
    return visit.problem(PageUnknown(name=visit.request.url.path[:200]), 404)
