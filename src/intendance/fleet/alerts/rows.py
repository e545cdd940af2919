"""The rows of alerts, of their events and of their steps: ten thousand nodes may fall silent at once, and within that
second all of it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from intendance.fleet.alerts.decide import Standing
from intendance.fleet.database.many import insert_many, update_many
from intendance.fleet.database.tables import alert

Step = tuple[int, int, int, int, str]
"""A row of `escalation`: alert, episode, step, next_us, state."""

_TIMES = {
    "state": "text", "episode": "int", "started_us": "bigint", "fired_us": "bigint", "acked_until_us": "bigint",
    "resolved_us": "bigint",
}  # fmt: skip
_ALERT = {
    "key": "text", "cause": "text", "node": "text", "labels": "text", "severity": "text", "group_key": "text",
    "params": "text", "parent": "bigint", "suppressed": "text", "acked_by": "text", **_TIMES,
}  # fmt: skip
_CHANGED = {
    "id": "bigint", "params": "text", "parent": "bigint", "suppressed": "text", "state": "text", "fired_us": "bigint",
    "acked_until_us": "bigint", "resolved_us": "bigint",
}  # fmt: skip
_EVENT = {"alert": "bigint", "at_us": "bigint", "event": "text", "actor": "text", "data": "text"}
_STEP = {"alert": "bigint", "episode": "int", "step": "int", "next_us": "bigint", "state": "text"}

_INSERT_ALERTS = insert_many("alert", _ALERT)
_CHANGE_ALERTS = update_many("alert", "id", _CHANGED)
_CHANGE_REASONS = update_many("alert", "id", {"id": "bigint", "suppressed": "text"})
_INSERT_EVENTS = insert_many("alert_event", _EVENT)
_PUT_STEPS = insert_many(
    "escalation",
    _STEP,
    "ON CONFLICT (alert, episode, step) DO UPDATE SET next_us = excluded.next_us, state = excluded.state",
)


def times(standing: Standing) -> tuple[Any, ...]:
    """How a new alert stands, as the last columns of a row of `insert_alerts`."""
    return (
        standing.state,
        standing.episode,
        standing.started_us,
        standing.fired_us,
        standing.acked_until_us,
        standing.resolved_us,
    )


def moved_times(standing: Standing) -> tuple[Any, ...]:
    """How an alert stands now, as the last columns of a row of `change_alerts`: its beginning and its episode stay."""
    return standing.state, standing.fired_us, standing.acked_until_us, standing.resolved_us


def insert_alerts(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> dict[str, int]:
    """Write down alerts that are new, whoever writes being alone; their ids by their keys."""
    if not rows:
        return {}
    newest = connection.execute(select(func.coalesce(func.max(alert.c.id), 0))).scalar_one()
    _INSERT_ALERTS.run(connection, rows)
    ours = {row[0] for row in rows}
    made = connection.execute(select(alert.c.key, alert.c.id).where(alert.c.id > newest))
    return {key: number for key, number in made if key in ours}


def change_alerts(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write down how alerts stand now: id, params, parent, suppressed, `moved_times`."""
    _CHANGE_ALERTS.run(connection, rows)


def change_reasons(connection: Connection, rows: Sequence[tuple[int, str | None]]) -> None:
    """Write down why nobody is told of alerts: id, reason."""
    _CHANGE_REASONS.run(connection, rows)


def insert_events(connection: Connection, rows: Sequence[tuple[int, int, str, str, str]]) -> None:
    """Write down what happened to alerts: alert, at_us, event, actor, data."""
    _INSERT_EVENTS.run(connection, rows)


def put_steps(connection: Connection, rows: Sequence[Step]) -> None:
    """Write down steps as they stand now, each once."""
    _PUT_STEPS.run(connection, rows)
