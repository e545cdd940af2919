"""What people ask of alerts and do with them: see, take in hand, silence, try the ways out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from intendance.fleet.acts.writing import note
from intendance.fleet.alerts import decide, listing, messages, texts
from intendance.fleet.alerts.listing import KEPT_FOR, KIND, OPEN, Kind, ListedPart
from intendance.fleet.alerts.own import ObserverSeen, observer_of
from intendance.fleet.alerts.perform import content, told_as
from intendance.fleet.alerts.policy import CANARY, Policy
from intendance.fleet.alerts.recording import add_events, alone, resume_many, standing_of
from intendance.fleet.alerts.seen import (
    AlertSeen,
    MessageSeen,
    OpenAlerts,
    Shown,
    SilenceSeen,
    StepSeen,
    WaySeen,
    alert_seen,
    event_seen,
    message_seen,
    silence_seen,
)
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.tables import alert, alert_event, escalation, outbox, silence
from intendance.language.texts import translator
from intendance.model.alerting import Way
from intendance.model.errors.alerting import (
    AlertNotFiring,
    AlertNotInHand,
    AlertUnknown,
    NobodyToTell,
    NothingMatched,
    ReasonUnusable,
    SilenceUnknown,
    SpanUnusable,
)
from intendance.model.evidence.acts import AlertAcked, AlertSilenced, AlertUnacked, SilencedLabel, SilenceEnded
from intendance.system.clock import Clock, rfc3339

SHOWN = 500
TEST_LASTS_US = 10 * decide.MINUTE_US
MEMBERS_SHOWN = 100
LONGEST_ACK_SECONDS = 7 * 86_400
LONGEST_SILENCE_SECONDS = 30 * 86_400
LONGEST_REASON = 500
MOST_LABELS = 8
LONGEST_LABEL = 200
_TRIAL = outbox.c.purpose == "test"


class Alerts:
    """The alerts of one manager's database; any process on its machine may ask. `carry` takes what people did to the
    fleet log, once it is done."""

    def __init__(
        self, database: Database, policy: Callable[[], Policy], clock: Clock, carry: Callable[[], object] = tuple
    ) -> None:
        self._database = database
        self._carry = carry
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
        return self._seen(wanted.order_by(*order).limit(SHOWN))

    def part(self, kind: Kind, number: int = 1) -> ListedPart:
        """A part of the alerts of a kind, the most urgent first; those that another one stands for are not among them.
        Raises DatabaseUnreachable."""
        now_us = to_us(self.now)
        with self._database.read() as connection:
            count = listing.count_of(connection, kind, now_us)
            number, begin = listing.place(kind, number, count)
            found = _all_seen(connection, listing.rows_of(connection, kind, begin, now_us))
        return ListedPart(kind=kind, number=number, begin=begin, count=count, found=found)

    def page(self, *, state: str, before: int | None, limit: int) -> tuple[AlertSeen, ...]:
        """Alerts in a state, or without one those that are not over, the newest first, without those that another one
        stands for; from below the number `before` on. Raises DatabaseUnreachable."""
        wanted = select(alert).where(alert.c.parent.is_(None), alert.c.cause != CANARY)
        wanted = wanted.where(alert.c.state == state if state else alert.c.state != "resolved")
        if before is not None:
            wanted = wanted.where(alert.c.id < before)
        return self._seen(wanted.order_by(alert.c.id.desc()).limit(limit))

    def of_node(self, name: str) -> tuple[AlertSeen, ...]:
        """What is wrong on one node now, the most urgent first. Raises DatabaseUnreachable."""
        ours = select(alert).where(alert.c.node == name, alert.c.state != "resolved", alert.c.cause != CANARY)
        return self._seen(ours.order_by(alert.c.severity != "critical", alert.c.started_us.desc()).limit(SHOWN))

    def _seen(self, asked: Select[Any]) -> tuple[AlertSeen, ...]:
        with self._database.read() as connection:
            return _all_seen(connection, connection.execute(asked).all())

    def shown(self, number: int) -> Shown:
        """One alert with its story. Raises AlertUnknown, DatabaseUnreachable."""
        under = select(alert).where(alert.c.parent == number).order_by(alert.c.id.desc()).limit(MEMBERS_SHOWN)
        with self._database.read() as connection:
            found = _all_seen(connection, [_row(connection, number)])[0]
            events = connection.execute(
                select(alert_event).where(alert_event.c.alert == number).order_by(alert_event.c.id)
            ).all()
            told = messages.of_alerts(connection, [number]).get(number, ())
            return Shown(
                alert=found,
                events=tuple(map(event_seen, events)),
                messages=told,
                tries=messages.tries(connection, [each.number for each in told]),
                under=_all_seen(connection, connection.execute(under).all()),
            )

    def counted(self) -> tuple[int, int]:
        """How many alerts are open, and how many of them ring and nobody has in hand. Raises DatabaseUnreachable."""
        alone = func.count().filter(KIND.in_(("ringing",)))
        with self._database.read() as connection:
            count, ringing = connection.execute(select(func.count(), alone).where(OPEN)).one()
        return int(count), int(ringing)

    def open_by_kind(self) -> Mapping[str, OpenAlerts]:
        """How many alerts are open of each kind, and since when the oldest is: `ringing`, `held` back, `acked`,
        `pending`; those that another one stands for are not counted. Raises DatabaseUnreachable."""
        asked = select(KIND.label("kind"), func.count().label("found"), func.min(alert.c.started_us).label("first"))
        with self._database.read() as connection:
            found = connection.execute(asked.where(OPEN).group_by(KIND)).all()
        return {row.kind: OpenAlerts(count=int(row.found), first_at=from_us(row.first)) for row in found}

    def told(self, numbers: Iterable[int]) -> Mapping[int, tuple[MessageSeen, ...]]:
        """The messages that told of alerts, by their numbers, the oldest first. Raises DatabaseUnreachable."""
        with self._database.read() as connection:
            return messages.of_alerts(connection, numbers)

    def ways(self) -> tuple[WaySeen, ...]:
        """Everybody whom the plan can reach, by each way, and what was last heard of it. Raises DatabaseUnreachable."""
        policy = self.policy
        with self._database.read() as connection:
            return messages.ways(connection, (pair for pair in policy.pairs() if policy.address(*pair) is not None))

    def due(self, number: int) -> tuple[StepSeen, ...]:
        """Who is still told of an alert that fires, and when, if nobody answers. Raises AlertUnknown."""
        with self._database.read() as connection:
            row = _row(connection, number)
            waits = connection.execute(
                select(escalation.c.step, escalation.c.next_us)
                .where(escalation.c.alert == number, escalation.c.episode == row.episode)
                .where(escalation.c.state == "waiting")
                .order_by(escalation.c.step)
            ).first()
        if waits is None or row.state != "firing" or row.suppressed is not None or decide.is_resolved(waits.step):
            return ()
        told = told_as(row)
        steps = self.policy.steps(told.cause, told.urgency, told.labels)
        ahead = decide.ahead(steps, waits.step, waits.next_us, told.urgency)
        return tuple(StepSeen(at=from_us(at_us), to=people) for at_us, people in ahead)

    def ack(self, number: int, *, by: str, lasting_seconds: int, reason: str | None = None) -> AlertSeen:
        """Take it in hand for a while; nobody else is told meanwhile. Raises AlertUnknown, AlertNotFiring,
        ReasonUnusable, SpanUnusable."""
        _expect_span(lasting_seconds, LONGEST_ACK_SECONDS)
        why = {} if reason is None else {"reason": _one_line(reason)}
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
            add_events(connection, [(number, "acked", {"until_us": standing.acked_until_us} | why)], now_us, by)
            until = rfc3339(from_us(now_us + lasting_seconds * decide.SECOND_US))
            at = rfc3339(from_us(now_us))
            told = AlertAcked(alert=number, cause=row.cause, node=row.node, until=until, at=at, **why)
            note(connection, told, by, now_us)
            seen = _all_seen(connection, [_row(connection, number)])[0]
        self._carry()
        return seen

    def unack(self, number: int, *, by: str) -> AlertSeen:
        """Let go what somebody has in hand: people are told again. Raises AlertUnknown, AlertNotInHand."""
        now_us = to_us(self.now)
        with self._database.begin() as connection:
            alone(connection)
            row = _row(connection, number)
            move = decide.unacked(standing_of(row))
            if move is None:
                raise AlertNotInHand(number=number)
            values = {"state": move.standing.state, "acked_until_us": None}
            connection.execute(update(alert).where(alert.c.id == number).values(**values))
            add_events(connection, [(number, move.change, {"of": row.acked_by})], now_us, by)
            if row.suppressed is None:
                resume_many(connection, {number: move.standing}, now_us)
            told = AlertUnacked(alert=number, cause=row.cause, node=row.node, at=rfc3339(from_us(now_us)))
            note(connection, told, by, now_us)
            seen = _all_seen(connection, [_row(connection, number)])[0]
        self._carry()
        return seen

    # --- silences ---------------------------------------------------------------------------------------------------

    def silences(self) -> tuple[SilenceSeen, ...]:
        """Those that hold now or will. Raises DatabaseUnreachable."""
        now_us = to_us(self.now)
        with self._database.read() as connection:
            rows = connection.execute(
                select(silence).where(silence.c.to_us > now_us, silence.c.ended_us.is_(None)).order_by(silence.c.id)
            ).all()
        return tuple(map(silence_seen, rows))

    def silences_made(self, *, before: int | None, limit: int) -> tuple[SilenceSeen, ...]:
        """All that were ever made, the newest first; from below the number `before` on. Raises DatabaseUnreachable."""
        wanted = select(silence).order_by(silence.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(wanted if before is None else wanted.where(silence.c.id < before)).all()
        return tuple(map(silence_seen, rows))

    def silence(self, matches: Mapping[str, str], *, reason: str, by: str, lasting_seconds: int) -> SilenceSeen:
        """Tell nobody of what matches, for a while; the alerts say so. Who says the same again moves its end.

        Raises ReasonUnusable, SpanUnusable, NothingMatched, DatabaseUnreachable.
        """
        _expect_span(lasting_seconds, LONGEST_SILENCE_SECONDS)
        if not 0 < len(matches) <= MOST_LABELS or not all(_is_label(word) for pair in matches.items() for word in pair):
            raise NothingMatched(most=MOST_LABELS, longest=LONGEST_LABEL)
        now_us = to_us(self.now)
        end = {"to_us": now_us + lasting_seconds * decide.SECOND_US}
        same = {"matches": json.dumps(dict(sorted(matches.items()))), "reason": _one_line(reason), "made_by": by}
        with self._database.begin() as connection:
            alone(connection)
            these = [silence.c[name] == value for name, value in same.items()]
            again = update(silence).where(*these, silence.c.to_us > now_us, silence.c.ended_us.is_(None))
            row = connection.execute(again.values(**end).returning(silence)).first()
            if row is None:
                made = insert(silence).values(**same, **end, made_us=now_us, from_us=now_us)
                row = connection.execute(made.returning(silence)).one()
            note(connection, _silenced(row, matches, now_us), by, now_us)
        self._carry()
        return silence_seen(row)

    def end_silence(self, number: int, *, by: str) -> SilenceSeen:
        """Let people be told again. Raises SilenceUnknown, DatabaseUnreachable."""
        now_us = to_us(self.now)
        holds = (silence.c.id == number) & (silence.c.to_us > now_us) & silence.c.ended_us.is_(None)
        with self._database.begin() as connection:
            row = connection.execute(
                update(silence).where(holds).values(ended_us=now_us, ended_by=by).returning(silence)
            ).one_or_none()
            if row is None:
                raise SilenceUnknown(number=number)
            note(connection, SilenceEnded(silence=number, at=rfc3339(from_us(now_us))), by, now_us)
        self._carry()
        return silence_seen(row)

    # --- trying -----------------------------------------------------------------------------------------------------

    def try_ways(
        self, *, contact: str = "", way: Way | None = None, apart: timedelta = timedelta(0)
    ) -> tuple[int, ...]:
        """Write one message to each person and way of the plan (or to these); the manager sends them as any other.
        Where that was done less than `apart` ago, those messages are meant: who presses twice sends once. Their
        numbers. Raises NobodyToTell."""
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
            alone(connection)
            since_us = now_us - apart // timedelta(microseconds=1)
            lately = select(func.max(outbox.c.made_us)).where(_TRIAL, outbox.c.made_us.between(since_us + 1, now_us))
            made_us = connection.execute(lately).scalar() if apart else None
            if made_us is not None:
                rows = connection.execute(select(outbox.c.id).where(_TRIAL, outbox.c.made_us == made_us))
                return tuple(sorted(rows.scalars()))
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

    def trial(self, number: int) -> tuple[MessageSeen, ...]:
        """The messages of the trial that one of them belongs to; none where it is no trial's. Raises
        DatabaseUnreachable."""
        this = select(outbox.c.made_us).where(outbox.c.id == number, _TRIAL).scalar_subquery()
        with self._database.read() as connection:
            rows = connection.execute(select(outbox).where(_TRIAL, outbox.c.made_us == this).order_by(outbox.c.id))
            return tuple(map(message_seen, rows))

    def messages(self, numbers: tuple[int, ...]) -> tuple[MessageSeen, ...]:
        """What became of messages. Raises DatabaseUnreachable."""
        with self._database.read() as connection:
            rows = connection.execute(select(outbox).where(outbox.c.id.in_(numbers)).order_by(outbox.c.id)).all()
        return tuple(map(message_seen, rows))


def _expect_span(seconds: int, longest: int) -> None:
    if not 0 < seconds <= longest:
        raise SpanUnusable(longest_hours=longest // 3600)


def _is_label(word: str) -> bool:
    return 0 < len(word) <= LONGEST_LABEL and word.isprintable()


def _one_line(reason: str) -> str:
    said = " ".join(reason.split())
    if not 0 < len(said) <= LONGEST_REASON or not said.isprintable():
        raise ReasonUnusable(longest=LONGEST_REASON)
    return said


def _silenced(row: Row[Any], matches: Mapping[str, str], now_us: int) -> AlertSilenced:
    return AlertSilenced(
        silence=row.id,
        matches=tuple(SilencedLabel(name=name, value=value) for name, value in sorted(matches.items())),
        until=rfc3339(from_us(row.to_us)),
        reason=row.reason,
        at=rfc3339(from_us(now_us)),
    )


def _row(connection: Connection, number: int) -> Row[Any]:
    row = connection.execute(select(alert).where(alert.c.id == number)).one_or_none()
    if row is None:
        raise AlertUnknown(number=number)
    return row


def _all_seen(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[AlertSeen, ...]:
    numbers = [row.id for row in rows]
    members, said = _members(connection, numbers), _said(connection, [row.id for row in rows if row.state == "acked"])
    return tuple(alert_seen(row, members.get(row.id, 0), said.get(row.id, "")) for row in rows)


def _said(connection: Connection, numbers: list[int]) -> dict[int, str]:
    """The reasons of those who have alerts in hand."""
    acked = select(alert_event).where(alert_event.c.alert.in_(numbers), alert_event.c.event == "acked")
    rows = connection.execute(acked.order_by(alert_event.c.id)).all() if numbers else ()
    return {row.alert: json.loads(row.data).get("reason", "") for row in rows}


def _members(connection: Connection, numbers: list[int]) -> dict[int, int]:
    counted = select(alert.c.parent, func.count().label("of")).where(alert.c.parent.in_(numbers))
    return {row.parent: row.of for row in connection.execute(counted.group_by(alert.c.parent))}
