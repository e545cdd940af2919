"""What people do about alerts from their pages: take one in hand, silence, let people be told again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from starlette.responses import RedirectResponse, Response

from intendance.fleet.alerts.seen import AlertSeen
from intendance.language import durations
from intendance.language.texts import Translator
from intendance.model.errors import IntendanceError
from intendance.model.errors.alerting import AlertNotFiring, AlertNotInHand, AlertUnknown, SilenceUnknown
from intendance.model.frozen import dataclass
from intendance.web import addresses
from intendance.web.visit import Visit

_HOUR = 3600
ACK_HOURS = (1, 4, 8, 24, 72, 168)
SILENCE_HOURS = (1, 4, 24, 72, 168, 720)
_USUAL_HOURS = 4
APART = timedelta(minutes=1)
"""Between two trials of the ways: a form that is sent twice, or by two people at once, tells nobody twice."""
_MOST_DIGITS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a form offers; `usual`: it is chosen until somebody chooses otherwise."""

    value: str
    name: str
    usual: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """What the forms of a page offer, and who sends them."""

    person: str
    ack_hours: tuple[Choice, ...]
    silence_hours: tuple[Choice, ...]


def forms(visit: Visit) -> Forms:
    """The forms of somebody who may act."""
    return Forms(
        person=visit.session.full_name if visit.session is not None else "",
        ack_hours=tuple(_lengths(ACK_HOURS, visit.texts)),
        silence_hours=tuple(_lengths(SILENCE_HOURS, visit.texts)),
    )


def _lengths(hours: Iterable[int], _: Translator) -> Iterable[Choice]:
    for each in hours:
        yield Choice(value=str(each), name=durations.write(each * _HOUR, _.language), usual=each == _USUAL_HOURS)


def scopes(each: AlertSeen, _: Translator) -> tuple[Choice, ...]:
    """What may be silenced from an alert's page, the narrowest first."""
    found = [Choice(value="alert", name=_("this alert"), usual=True)]
    if each.told.node:
        found.append(Choice(value="node", name=_("everything on {node}").format(node=each.told.node), usual=False))
    site = each.told.labels.get("site")
    if site:
        found.append(Choice(value="site", name=_("everything at {site}").format(site=site), usual=False))
    return tuple(found)


def matches(each: AlertSeen, scope: str) -> Mapping[str, str]:
    """What a silence of a scope matches; nothing for a scope that is none."""
    told = each.told
    if scope == "alert":
        named = {"cause": told.cause, "node": told.node, **{k: v for k, v in told.labels.items() if k != "site"}}
    else:
        named = {"node": told.node} if scope == "node" else {"site": told.labels.get("site", "")}
    return {name: value for name, value in named.items() if value} if scope in ("alert", "node", "site") else {}


def ack(visit: Visit) -> Response:
    """Take an alert in hand."""
    number = visit.request.path_params["alert"]

    def done() -> str:
        service = visit.services.alerts
        service.ack(number, by=_actor(visit), lasting_seconds=_seconds(visit), reason=_reason(visit))
        return addresses.alert(number)

    return _answered(visit, done, addresses.ALERTS)


def unack(visit: Visit) -> Response:
    """Let an alert go that somebody has in hand."""
    number = visit.request.path_params["alert"]

    def done() -> str:
        visit.services.alerts.unack(number, by=_actor(visit))
        return addresses.alert(number)

    return _answered(visit, done, addresses.ALERTS)


def silence(visit: Visit) -> Response:
    """Tell nobody of an alert, or of all of its node or site, for a while."""
    number = visit.request.path_params["alert"]

    def done() -> str:
        service = visit.services.alerts
        chosen = matches(service.shown(number).alert, visit.fields.get("scope", ""))
        service.silence(chosen, reason=_reason(visit), by=_actor(visit), lasting_seconds=_seconds(visit))
        return addresses.alert(number)

    return _answered(visit, done, addresses.ALERTS)


def end_silence(visit: Visit) -> Response:
    """Let people be told again."""
    number = visit.request.path_params["silence"]

    def done() -> str:
        visit.services.alerts.end_silence(number, by=_actor(visit))
        return addresses.ALERTS

    return _answered(visit, done, addresses.ALERTS)


def try_ways(visit: Visit) -> Response:
    """Send a message to everybody whom the plan names, as `intendance alert test` does."""

    def done() -> str:
        return addresses.trial(visit.services.alerts.try_ways(apart=APART)[0])

    return _answered(visit, done, f"{addresses.ALERTS}#ways")


def _actor(visit: Visit) -> str:
    return f"person:{visit.session.name if visit.session is not None else ''}"


def _reason(visit: Visit) -> str:
    return visit.fields.get("reason", "")


def _seconds(visit: Visit) -> int:
    hours = visit.fields.get("hours", "")
    return int(hours) * _HOUR if hours.isascii() and hours.isdigit() and len(hours) <= _MOST_DIGITS else 0


def _answered(visit: Visit, done: Callable[[], str], href: str) -> Response:
    """The page that shows what was done; what could not be done, as a page."""
    try:
        return RedirectResponse(done(), status_code=303)
    except (AlertUnknown, SilenceUnknown) as error:
        return visit.problem(error, 404, href)
    except (AlertNotFiring, AlertNotInHand) as error:
        return visit.problem(error, 409, href)
    except IntendanceError as error:
        if error.transient:
            raise
        return visit.problem(error, 400, href)
