"""What the manager keeps for a time and then drops, so that no table grows for ever: how it heard its nodes, what it
told to whom. Evidence, words, findings and the log of the fleet are not among it: they stay for ten years."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, select

from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import (
    alert,
    alert_event,
    beat_silence,
    beat_slot,
    delivery_event,
    enrolment_token,
    escalation,
    node,
    observability_gap,
    outbox,
    silence,
    verdict_interval,
)

_AT_ONCE = 500
"""Alerts, messages or nodes in one transaction: a few milliseconds, so that neither beats nor alerts wait for it."""
_UNSENT = ("queued", "sending", "failed")
_child = alert.alias("child")


def forget(database: Database, before: datetime) -> None:
    """Drop what ended before an instant; what has not ended stays, however old. Raises DatabaseUnreachable."""
    before_us = to_us(before)
    with database.begin() as connection:
        for table, over in _over(before_us):
            connection.execute(delete(table).where(over))
        names = list(connection.execute(select(node.c.node).order_by(node.c.node)).scalars())
    for first in range(0, len(names), _AT_ONCE):
        here = beat_slot.c.node.in_(names[first : first + _AT_ONCE])
        with database.begin() as connection:
            connection.execute(delete(beat_slot).where(here, beat_slot.c.hour_us < before_us))
    for some in (_some_alerts, _some_messages):
        left = True
        while left:
            with database.begin() as connection:
                left = some(connection, before_us)


def _over(before_us: int) -> tuple[tuple[Table, ColumnElement[bool]], ...]:
    return (
        (verdict_interval, verdict_interval.c.to_us < before_us),
        (beat_silence, beat_silence.c.to_us < before_us),
        (observability_gap, observability_gap.c.to_us < before_us),
        (silence, silence.c.to_us < before_us),
        (enrolment_token, enrolment_token.c.expires_us < before_us),
    )


def _some_alerts(connection: Connection, before_us: int) -> bool:
    """Drop some alerts with all that was told of them; whether any was there. One about many goes after its members."""
    over = (alert.c.state == "resolved") & (alert.c.started_us < before_us) & (alert.c.resolved_us < before_us)
    childless = ~select(_child.c.id).where(_child.c.parent == alert.c.id).exists()
    found = list(connection.execute(select(alert.c.id).where(over, childless).limit(_AT_ONCE)).scalars())
    _drop_messages(connection, outbox.c.alert.in_(found))
    for table, column in ((alert_event, alert_event.c.alert), (escalation, escalation.c.alert), (alert, alert.c.id)):
        connection.execute(delete(table).where(column.in_(found)))
    return bool(found)


def _some_messages(connection: Connection, before_us: int) -> bool:
    """The same of messages that no alert stands behind: canaries, summaries, tests."""
    over = outbox.c.alert.is_(None) & (outbox.c.made_us < before_us) & outbox.c.state.not_in(_UNSENT)
    found = list(connection.execute(select(outbox.c.id).where(over).limit(_AT_ONCE)).scalars())
    _drop_messages(connection, outbox.c.id.in_(found))
    return bool(found)


def _drop_messages(connection: Connection, those: ColumnElement[bool]) -> None:
    answers = delivery_event.c.outbox.in_(select(outbox.c.id).where(those))
    connection.execute(delete(delivery_event).where(answers))
    connection.execute(delete(outbox).where(those))
