"""Somebody's own account: where they are logged in, and how to end that."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from intendance.fleet.accounts.decide import Stage
from intendance.fleet.accounts.sessions import SessionHeld
from intendance.language import dates
from intendance.language.texts import Translator
from intendance.model.errors.accounts import SessionUnknown
from intendance.model.frozen import dataclass
from intendance.web import addresses
from intendance.web.render import Frame
from intendance.web.visit import Visit

_BROWSERS = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
"""A sign of each, those before the ones that they pretend to be."""
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
_LONGEST_USUAL = 240
"""Who says more is none of the usual ones, and shown as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    """A session; `here`: the one that reads this page."""

    key: str
    here: bool
    since: str
    seen: str
    address: str
    browser: str
    remark: str


def show(visit: Visit) -> Response:
    """One's own sessions."""
    _ = visit.texts
    name, key = _who(visit)
    found = visit.services.accounts.sessions_of(name)
    if visit.wants_data:
        return visit.data("intendance.sessions/1", {"sessions": [_shown(each, key) for each in found]})
    lines = tuple(_line(each, key, visit.zone, _) for each in found)
    frame = Frame(
        title=f"{_('Your sessions')} · {visit.organisation}",
        address=addresses.ACCOUNT,
        organisation=visit.organisation,
        data=f"{addresses.ACCOUNT}.json",
        typed=f"intendance user sessions {name}",
    )
    question = _("Where is your account open?")
    heading, lede = _("Only here."), _("Nobody else is logged in as you.")
    if len(lines) != 1:
        heading = _.plural("In {n} place.", "In {n} places.", len(lines)).format(n=len(lines))
        lede = _(
            "End what you do not know, then ask for another password on the manager’s machine: somebody knows yours."
        )
    return visit.page("account.html", frame, question=question, heading=heading, lede=lede, lines=lines)


def end(visit: Visit) -> Response:
    """End one of one's own sessions."""
    name, key = _who(visit)
    chosen = visit.request.path_params["session"]
    try:
        visit.services.accounts.end_session(name, chosen, by=f"person:{name}")
    except SessionUnknown as error:
        return visit.problem(error, 404, addresses.ACCOUNT)
    response = RedirectResponse("/login" if chosen == key else addresses.ACCOUNT, status_code=303)
    if chosen == key:
        visit.sign_out(response)
    return response


def end_others(visit: Visit) -> Response:
    """End all of one's own sessions but this one."""
    name, key = _who(visit)
    visit.services.accounts.end_sessions(name, by=f"person:{name}", but=key)
    return RedirectResponse(addresses.ACCOUNT, status_code=303)


def _who(visit: Visit) -> tuple[str, str]:
    """The account's name and this session's key; whoever gets here has logged in."""
    return ("", "") if visit.session is None else (visit.session.name, visit.session.key)


def _line(each: SessionHeld, key: str, zone: str, _: Translator) -> SessionLine:
    owed = _("the second factor is owed") if each.stage is not Stage.WHOLE else ""
    return SessionLine(
        key=each.key,
        here=each.key == key,
        since=dates.moment(each.made_at, zone, _.language),
        seen=dates.moment(each.seen_at, zone, _.language),
        address=each.address,
        browser=browser_told(each.browser),
        remark=_("this one") if each.key == key else owed,
    )


def browser_told(said: str) -> str:
    """`Firefox, Linux` of what a browser says of itself at length; of any other, what it says."""
    browser = next((name for sign, name in _BROWSERS if sign in said), "")
    system = next((name for sign, name in _SYSTEMS if sign in said), "")
    return f"{browser}, {system}" if browser and system and len(said) < _LONGEST_USUAL else said


def _shown(each: SessionHeld, key: str) -> dict[str, object]:
    """A session for programs."""
    return {
        "session": each.key,
        "here": each.key == key,
        "since": dates.iso(each.made_at),
        "seen_at": dates.iso(each.seen_at),
        "address": each.address,
        "browser": each.browser,
        "stage": each.stage.value,
    }
