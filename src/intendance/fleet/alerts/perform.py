"""What the leader does with alerts at every tick, in one transaction: what expired, who is told now, what did not
leave. Messages are only written down here; `outbox.py` sends them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from intendance.fleet.alerts import decide, texts
from intendance.fleet.alerts.decide import Due, Notice
from intendance.fleet.alerts.policy import CANARY, Policy
from intendance.fleet.alerts.recording import (
    add_events,
    in_chunks,
    put_steps,
    resume_many,
    standing_of,
    suppress_many,
    urgency_of,
)
from intendance.fleet.alerts.rows import Step
from intendance.fleet.alerts.texts import Told, Words
from intendance.fleet.alerts.windows import Open
from intendance.fleet.database.connect import from_us
from intendance.fleet.database.tables import alert, alert_event, escalation, outbox, silence
from intendance.language.texts import Translator
from intendance.model.alerting import Way

_OPEN = ("pending", "firing", "acked")
FLAPPING = "node.flapping"
MISSING = "node.missing"
CAPPED = "capped"
_MEMBERS = 2_000
"""Alerts whose numbers a message's row carries; all of them have the event."""


def expire(connection: Connection, now_us: int) -> None:
    """Give back what somebody had in hand for too long."""
    over = select(alert).where(alert.c.state == "acked", alert.c.acked_until_us <= now_us).order_by(alert.c.id)
    again = {}
    for row in connection.execute(over).all():
        move = decide.expired(standing_of(row), now_us)
        if move is None:
            continue
        values = {"state": move.standing.state, "acked_until_us": None}
        connection.execute(update(alert).where(alert.c.id == row.id).values(**values))
        add_events(connection, [(row.id, move.change, {"of": row.acked_by})], now_us)
        if row.suppressed is None:
            again[int(row.id)] = move.standing
    resume_many(connection, again, now_us)


def refresh(connection: Connection, window: Open | None, now_us: int) -> None:
    """Say anew of every open alert whether people are told, and if not, why."""
    asked = select(alert.c.id, alert.c.cause, alert.c.node, alert.c.labels, alert.c.parent, alert.c.suppressed)
    rows = connection.execute(asked.where(alert.c.state.in_(_OPEN)).order_by(alert.c.id)).all()
    if not rows:
        return
    silences = active_silences(connection, now_us)
    parents = {row.parent for row in rows if row.parent is not None}
    standing = {
        number
        for chunk in in_chunks(parents)
        for number in connection.execute(
            select(alert.c.id).where(alert.c.id.in_(chunk), alert.c.state != "resolved")
        ).scalars()
    }
    flapping = {row.node for row in rows if row.cause == FLAPPING}
    changed: dict[int, str | None] = {}
    for row in rows:
        reason = decide.suppression(
            silence=silenced_by(silences, row.cause, row.node, json.loads(row.labels)) if silences else "",
            window=window.name if window is not None and row.cause not in UNWINDOWED else "",
            inhibited=row.parent in standing,
            flapping=row.cause == MISSING and row.node in flapping,
        )
        if reason != row.suppressed:
            changed[row.id] = reason
    standings = {number: standing_of(row) for number, row in _alerts(connection, changed).items()}
    suppress_many(connection, changed, standings, now_us)


UNWINDOWED = frozenset({CANARY, "canary.failed", "notification.undeliverable", "observer.unreached"})
"""What is about alerting itself is no work on a machine: no window holds it back."""


def active_silences(connection: Connection, now_us: int) -> tuple[tuple[int, Mapping[str, str]], ...]:
    """The silences that hold now, the oldest first, with what they match."""
    holds = select(silence.c.id, silence.c.matches).where(
        silence.c.from_us <= now_us, silence.c.to_us > now_us, silence.c.ended_us.is_(None)
    )
    return tuple((row.id, json.loads(row.matches)) for row in connection.execute(holds.order_by(silence.c.id)))


def silenced_by(
    silences: Iterable[tuple[int, Mapping[str, str]]], cause: str, node: str, labels: Mapping[str, str]
) -> str:
    """The number of the first silence that matches an alert; empty when none does."""
    told = {**labels, "cause": cause, "node": node}
    return next((str(number) for number, matches in silences if matches.items() <= told.items()), "")


def escalate(connection: Connection, policy: Policy, _: Translator, now_us: int) -> int:
    """Write the messages of all steps that are due, and the step that follows each; how many messages were made."""
    rows = _due(connection, now_us)
    if not rows:
        return 0
    dues = _dues(connection, rows, policy)
    made = 0
    alerts = {row.alert: row for row in rows}
    for notice in decide.notices(dues):
        made += write(connection, policy, _, notice, alerts, now_us)
    told = [(due.alert, "told", {"step": due.step, "to": due.told}) for due in dues if due.told]
    add_events(connection, told, now_us)
    _next_steps(connection, rows, policy, now_us)
    return made


def _due(connection: Connection, now_us: int) -> Sequence[Row[Any]]:
    """Steps that are due, and those of the same groups that still waited for company."""
    resolved = escalation.c.step % 1000 == 999
    live = or_(
        and_(alert.c.state == "firing", alert.c.suppressed.is_(None), ~resolved),
        and_(alert.c.state == "resolved", resolved),
    )
    joined = escalation.join(alert, and_(alert.c.id == escalation.c.alert, alert.c.episode == escalation.c.episode))
    columns = select(escalation.c.alert, escalation.c.step, alert).select_from(joined)
    waiting = columns.where(escalation.c.state == "waiting", live).order_by(alert.c.id, escalation.c.step)
    now = connection.execute(waiting.where(escalation.c.next_us <= now_us)).all()
    groups = {row.group_key for row in now if decide.index_of(row.step) == 0}
    if not groups:
        return now
    known = {(row.alert, row.step) for row in now}
    company = waiting.where(escalation.c.next_us > now_us, escalation.c.next_us <= now_us + decide.MINUTE_US,
                            escalation.c.step % 1000 == 0, alert.c.group_key.in_(groups))  # fmt: skip
    return [*now, *(row for row in connection.execute(company).all() if (row.alert, row.step) not in known)]


def _dues(connection: Connection, rows: Sequence[Row[Any]], policy: Policy) -> list[Due]:
    over = [row.alert for row in rows if decide.is_resolved(row.step)]
    told_before = told_of(connection, over)
    dues = []
    for row in rows:
        if decide.is_resolved(row.step):
            told = tuple(told_before.get(row.alert, ()))
        else:
            steps = policy.steps(row.cause, urgency_of(row), json.loads(row.labels))
            told = decide.people(steps, decide.index_of(row.step))
        dues.append(Due(alert=row.alert, group=row.group_key, urgency=urgency_of(row), step=row.step, told=told))
    return dues


def told_of(connection: Connection, numbers: Iterable[int]) -> dict[int, list[tuple[str, Way]]]:
    """Who was told of alerts, by what, each once."""
    found: dict[int, dict[tuple[str, Way], None]] = defaultdict(dict)
    for chunk in in_chunks(numbers):
        events = select(alert_event).where(alert_event.c.alert.in_(chunk), alert_event.c.event == "told")
        for row in connection.execute(events.order_by(alert_event.c.id)):
            found[row.alert].update(((contact, way), None) for contact, way in json.loads(row.data)["to"])
    return {number: list(pairs) for number, pairs in found.items()}


def _next_steps(connection: Connection, rows: Sequence[Row[Any]], policy: Policy, now_us: int) -> None:
    done: list[Step] = []
    following: list[Step] = []
    for row in rows:
        done.append((row.alert, row.episode, row.step, now_us, "done"))
        if not decide.is_resolved(row.step):
            steps = policy.steps(row.cause, urgency_of(row), json.loads(row.labels))
            wait_us = decide.next_wait_us(steps, decide.index_of(row.step), urgency_of(row))
            number = decide.step_number(decide.spell_of(row.step), decide.index_of(row.step) + 1)
            following.append((row.alert, row.episode, number, now_us + wait_us, "waiting"))
    put_steps(connection, {step[:3]: step for step in [*done, *following]}.values())


# --- messages -------------------------------------------------------------------------------------------------------


def write(
    connection: Connection, policy: Policy, _: Translator, notice: Notice, alerts: Mapping[int, Row[Any]], now_us: int
) -> int:
    """Put a message into the outbox, where nobody did before; 1 when it was put there. What the cap of text messages
    holds back goes by the person's other way."""
    first = alerts[notice.dues[0].alert]
    step = notice.dues[0].step
    key = decide.idempotency_key(first.key, first.started_us, first.episode, step, notice.contact, notice.way)
    if _is_written(connection, key):
        return 0
    told = [told_as(alerts[due.alert]) for due in notice.dues]
    purpose = first.cause if first.cause == CANARY else notice.purpose
    words = say(_, policy, notice.way, told, purpose, now_us)
    row = {
        "idempotency_key": key,
        "alert": first.id,
        "episode": first.episode,
        "step": step,
        "contact": notice.contact,
        "channel": notice.way,
        "purpose": purpose,
        "content": content(words, [due.alert for due in notice.dues]),
        "made_us": now_us,
        "next_us": now_us,
        "expires_us": now_us + decide.EXPIRES_US,
        "state": "queued",
        "last_code": "",
    }
    made = put(connection, policy, _, row, now_us)
    other = policy.other_way(notice.contact, notice.way)
    if row["last_code"] == CAPPED and other is not None:
        return write(connection, policy, _, replace(notice, way=other), alerts, now_us)
    return made


def _is_written(connection: Connection, key: str) -> bool:
    return connection.execute(select(outbox.c.id).where(outbox.c.idempotency_key == key)).first() is not None


def say(_: Translator, policy: Policy, way: Way, told: Sequence[Told], purpose: str, now_us: int) -> Words:
    """What is told by a way."""
    now = from_us(now_us)
    if way == "sms":
        return texts.sms(_, told, now, purpose=purpose)
    return texts.mail(_, told, now, zone=policy.zone, purpose=purpose)


def told_as(row: Row[Any]) -> Told:
    """An alert of the table as texts have it."""
    return Told(
        number=row.id,
        cause=row.cause,
        node=row.node,
        urgency=urgency_of(row),
        since=from_us(row.started_us),
        params=json.loads(row.params),
        labels=json.loads(row.labels),
    )


def content(words: Words, numbers: Sequence[int]) -> str:
    """A message's row of the outbox: what is said, and of which alerts."""
    told = {"subject": words.subject, "text": words.text, "alerts": list(numbers[:_MEMBERS]), "count": len(numbers)}
    return json.dumps(told, ensure_ascii=False)


def put(connection: Connection, policy: Policy, _: Translator, row: dict[str, Any], now_us: int) -> int:
    """One row of the outbox; a text message too many in an hour is held back, for one summary."""
    if not policy.address(row["contact"], row["channel"]):
        row |= {"state": "dead", "last_code": "address", "last_detail": "the plan has no such address"}
    elif row["channel"] == "sms":
        within = _texted(connection, row["contact"], now_us)
        if not decide.sms_allowed(within, now_us):
            row |= {"state": "dropped", "last_code": CAPPED}
            connection.execute(insert(outbox).values(**row))
            _summarise(connection, _, row, within, now_us)
            return 0
    connection.execute(insert(outbox).values(**row))
    return 1


def _texted(connection: Connection, contact: str, now_us: int) -> list[int]:
    """When somebody got text messages within the hour."""
    recent = select(outbox.c.made_us).where(
        outbox.c.contact == contact, outbox.c.channel == "sms", outbox.c.state != "dropped",
        outbox.c.purpose != "summary", outbox.c.made_us > now_us - decide.HOUR_US,
    )  # fmt: skip
    return list(connection.execute(recent).scalars())


def _summarise(
    connection: Connection, _: Translator, held: Mapping[str, Any], within: Sequence[int], now_us: int
) -> None:
    """The one message for all that were held back until it goes."""
    contact = held["contact"]
    waiting = (
        (outbox.c.contact == contact) & (outbox.c.channel == "sms") & (outbox.c.purpose == "summary")
        & (outbox.c.state == "queued")
    )  # fmt: skip
    row = connection.execute(select(outbox).where(waiting)).first()
    since = now_us if row is None else row.made_us
    count = connection.execute(
        select(func.count()).select_from(outbox).where(
            outbox.c.contact == contact, outbox.c.channel == "sms", outbox.c.last_code == CAPPED,
            outbox.c.made_us >= since,
        )
    ).scalar_one()  # fmt: skip
    said = content(texts.summary(_, count), [])
    if row is not None:
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(content=said))
        return
    fresh = {
        **held,
        "idempotency_key": decide.idempotency_key("summary", now_us, 0, 0, contact, "sms"),
        "purpose": "summary",
        "content": said,
        "next_us": decide.summary_at_us(within, now_us),
        "state": "queued",
        "last_code": "",
    }
    connection.execute(insert(outbox).values(**fresh))


def use_other_ways(connection: Connection, policy: Policy, _: Translator, now_us: int) -> int:
    """What is critical and does not leave goes by the person's other way too; how many messages that made."""
    stuck = (
        select(outbox.c.id.label("row"), outbox.c.step, outbox.c.contact, outbox.c.channel, outbox.c.tries,
               outbox.c.made_us, outbox.c.content, alert)
        .join(alert, alert.c.id == outbox.c.alert)
        .where(outbox.c.state.in_(("queued", "failed", "sending", "dead")), outbox.c.purpose == "firing",
               alert.c.severity == "critical", alert.c.state == "firing",
               outbox.c.made_us > now_us - decide.EXPIRES_US)
        .order_by(outbox.c.id)
    )  # fmt: skip
    made = 0
    for row in connection.execute(stuck).all():
        if not decide.needs_other_way("critical", row.tries, row.made_us, now_us):
            continue
        other = policy.other_way(row.contact, row.channel)
        if other is None or _is_written(
            connection,
            decide.idempotency_key(row.key, row.started_us, row.episode, row.step, row.contact, other),
        ):
            continue
        numbers = json.loads(row.content)["alerts"]
        alerts = _alerts(connection, numbers)
        dues = tuple(
            Due(alert=number, group=row.group_key, urgency="critical", step=row.step, told=()) for number in numbers
        )
        notice = Notice(contact=row.contact, way=other, urgency="critical", purpose="firing", dues=dues)
        made += write(connection, policy, _, notice, alerts, now_us)
    return made


def _alerts(connection: Connection, numbers: Iterable[int]) -> dict[int, Row[Any]]:
    return {
        row.id: row
        for chunk in in_chunks(numbers)
        for row in connection.execute(select(alert).where(alert.c.id.in_(chunk)))
    }


def audit(connection: Connection, now_us: int) -> list[int]:
    """Alerts that fire and of which nobody was told or will be: there are none, and were there one, its step is set
    again. Their numbers."""
    told = select(escalation.c.alert).where(
        escalation.c.alert == alert.c.id, escalation.c.episode == alert.c.episode, escalation.c.state == "waiting"
    )
    lost = select(alert).where(alert.c.state == "firing", alert.c.suppressed.is_(None), ~told.exists())
    found = connection.execute(lost.order_by(alert.c.id)).all()
    add_events(connection, ((row.id, "audited", {}) for row in found), now_us)
    resume_many(connection, {int(row.id): standing_of(row) for row in found}, now_us)
    return [row.id for row in found]
