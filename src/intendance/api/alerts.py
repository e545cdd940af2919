"""Alerts: what is wrong now or was, and of each who was told and what became of every message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict, get_args

from intendance.api import cursor
from intendance.api.operation import PAGE, Call, Operation, Parameter
from intendance.fleet.alerts.decide import State
from intendance.fleet.alerts.own import ObserverSeen
from intendance.fleet.alerts.seen import AlertSeen, EventSeen, MessageSeen, SilenceSeen
from intendance.fleet.tokens.decide import Scope
from intendance.language import dates
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertShown:
    """An alert. `cause` is a rule or what detection found; `suppressed` says why nobody is told, null where people
    are; `members` counts the alerts that it stands for; `message` is English, for people."""

    number: int
    cause: str
    node: str | None
    labels: Mapping[str, str]
    params: Mapping[str, str | int]
    urgency: str
    state: State
    suppressed: str | None
    episode: int
    since: str
    fired_at: str | None
    acked_by: str | None
    acked_until: str | None
    resolved_at: str | None
    parent: int | None
    members: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventShown:
    """Something that happened to an alert; `actor` is null where the manager did it by itself."""

    at: str
    event: str
    actor: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShown:
    """A message and its fate; `code`, `detail` and `provider_id` are what the other side answered."""

    number: int
    contact: str
    way: str
    purpose: str
    state: str
    tries: int
    code: str | None
    detail: str | None
    provider_id: str | None
    made_at: str
    next_at: str | None
    sent_at: str | None


SilenceShown = TypedDict(  # a class cannot have a field named `from`
    "SilenceShown",
    {"number": int, "matches": Mapping[str, str], "reason": str, "made_by": str, "from": str, "until": str},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverShown:
    """Who watches the manager from elsewhere; `failing_since` is null while it answers."""

    host: str
    answered_at: str | None
    failing_since: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertList:
    """Alerts, the newest first, without those that another one stands for; the silences that hold or will; and
    `observer`, null where the plan has none."""

    schema: Literal["intendance.alerts/1"] = "intendance.alerts/1"
    fleet: str
    alerts: tuple[AlertShown, ...]
    silences: tuple[SilenceShown, ...]
    observer: ObserverShown | None
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneAlert:
    """One alert with its story: what happened, and each message that was written because of it."""

    schema: Literal["intendance.alert/1"] = "intendance.alert/1"
    alert: AlertShown
    events: tuple[EventShown, ...]
    messages: tuple[MessageShown, ...]


def alerts(call: Call) -> AlertList:
    """A page of alerts. Raises DatabaseUnreachable."""
    (before,) = call.after(int) or (None,)
    service = call.services.alerts
    found = service.page(state=call.text("state"), before=before, limit=call.limit)
    more = cursor.write(found[-1].told.number) if len(found) == call.limit else None
    return AlertList(
        fleet=call.services.fleet,
        alerts=tuple(map(_alert, found)),
        silences=tuple(map(_silence, service.silences())),
        observer=_observer(service.observer()),
        next=more,
    )


def alert(call: Call) -> OneAlert:
    """One alert. Raises AlertUnknown, DatabaseUnreachable."""
    found = call.services.alerts.shown(call.numbers["alert"])
    return OneAlert(
        alert=_alert(found.alert),
        events=tuple(map(_event, found.events)),
        messages=tuple(map(_message, found.messages)),
    )


def _iso(at: datetime | None) -> str | None:
    return None if at is None else dates.iso(at)


def _alert(seen: AlertSeen) -> AlertShown:
    return AlertShown(
        number=seen.told.number,
        cause=seen.told.cause,
        node=seen.told.node or None,
        labels=seen.told.labels,
        params=seen.told.params,
        urgency=seen.told.urgency,
        state=seen.state,
        suppressed=seen.suppressed,
        episode=seen.episode,
        since=dates.iso(seen.told.since),
        fired_at=_iso(seen.fired_at),
        acked_by=seen.acked_by or None,
        acked_until=_iso(seen.acked_until),
        resolved_at=_iso(seen.resolved_at),
        parent=seen.parent,
        members=seen.members,
        message=seen.sentence("en"),
    )


def _event(seen: EventSeen) -> EventShown:
    return EventShown(at=dates.iso(seen.at), event=seen.event, actor=seen.actor or None, data=seen.data)


def _message(seen: MessageSeen) -> MessageShown:
    return MessageShown(
        number=seen.number,
        contact=seen.contact,
        way=seen.way,
        purpose=seen.purpose,
        state=seen.state,
        tries=seen.tries,
        code=seen.code or None,
        detail=seen.detail or None,
        provider_id=seen.provider_id or None,
        made_at=dates.iso(seen.made_at),
        next_at=None if seen.ended else dates.iso(seen.next_at),
        sent_at=_iso(seen.sent_at),
    )


def _observer(seen: ObserverSeen | None) -> ObserverShown | None:
    if seen is None:
        return None
    answered, failing = _iso(seen.answered_at), _iso(seen.failing_since)
    return ObserverShown(host=seen.host, answered_at=answered, failing_since=failing)


def _silence(seen: SilenceSeen) -> SilenceShown:
    return {
        "number": seen.number,
        "matches": seen.matches,
        "reason": seen.reason,
        "made_by": seen.made_by,
        "from": dates.iso(seen.from_at),
        "until": dates.iso(seen.to_at),
    }


OPERATIONS = (
    Operation(
        name="alerts",
        path="/api/v1/alerts",
        summary="Alerts that are not over, or those in one state, the newest first",
        scope=Scope.READ,
        answered=alerts,
        answer=AlertList,
        parameters=(
            Parameter(name="state", summary="Only in this state.", kind="choice", choices=get_args(State)),
            *PAGE,
        ),
    ),
    Operation(
        name="alert",
        path="/api/v1/alerts/{alert}",
        summary="One alert, what happened to it, and whom it was told",
        scope=Scope.READ,
        answered=alert,
        answer=OneAlert,
        parameters=(
            Parameter(name="alert", where="path", kind="whole", summary="Its number, as messages say it.", smallest=1),
        ),
    ),
)
