"""What people ask of alerts and do with them: see, take in hand, silence, try the ways out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Row, func, insert, select, update

from intendance.fleet.alerts import decide, texts
from intendance.fleet.alerts.own import ObserverSeen, observer_of
from intendance.fleet.alerts.perform import content, told_as
from intendance.fleet.alerts.policy import CANARY, Policy
from intendance.fleet.alerts.recording import add_events, alone, standing_of
from intendance.fleet.alerts.texts import Language, Told
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.tables import alert, alert_event, outbox, silence
from intendance.language.texts import translator
from intendance.model.alerting import Way
from intendance.model.errors.alerting import AlertNotFiring, AlertUnknown, NobodyToTell, SilenceUnknown
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock

SHOWN = 500
KEPT_FOR = timedelta(days=30)
TEST_LASTS_US = 10 * decide.MINUTE_US
_ENDED = frozenset({"sent", "delivered", "dead", "dropped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSeen:
    """An alert as it stands. `suppressed`: why nobody is told (None: people are); `members`: how many it stands for."""

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

    def sentence(self, language: Language) -> str:
        """What is wrong."""
        return texts.fact(translator(language, "alert_texts"), self.told)

    def why(self, language: Language) -> str:
        """What it means, and what to do first."""
        return texts.why(translator(language, "alert_texts"), self.told.cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    """Something that happened to an alert."""

    at: datetime
    event: str
    actor: str
    data: Mapping[str, Any]


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
    """A silence: nobody is told of alerts that match."""

    number: int
    matches: Mapping[str, str]
    reason: str
    made_by: str
    from_at: datetime
    to_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """One alert with its story."""

    alert: AlertSeen
    events: tuple[EventSeen, ...]
    messages: tuple[MessageSeen, ...]


class Alerts:
    """The alerts of one manager's database; any process on its machine may ask."""

    def __init__(self, database: Database, policy: Callable[[], Policy], clock: Clock) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock

    @property
    def policy(self) -> Policy:
        """Who is told of what, now."""
        return self._policy()

    @property
    def now(self) -> datetime:
        """The instant, by the clock that judges alerts."""
        return self._clock.read().at

    def observer(self) -> ObserverSeen | None:
        """Who watches the manager from elsewhere, as it stands. Raises DatabaseUnreachable."""
        with self._database.read() as connection:
            return observer_of(connection, self.policy)

    def listed(self, *, ended: bool = False) -> tuple[AlertSeen, ...]:
        """What is wrong now, the most urgent first, without those that another one stands for; with `ended`, what was
        in the last 30 days too. Raises DatabaseUnreachable."""
        wanted = select(alert).where(alert.c.parent.is_(None), alert.c.cause != CANARY)
        if ended:
            wanted = wanted.where((alert.c.state != "resolved") | (alert.c.started_us > to_us(self.now - KEPT_FOR)))
        else:
            wanted = wanted.where(alert.c.state != "resolved")
        order = (alert.c.state == "resolved", alert.c.severity != "critical", alert.c.started_us.desc())
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(*order).limit(SHOWN)).all()
            members = _members(connection, [row.id for row in rows])
        return tuple(_seen(row, members.get(row.id, 0)) for row in rows)

    def page(self, *, state: str, before: int | None, limit: int) -> tuple[AlertSeen, ...]:
        """Alerts in a state, or without one those that are not over, the newest first, without those that another one
        stands for; from below the number `before` on. Raises DatabaseUnreachable."""
        wanted = select(alert).where(alert.c.parent.is_(None), alert.c.cause != CANARY)
        wanted = wanted.where(alert.c.state == state if state else alert.c.state != "resolved")
        if before is not None:
            wanted = wanted.where(alert.c.id < before)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(alert.c.id.desc()).limit(limit)).all()
            members = _members(connection, [row.id for row in rows])
        return tuple(_seen(row, members.get(row.id, 0)) for row in rows)

    def shown(self, number: int) -> Shown:
        """One alert with its story. Raises AlertUnknown, DatabaseUnreachable."""
        with self._database.read() as connection:
            row = _row(connection, number)
            events = connection.execute(
                select(alert_event).where(alert_event.c.alert == number).order_by(alert_event.c.id)
            ).all()
            messages = connection.execute(select(outbox).where(outbox.c.alert == number).order_by(outbox.c.id)).all()
            members = _members(connection, [number])
        return Shown(
            _seen(row, members.get(number, 0)),
            tuple(
                EventSeen(at=from_us(each.at_us), event=each.event, actor=each.actor, data=json.loads(each.data))
                for each in events
            ),
            tuple(map(_message, messages)),
        )

    def ack(self, number: int, *, by: str, lasting_seconds: int) -> AlertSeen:
        """Take it in hand for a while; nobody else is told meanwhile. Raises AlertUnknown, AlertNotFiring."""
        now_us = to_us(self.now)
        with self._database.begin() as connection:
            alone(connection)
            row = _row(connection, number)
            move = decide.acked(standing_of(row), by, now_us, lasting_seconds * decide.SECOND_US)
            if move is None:
                raise AlertNotFiring(number=number)
            standing = move.standing
            values = {"state": standing.state, "acked_by": by, "acked_until_us": standing.acked_until_us}
            connection.execute(update(alert).where(alert.c.id == number).values(**values, acked_us=now_us))
            add_events(connection, [(number, "acked", {"until_us": standing.acked_until_us})], now_us, by)
            return _seen(_row(connection, number), _members(connection, [number]).get(number, 0))

    # --- silences ---------------------------------------------------------------------------------------------------

    def silences(self) -> tuple[SilenceSeen, ...]:
        """Those that hold now or will. Raises DatabaseUnreachable."""
        now_us = to_us(self.now)
        with self._database.read() as connection:
            rows = connection.execute(
                select(silence).where(silence.c.to_us > now_us, silence.c.ended_us.is_(None)).order_by(silence.c.id)
            ).all()
        return tuple(map(_silence, rows))

    def silence(self, matches: Mapping[str, str], *, reason: str, by: str, lasting_seconds: int) -> SilenceSeen:
        """Tell nobody of what matches, for a while. The alerts go on, and say so. Raises DatabaseUnreachable."""
        now_us = to_us(self.now)
        values = {
            "matches": json.dumps(dict(sorted(matches.items()))), "reason": reason, "made_by": by, "made_us": now_us,
            "from_us": now_us, "to_us": now_us + lasting_seconds * decide.SECOND_US,
        }  # fmt: skip
        with self._database.begin() as connection:
            made = connection.execute(insert(silence).values(**values).returning(silence)).one()
        return _silence(made)

    def end_silence(self, number: int) -> SilenceSeen:
        """Let people be told again. Raises SilenceUnknown."""
        now_us = to_us(self.now)
        holds = (silence.c.id == number) & (silence.c.to_us > now_us) & silence.c.ended_us.is_(None)
        with self._database.begin() as connection:
            row = connection.execute(
                update(silence).where(holds).values(ended_us=now_us).returning(silence)
            ).one_or_none()
        if row is None:
            raise SilenceUnknown(number=number)
        return _silence(row)

    # --- trying -----------------------------------------------------------------------------------------------------

    def try_ways(self, *, contact: str = "", way: Way | None = None) -> tuple[int, ...]:
        """Write one message to each person and way of the plan (or to these); the manager sends them as any other.
        Their numbers. Raises NobodyToTell."""
        policy, now_us = self.policy, to_us(self.now)
        pairs = [
            pair for pair in policy.pairs()
            if pair[0] == (contact or pair[0]) and pair[1] == (way or pair[1]) and policy.address(*pair) is not None
        ]  # fmt: skip
        if not pairs:
            detail = f"{contact or 'nobody'} by {way or 'any way'}" if contact or way else "it has no `alerts:`"
            raise NobodyToTell(detail=detail)
        _ = translator(policy.language, "alert_texts")
        numbers = []
        with self._database.begin() as connection:
            for name, by in pairs:
                words = texts.trial(_, policy.fleet, by)
                row = {
                    "idempotency_key": decide.idempotency_key("test", now_us, 0, 0, name, by),
                    "episode": 0, "step": 0, "contact": name, "channel": by, "purpose": "test",
                    "content": content(words, []), "made_us": now_us, "next_us": now_us,
                    "expires_us": now_us + TEST_LASTS_US, "state": "queued",
                }  # fmt: skip
                numbers.append(connection.execute(insert(outbox).values(**row).returning(outbox.c.id)).scalar_one())
        return tuple(numbers)

    def messages(self, numbers: tuple[int, ...]) -> tuple[MessageSeen, ...]:
        """What became of messages. Raises DatabaseUnreachable."""
        with self._database.read() as connection:
            rows = connection.execute(select(outbox).where(outbox.c.id.in_(numbers)).order_by(outbox.c.id)).all()
        return tuple(map(_message, rows))


def _row(connection: Connection, number: int) -> Row[Any]:
    row = connection.execute(select(alert).where(alert.c.id == number)).one_or_none()
    if row is None:
        raise AlertUnknown(number=number)
    return row


def _members(connection: Connection, numbers: list[int]) -> dict[int, int]:
    counted = select(alert.c.parent, func.count().label("of")).where(alert.c.parent.in_(numbers))
    return {row.parent: row.of for row in connection.execute(counted.group_by(alert.c.parent))}


def _at(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def _seen(row: Row[Any], members: int) -> AlertSeen:
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
    )


def _message(row: Row[Any]) -> MessageSeen:
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


def _silence(row: Row[Any]) -> SilenceSeen:
    return SilenceSeen(
        number=row.id,
        matches=json.loads(row.matches),
        reason=row.reason,
        made_by=row.made_by,
        from_at=from_us(row.from_us),
        to_at=from_us(row.to_us),
    )
