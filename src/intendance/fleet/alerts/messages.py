"""Which messages tell of which alerts: one message may tell of many, and an alert is told by many."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from intendance.fleet.alerts.policy import CANARY
from intendance.fleet.alerts.recording import in_chunks
from intendance.fleet.alerts.seen import MessageSeen, TrySeen, WaySeen, message_seen
from intendance.fleet.database.connect import from_us
from intendance.fleet.database.tables import alert_event, delivery_event, outbox
from intendance.model.alerting import Way


def of_alerts(connection: Connection, numbers: Iterable[int]) -> Mapping[int, tuple[MessageSeen, ...]]:
    """The messages that tell of each of some alerts, the oldest first, those too that are named after another one."""
    wanted = set(numbers)
    rows = {row.id: row for row in _rows(connection, outbox.c.alert, wanted)}
    rows |= {row.id: row for row in _rows(connection, outbox.c.made_us, _told_at(connection, wanted))}
    named = {row.alert for row in rows.values() if row.alert is not None and _members(row) & wanted} - wanted
    rows |= {row.id: row for row in _rows(connection, outbox.c.alert, named)}  # those by another way came later
    found: dict[int, list[MessageSeen]] = defaultdict(list)
    for _number, row in sorted(rows.items()):
        for of in (_members(row) | {row.alert}) & wanted:
            found[of].append(message_seen(row))
    return {of: tuple(messages) for of, messages in found.items()}


def tries(connection: Connection, numbers: Iterable[int]) -> Mapping[int, tuple[TrySeen, ...]]:
    """What the other side said at each try of some messages, the oldest first."""
    found: dict[int, list[TrySeen]] = defaultdict(list)
    for chunk in in_chunks(numbers):
        asked = select(delivery_event).where(delivery_event.c.outbox.in_(chunk)).order_by(delivery_event.c.id)
        for row in connection.execute(asked):
            told = TrySeen(at=from_us(row.at_us), result=row.result, code=row.code, detail=row.detail)
            found[row.outbox].append(told)
    return {of: tuple(each) for of, each in found.items()}


def ways(connection: Connection, pairs: Iterable[tuple[str, Way]]) -> tuple[WaySeen, ...]:
    """What was last heard of each way to each person."""
    return tuple(_way(connection, contact, way) for contact, way in pairs)


def _way(connection: Connection, contact: str, way: Way) -> WaySeen:
    ours = (outbox.c.contact == contact) & (outbox.c.channel == way)
    ended = ours & outbox.c.state.in_(("sent", "delivered", "failed", "dead"))
    left = ours & outbox.c.state.in_(("sent", "delivered"))
    last = connection.execute(select(outbox).where(ended).order_by(outbox.c.id.desc()).limit(1)).first()
    proven = connection.execute(select(outbox).where(left).order_by(outbox.c.sent_us.desc()).limit(1)).first()
    return WaySeen(
        contact=contact,
        way=way,
        proven=None if proven is None else message_seen(proven),
        last=None if last is None else message_seen(last),
    )


def _rows(connection: Connection, column: Any, values: Iterable[int]) -> Sequence[Row[Any]]:
    return [
        row
        for chunk in in_chunks(values)
        for row in connection.execute(select(outbox).where(column.in_(chunk), outbox.c.purpose != CANARY))
    ]


def _told_at(connection: Connection, numbers: Iterable[int]) -> set[int]:
    """When people were told: a message is made in the transaction of that event, at the same instant."""
    at = select(alert_event.c.at_us).where(alert_event.c.event == "told")
    return {
        us
        for chunk in in_chunks(numbers)
        for us in connection.execute(at.where(alert_event.c.alert.in_(chunk))).scalars()
    }


def _members(row: Row[Any]) -> set[int]:
    return set(json.loads(row.content).get("alerts", ()))
