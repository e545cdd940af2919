"""The routes of the pages, and the headers that every answer has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from intendance.fleet.accounts.decide import Right
from intendance.web import account, acting, alert_pages, log_in, log_pages, pages, run_pages
from intendance.web.visit import Handler, Services, endpoint, listening

CSP = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Nothing from elsewhere, nothing inline: what a node sends can at most be shown."""

_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_YEAR_SECONDS = 365 * 86_400


class Number(Convertor[int]):
    """A number in an address: none of ours is longer, no database holds much longer ones, and Python reads none of
    thousands of digits."""

    regex = "[0-9]{1,15}"

    def convert(self, value: str) -> int:
        """The number."""
        return int(value)

    def to_string(self, value: int) -> str:
        """Its digits."""
        return str(value)


register_url_convertor("number", Number())


def routes(services: Services) -> Sequence[BaseRoute]:
    """Every page."""

    def get(path: str, handler: Handler, right: Right | None) -> Route:
        return Route(path, endpoint(services, handler, right), methods=["GET"])

    def post(path: str, handler: Handler, right: Right | None) -> Route:
        return Route(path, endpoint(services, handler, right), methods=["POST"])

    def data(path: str, handler: Handler) -> tuple[Route, Route]:
        """A page, and the same as data: its address with `.json`."""
        return get(f"{path}.json", handler, Right.READ), get(path, handler, Right.READ)

    return (
        Route("/live", listening(services), methods=["GET"]),
        get("/", pages.show_wall, Right.READ),
        get("/nodes", pages.nodes, Right.READ),
        *data("/nodes/{node}", pages.one_node),
        *data("/nodes/{node}/plan", pages.one_plan),
        *data("/nodes/{node}/assets/{asset}", pages.one_asset),
        *data("/runs", run_pages.runs),
        *data("/runs/{node}/{run}", run_pages.one_run),
        get("/rules", pages.rules, Right.READ),
        get("/rules/{rule}", pages.one_rule, Right.READ),
        *data("/alerts", alert_pages.alerts),
        get("/alerts/{alert:number}", alert_pages.alert, Right.READ),
        post("/alerts/{alert:number}/ack", acting.ack, Right.ACKNOWLEDGE),
        post("/alerts/{alert:number}/unack", acting.unack, Right.ACKNOWLEDGE),
        post("/alerts/{alert:number}/silence", acting.silence, Right.ACKNOWLEDGE),
        post("/alerts/test", acting.try_ways, Right.ACKNOWLEDGE),
        *data("/alerts/test/{message:number}", alert_pages.trial),
        post("/silences/{silence:number}/end", acting.end_silence, Right.ACKNOWLEDGE),
        get("/ledger", pages.ledgers, Right.READ),
        *data("/ledger/.log", log_pages.fleet_log),
        *data("/ledger/.log/{seq:number}", log_pages.record),
        *data("/ledger/{node}", pages.one_ledger),
        *data("/ledger/{node}/{seq:number}", pages.record),
        *data("/account", account.show),
        post("/account/sessions/end", account.end_others, Right.READ),
        post("/account/sessions/{session}/end", account.end, Right.READ),
        get("/login", log_in.ask, None),
        post("/login", log_in.begin, None),
        get("/login/second", log_in.ask_second, None),
        post("/login/second", log_in.second, None),
        get("/login/enrol", log_in.ask_enrol, None),
        post("/login/enrol", log_in.enrol, None),
        post("/logout", log_in.leave, None),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    )


class Headers:
    """Puts on every answer what tells browsers to trust nothing else; pages are kept by no cache."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if secure:
            self._headers["strict-transport-security"] = f"max-age={_YEAR_SECONDS}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the wrapped application does, with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cache = "public, max-age=86400" if scope["path"].startswith("/static/") else "no-store"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", cache)
            await send(message)

        await self._app(scope, receive, with_headers)
