"""Logging in: a name and a password, then the second factor, or setting one up."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from intendance.fleet.accounts.decide import Stage
from intendance.language import dates
from intendance.model.errors.accounts import AccountLocked, CodeRefused, LogInRefused, LogInsCrowded, SessionOver
from intendance.model.frozen import dataclass
from intendance.web.render import Frame
from intendance.web.visit import Visit

_GROUP = 4
_LONGEST_NAME = 64
_AGAIN_AFTER_SECONDS = "5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a form, as browsers and password managers know it."""

    name: str
    label: str
    kind: str
    autocomplete: str
    digits: bool = False
    hint: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    heading: str
    lede: str
    action: str
    verb: str
    token: str
    fields: tuple[Field, ...] = ()
    fault: str = ""
    secret: tuple[str, ...] = ()
    uri: str = ""
    square: Markup = Markup()


def ask(visit: Visit) -> Response:
    """The log-in page."""
    if visit.session is not None and visit.session.stage is Stage.WHOLE:
        return RedirectResponse("/", status_code=303)
    return _ask(visit)


def begin(visit: Visit) -> Response:
    """A name and a password."""
    _ = visit.texts
    name, password = visit.fields.get("name", ""), visit.fields.get("password", "")
    browser = visit.request.headers.get("user-agent", "")
    try:
        opened = visit.services.accounts.begin(name, password, address=visit.address, browser=browser)
    except LogInRefused:
        return _ask(visit, _("That name and that password do not go together."), 401)
    except AccountLocked as error:
        return _ask(visit, _locked(visit, error), 429)
    except LogInsCrowded:
        response = _ask(visit, _("Too many people are logging in at this moment. Try again in a few seconds."), 503)
        response.headers["retry-after"] = _AGAIN_AFTER_SECONDS
        return response
    steps = {Stage.WHOLE: "/", Stage.SECOND: "/login/second", Stage.ENROL: "/login/enrol"}
    response = RedirectResponse(steps[opened.stage], status_code=303)
    visit.sign_in(response, opened.token)
    return response


def ask_second(visit: Visit) -> Response:
    """The page that asks for the second factor."""
    if visit.session is None or visit.session.stage is not Stage.SECOND:
        return RedirectResponse("/login", status_code=303)
    return _ask_second(visit)


def second(visit: Visit) -> Response:
    """A code of the authenticator, or a recovery code."""
    _ = visit.texts
    try:
        opened = visit.services.accounts.second(visit.token, visit.fields.get("code", ""))
    except CodeRefused:
        return _ask_second(visit, _("That code does not count. Wait for the next one."), 401)
    except AccountLocked as error:
        return _ask(visit, _locked(visit, error), 429)
    except SessionOver:
        return RedirectResponse("/login", status_code=303)
    response = RedirectResponse("/", status_code=303)
    visit.sign_in(response, opened.token)
    return response


def ask_enrol(visit: Visit) -> Response:
    """The page that sets up a second factor."""
    if visit.session is None or visit.session.stage is Stage.SECOND:
        return RedirectResponse("/login", status_code=303)
    try:
        return _ask_enrol(visit)
    except SessionOver:
        return RedirectResponse("/", status_code=303)


def enrol(visit: Visit) -> Response:
    """The first code of a new authenticator; the recovery codes are shown this once."""
    _ = visit.texts
    try:
        opened, codes = visit.services.accounts.confirm_second(visit.token, visit.fields.get("code", ""))
    except CodeRefused:
        return _ask_enrol(visit, _("That code does not count. Wait for the next one."), 401)
    except SessionOver:
        return RedirectResponse("/login", status_code=303)
    frame = _frame(visit, _("Recovery codes"), "/login/enrol")
    response = visit.page("recovery.html", frame, codes=codes)
    visit.sign_in(response, opened.token)
    return response


def leave(visit: Visit) -> Response:
    """Log out."""
    visit.services.accounts.close(visit.token)
    response = RedirectResponse("/login", status_code=303)
    visit.sign_out(response)
    return response


def _ask(visit: Visit, fault: str = "", status: int = 200) -> Response:
    _ = visit.texts
    form = Form(
        heading=_("Log in"),
        lede=_("What this register says is for the people of {organisation}.").format(organisation=visit.organisation),
        action="/login",
        verb=_("Log in"),
        token=visit.login_token,
        fault=fault,
        fields=(
            Field(name="name", label=_("Name"), kind="text", autocomplete="username", value=_typed(visit)),
            Field(name="password", label=_("Password"), kind="password", autocomplete="current-password"),
        ),
    )
    response = visit.page("login.html", _frame(visit, _("Log in"), "/login"), status=status, form=form)
    visit.plant(response)
    return response


def _typed(visit: Visit) -> str:
    """The name that was typed, which whoever mistyped a password need not type again."""
    return visit.fields.get("name", "")[:_LONGEST_NAME]


def _ask_second(visit: Visit, fault: str = "", status: int = 200) -> Response:
    _ = visit.texts
    form = Form(
        heading=_("Your second factor"),
        lede=_("The six digits that your authenticator shows now, or one of your recovery codes."),
        action="/login/second",
        verb=_("Go on"),
        token=visit.session.csrf if visit.session is not None else "",
        fault=fault,
        fields=(Field(name="code", label=_("Code"), kind="text", autocomplete="one-time-code"),),
    )
    return visit.page("login.html", _frame(visit, _("Second factor"), "/login/second"), status=status, form=form)


def _ask_enrol(visit: Visit, fault: str = "", status: int = 200) -> Response:
    _ = visit.texts
    secret, uri = visit.services.accounts.propose_second(visit.token, f"Intendance {visit.organisation}")
    form = Form(
        heading=_("Set up a second factor"),
        lede=_(
            "Show this square to an authenticator on your telephone, or type the secret; from then on, log-ins ask for "
            "its codes."
        ),
        action="/login/enrol",
        verb=_("Confirm"),
        token=visit.session.csrf if visit.session is not None else "",
        fault=fault,
        secret=tuple(secret[at : at + _GROUP] for at in range(0, len(secret), _GROUP)),
        uri=uri,
        square=_square(uri, _("The secret as a QR code")),
    )
    return visit.page("second.html", _frame(visit, _("Second factor"), "/login/enrol"), status=status, form=form)


def _square(uri: str, title: str) -> Markup:
    """A QR code in SVG, black on white whatever the page's colours are: a camera must read it."""
    import segno  # one page needs it

    code = segno.make(uri, error="m", micro=False)
    return Markup(  # noqa: S704 -- what segno draws; it escapes the title
        code.svg_inline(scale=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True, title=title)
    )


def _frame(visit: Visit, title: str, address: str) -> Frame:
    organisation = visit.organisation
    return Frame(title=f"{title} · {organisation}", address=address, organisation=organisation)


def _locked(visit: Visit, error: AccountLocked) -> str:
    _ = visit.texts
    at = error.params["until"]
    until = dates.moment(at, visit.zone, visit.language) if isinstance(at, datetime) else str(at)
    return _("Too many wrong tries: this account is locked until {moment}.").format(moment=until)
