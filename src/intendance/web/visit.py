"""One request of a browser: who it is, in which language they read, and what keeps others from speaking for them."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from intendance.fleet.accounts.decide import Right, Stage, may
from intendance.fleet.accounts.service import Accounts, Session
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.assets.service import Assets
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.own_log import OwnLog
from intendance.fleet.plans.service import Plans
from intendance.fleet.runs.service import Runs
from intendance.fleet.verdicts.service import Verdicts
from intendance.fleet.verdicts.standing import Standing
from intendance.language.spoken import advice_of, message_of
from intendance.language.texts import Translator, translator
from intendance.model.errors import IntendanceError
from intendance.model.errors.accounts import RightMissing
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock
from intendance.web.live import Live, combined
from intendance.web.render import Frame, Reader, html

Language = Literal["fr", "en"]
FORM_MAX_BYTES = 16_384
"""No form of ours comes near that."""

_COOKIE = "intendance"
_LOGIN_COOKIE = "intendance-login"
_LANGUAGE_COOKIE = "intendance-language"
_YEAR_SECONDS = 365 * 86_400
_AGAIN_AFTER_SECONDS = "5"
_STEPS = {Stage.SECOND: "/login/second", Stage.ENROL: "/login/enrol"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the pages are made from; `policy` is what the plan in force says. `secure`: whether browsers come by TLS,
    here or at a proxy before it."""

    accounts: Accounts
    fleet: Verdicts
    ledgers: Ledgers
    log: OwnLog
    assets: Assets
    plans: Plans
    runs: Runs
    alerts: Alerts
    live: Live
    clock: Clock
    policy: Callable[[], Policy]
    secure: bool


class Visit:
    """A request, with who made it."""

    def __init__(self, request: Request, services: Services, session: Session | None, fields: dict[str, str]) -> None:
        self.request = request
        self.services = services
        self.session = session
        self.fields = fields
        self.policy = services.policy()  # asked once: a page is of one plan, whatever is adopted meanwhile
        self.language = self._language()
        self.texts: Translator = translator(self.language, "web")
        self._about = self._stamp = ""

    @property
    def address(self) -> str:
        """Where the browser is, for the list of sessions."""
        return self.request.client.host if self.request.client is not None else ""

    @property
    def token(self) -> str:
        """The session's token, as its cookie brought it."""
        return self.request.cookies.get(_name(_COOKIE, self.services), "")

    @property
    def organisation(self) -> str:
        """Whose fleet it is."""
        return self.policy.organisation

    @property
    def zone(self) -> str:
        """The time zone in which pages name instants."""
        return self.policy.zone

    def reader(self, token: str = "") -> Reader:
        """Who reads, as a page needs them."""
        whole = self.session is not None and self.session.stage is Stage.WHOLE
        return Reader(
            language=self.language,
            person=self.session.full_name if whole and self.session is not None else "",
            token=token or (self.session.csrf if self.session is not None else ""),
        )

    def standing(self, about: str = "") -> Standing:
        """How the fleet stands; the page is out of date once that changes, or the evidence of the node that it is
        about. Raises DatabaseUnreachable."""
        names = frozenset({about} - {""})
        stamps = self.services.fleet.stamps(names, self.policy)  # before it is read: what comes between is told
        self._about, self._stamp = about, combined(stamps, about)
        return self.services.fleet.standing(self.policy)

    def page(self, template: str, frame: Frame, *, status: int = 200, token: str = "", **content: object) -> Response:
        """A page in the reader's language."""
        frame = replace(frame, about=self._about, stamp=self._stamp)
        text = html(template, frame, self.reader(token), self.texts, **content)
        response = HTMLResponse(text, status_code=status)
        self.remember_language(response)
        return response

    @property
    def wants_data(self) -> bool:
        """Whether it asks for a page's content as data."""
        return self.request.url.path.endswith(".json")

    def data(self, schema: str, told: object) -> Response:
        """What a page is made from, as JSON: English, instants in UTC."""
        content = msgspec.json.encode({"schema": schema} | msgspec.to_builtins(told))
        return Response(content, media_type="application/json")

    def problem(self, error: IntendanceError, status: int, href: str = "/") -> Response:
        """What went wrong, as a page."""
        _ = self.texts
        heading = _heading(status, _)
        told = {
            "heading": heading,
            "told": message_of(error, self.language),
            "next_step": advice_of(error, self.language),
            "href": href,
            "link": _("Back"),
        }
        frame = self.frame_of_problem(heading)
        return self.page("problem.html", frame, status=status, problem=told)

    def frame_of_problem(self, heading: str) -> Frame:
        """The frame of a page that is none of the places in the navigation."""
        return Frame(
            title=f"{heading.removesuffix('.')} · {self.organisation}",
            address="",
            organisation=self.organisation,
        )

    def sign_in(self, response: Response, token: str) -> None:
        """Give the browser a session's token."""
        secure = self.services.secure
        response.set_cookie(
            _name(_COOKIE, self.services), token, httponly=True, secure=secure, samesite="lax", path="/"
        )

    def sign_out(self, response: Response) -> None:
        """Take it back."""
        response.delete_cookie(
            _name(_COOKIE, self.services), path="/", secure=self.services.secure, httponly=True, samesite="lax"
        )

    def plant(self, response: Response) -> None:
        """Give a browser that nobody logged in on yet the token that its log-in form brings back."""
        response.set_cookie(
            _name(_LOGIN_COOKIE, self.services),
            self.login_token,
            httponly=True,
            secure=self.services.secure,
            samesite="strict",
            path="/",
        )

    @property
    def login_token(self) -> str:
        """The log-in form's token: the one that the browser has, or a new one."""
        held = self.request.cookies.get(_name(_LOGIN_COOKIE, self.services), "")
        if not held and not hasattr(self.request.state, "login_token"):
            self.request.state.login_token = secrets.token_urlsafe(24)
        return held or str(self.request.state.login_token)

    def remember_language(self, response: Response) -> None:
        """Where somebody asked for a language, keep to it."""
        if "lang" in self.request.query_params:
            response.set_cookie(_LANGUAGE_COOKIE, self.language, max_age=_YEAR_SECONDS, samesite="lax", path="/")

    def own(self) -> bool:
        """Whether a form was sent by a page of ours: from our own address, with the token that we gave."""
        origin = self.request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != self.request.headers.get("host"):
            return False
        if origin is None and self.request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        if self.session is not None and self.request.url.path != "/login":  # whoever is half logged in may begin anew
            wanted = self.session.csrf
        else:
            wanted = self.request.cookies.get(_name(_LOGIN_COOKIE, self.services), "")
        return bool(wanted) and hmac.compare_digest(self.fields.get("token", "").encode(), wanted.encode())

    def _language(self) -> Language:
        asked = [
            self.request.query_params.get("lang", ""),
            self.request.cookies.get(_LANGUAGE_COOKIE, ""),
            self.session.language if self.session is not None else "",
            *(part.split(";")[0].strip()[:2] for part in self.request.headers.get("accept-language", "").split(",")),
            self.policy.language,
        ]
        return next(("fr" if each == "fr" else "en" for each in asked if each in ("fr", "en")), "en")


def session_token(request: Request, *, secure: bool) -> str | None:
    """The session's token, as a request's cookie brought it."""
    return request.cookies.get(f"__Host-{_COOKIE}" if secure else _COOKIE)


Handler = Callable[[Visit], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(services: Services, handler: Handler, right: Right | None) -> Endpoint:
    """What a route calls: the handler, in a thread, for who may; the log-in, for who has not logged in.

    A form that no page of ours sent changes nothing. Without `right`, anybody may.
    """

    async def answer(request: Request) -> Response:
        fields = await _fields(request)
        return await run_in_threadpool(_answer, request, fields)

    def _answer(request: Request, fields: dict[str, str] | None) -> Response:
        try:
            return _handled(request, fields)
        except DatabaseUnreachable as error:
            return _unreached(Visit(request, services, None, fields or {}), error)

    def _handled(request: Request, fields: dict[str, str] | None) -> Response:
        token = request.cookies.get(_name(_COOKIE, services))
        by_itself = request.headers.get("hx-request") == "true"  # a page that refreshes is nobody who reads it
        visit = Visit(request, services, services.accounts.who(token, touch=not by_itself), fields or {})
        if fields is None or (request.method == "POST" and not visit.own()):
            return _stale(visit, 413 if fields is None else 403)
        refused = _refused(visit, right)
        return handler(visit) if refused is None else refused

    return answer


def listening(services: Services) -> Endpoint:
    """What an open page listens to: told when to ask for itself again, and when its session is over."""

    async def answer(request: Request) -> Response:
        token = request.cookies.get(_name(_COOKIE, services), "")

        def alive() -> bool:
            session = services.accounts.who(token, touch=False)
            return session is not None and session.stage is Stage.WHOLE and may(session.role, Right.READ)

        headers = {"x-accel-buffering": "no"}
        if not await run_in_threadpool(alive):
            return Response("event: over\ndata: -\n\n", media_type="text/event-stream", headers=headers)
        if not services.live.has_room(token):
            return Response(status_code=503, headers={"retry-after": "30"})
        seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
        events = services.live.events(token, request.query_params.get("node", ""), seen, alive)
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    return answer


def _heading(status: int, _: Translator) -> str:
    """What went wrong, in a few words, before the sentence that says it."""
    told = {
        403: _("This is not yours to do."),
        404: _("It is not here."),
        500: _("It cannot be shown."),
        503: _("Not now."),
    }
    return told.get(status) or _("That cannot be done.")


def _refused(visit: Visit, right: Right | None) -> Response | None:
    session = visit.session
    if right is None:
        return None
    if session is None:
        return RedirectResponse("/login", status_code=303)
    if session.stage is not Stage.WHOLE:
        return RedirectResponse(_STEPS[session.stage], status_code=303)
    if not may(session.role, right):
        return visit.problem(RightMissing(name=session.name, role=session.role.value), 403)
    return None


def _unreached(visit: Visit, error: DatabaseUnreachable) -> Response:
    """What the database refuses now, in the reader's language; what was asked for was not done."""
    if visit.wants_data:
        raise error
    response = visit.problem(error, 503, visit.request.url.path if visit.request.method == "GET" else "/")
    response.headers["retry-after"] = _AGAIN_AFTER_SECONDS
    return response


def _stale(visit: Visit, status: int) -> Response:
    """A form from elsewhere, or one whose page is too old."""
    _ = visit.texts
    told = {
        "heading": _("Nothing was changed."),
        "told": _("This form was not sent by a page of this manager, or its page is too old."),
        "next_step": _("Open the page again and send it from there."),
        "href": "/",
        "link": _("Back"),
    }
    return visit.page("problem.html", visit.frame_of_problem(_("Nothing was changed.")), status=status, problem=told)


async def _fields(request: Request) -> dict[str, str] | None:
    """A form's fields; None when it is larger than any of ours."""
    if request.method != "POST":
        return {}
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_MAX_BYTES:
                return None
    except ClientDisconnect:
        return {}  # nobody waits for the answer, and half a form does nothing
    text = body.decode("utf-8", errors="replace")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=50)) if text.count("&") < 50 else None


def _name(cookie: str, services: Services) -> str:
    """`__Host-`: a browser takes such a cookie only by TLS and from this very host, so that no neighbour sets it."""
    return f"__Host-{cookie}" if services.secure else cookie
