"""Alerts, their messages and silences as faces show them; made from the rows that hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row

from intendance.fleet.alerts import decide, texts
from intendance.fleet.alerts.perform import told_as
from intendance.fleet.alerts.texts import Language, Told
from intendance.fleet.database.connect import from_us
from intendance.language.texts import translator
from intendance.model.alerting import Way
from intendance.model.frozen import dataclass

_ENDED = frozenset({"sent", "delivered", "dead", "dropped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSeen:
    """An alert as it stands. `suppressed`: why nobody is told (None: people are); `members`: how many it stands for;
    `said`: the reason of who has it in hand."""

    told: Told
    state: decide.State
    suppressed: str | None
    episode: int
    fired_at: datetime | None
    acked_by: str
    acked_until: datetime | None
    resolved_at: datetime | None
    parent: int | None
    members: int = 0
    said: str = ""

    def sentence(self, language: Language) -> str:
        """What is wrong."""
        return texts.fact(translator(language, "alert_texts"), self.told)

    def why(self, language: Language) -> str:
        """What it means, and what to do first."""
        return texts.why(translator(language, "alert_texts"), self.told.cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlerts:
    """How many alerts of a kind are open, and since when the oldest of them is."""

    count: int
    first_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    """Something that happened to an alert."""

    at: datetime
    event: str
    actor: str
    data: Mapping[str, Any]

    @property
    def until(self) -> datetime | None:
        """Until when somebody took it in hand."""
        return _at(self.data.get("until_us"))

    @property
    def reason(self) -> str:
        """What somebody said who took it in hand."""
        return str(self.data.get("reason") or "") if self.event == "acked" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSeen:
    """A message: to whom, by what, what became of it. `code` and `provider_id` are the other side's."""

    number: int
    contact: str
    way: Way
    purpose: str
    state: str
    tries: int
    code: str
    detail: str
    provider_id: str
    made_at: datetime
    next_at: datetime
    sent_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in _ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceSeen:
    """A silence: nobody is told of alerts that match. Who ended it before its time is `ended_by`."""

    number: int
    matches: Mapping[str, str]
    reason: str
    made_by: str
    from_at: datetime
    to_at: datetime
    ended_at: datetime | None = None
    ended_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSeen:
    """What is still due: whom, by what, from when on."""

    at: datetime
    to: tuple[tuple[str, Way], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrySeen:
    """One try to deliver a message; `code` and `detail` are the other side's."""

    at: datetime
    result: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One alert with its story. `tries` are those of each message, by its number; `under` are the alerts that it stands
    for."""

    alert: AlertSeen
    events: tuple[EventSeen, ...]
    messages: tuple[MessageSeen, ...]
    tries: Mapping[int, tuple[TrySeen, ...]]
    under: tuple[AlertSeen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaySeen:
    """How somebody can be reached, and what was last heard of it: the message that left last, if one ever did, and the
    last one whose fate is known."""

    contact: str
    way: Way
    proven: MessageSeen | None
    last: MessageSeen | None


def _at(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def alert_seen(row: Row[Any], members: int, said: str = "") -> AlertSeen:
    """An alert of the table."""
    return AlertSeen(
        told=told_as(row),
        state=row.state,
        suppressed=row.suppressed,
        episode=row.episode,
        fired_at=_at(row.fired_us),
        acked_by=row.acked_by,
        acked_until=_at(row.acked_until_us),
        resolved_at=_at(row.resolved_us),
        parent=row.parent,
        members=members,
        said=said if row.state == "acked" else "",
    )


def event_seen(row: Row[Any]) -> EventSeen:
    """What happened, of the table."""
    return EventSeen(at=from_us(row.at_us), event=row.event, actor=row.actor, data=json.loads(row.data))


def message_seen(row: Row[Any]) -> MessageSeen:
    """A message of the outbox."""
    return MessageSeen(
        number=row.id,
        contact=row.contact,
        way=cast(Way, row.channel),
        purpose=row.purpose,
        state=row.state,
        tries=row.tries,
        code=row.last_code,
        detail=row.last_detail,
        provider_id=row.provider_id,
        made_at=from_us(row.made_us),
        next_at=from_us(row.next_us),
        sent_at=_at(row.sent_us),
    )


def silence_seen(row: Row[Any]) -> SilenceSeen:
    """A silence of the table."""
    return SilenceSeen(
        number=row.id,
        matches=json.loads(row.matches),
        reason=row.reason,
        made_by=row.made_by,
        from_at=from_us(row.from_us),
        to_at=from_us(row.to_us),
        ended_at=_at(row.ended_us),
        ended_by=row.ended_by,
    )
