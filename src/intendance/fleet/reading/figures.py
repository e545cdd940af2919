"""The figures of a manager and of its fleet, read together and kept for a few seconds: several may ask at once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from intendance.fleet.alerts.outbox import oldest_due_us
from intendance.fleet.alerts.own import ANSWERED, FAILING
from intendance.fleet.beats.presence import presence
from intendance.fleet.database.connect import from_us
from intendance.fleet.database.settings import read_setting
from intendance.fleet.database.tables import alert, evidence_head, finding, node, node_state, outbox
from intendance.fleet.detection import canary
from intendance.fleet.detection.leader import TICK
from intendance.fleet.manager import Manager
from intendance.fleet.reading.decide import Answer
from intendance.fleet.reading.service import Reading
from intendance.model.frozen import dataclass
from intendance.model.verdict import State

KEPT_FOR = timedelta(seconds=5)

NODE_STATES = ("up", "late", "missing", "unobservable", "silenced")
ALERT_STATES = ("pending", "firing", "acked")
OUTBOX_STATES = ("queued", "sending", "failed", "dead")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFigures:
    """One node of the fleet. `signed` of its `records` are covered by a head that it signed."""

    node: str
    site: str
    region: str
    labels: Mapping[str, str]
    state: str
    last_seen_at: datetime
    skew_ms: int
    spooled: int
    records: int
    signed: int
    verdicts: Mapping[State, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How the watching itself goes, as whichever manager leads wrote it down: when it looked for silent nodes last,
    when the daily proof that alerts arrive began and came through last, since when the observer elsewhere fails and
    when it answered last. None: not yet, or there is none."""

    ticked_at: datetime | None
    canary_begun_at: datetime | None
    canary_done_at: datetime | None
    observer_answered_at: datetime | None
    observer_failing_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A manager and its fleet at one instant. Counts by rule and state, by kind of finding, by state and severity of
    alert, by state of message."""

    fleet: str
    answer: Answer
    nodes: tuple[NodeFigures, ...]
    rules: Mapping[str, Mapping[str, int]]
    findings: Mapping[str, int]
    alerts: Mapping[tuple[str, str], int]
    messages: Mapping[str, int]
    oldest_message_at: datetime | None
    judged_at: datetime
    flushed_at: datetime
    watching: Watching
    heard: int
    refused: int
    leads: bool
    works: bool


class Counting:
    """Reads the figures, at most once in five seconds."""

    def __init__(self, manager: Manager, reading: Reading) -> None:
        self._manager = manager
        self._reading = reading
        self._lock = threading.Lock()
        self._last: tuple[datetime, Figures] | None = None

    def figures(self) -> Figures:
        """The figures, at most five seconds old. Raises DatabaseUnreachable."""
        with self._lock:
            now = self._manager.clock.read().at
            if self._last is None or not self._last[0] <= now < self._last[0] + KEPT_FOR:
                self._last = now, self._read(now)
            return self._last[1]

    def _read(self, now: datetime) -> Figures:
        manager = self._manager
        standing, answer = self._reading.fleet()
        with manager.database.read() as connection:
            nodes = _nodes(connection, now, standing.counts)
            findings = _counted(connection, finding.c.kind, finding.c.settled_us.is_(None))
            opened = alert.c.state != "resolved"
            asked = select(alert.c.state, alert.c.severity, func.count().label("found")).where(opened)
            alerts = {
                (row.state, row.severity): row.found
                for row in connection.execute(asked.group_by(alert.c.state, alert.c.severity))
            }
            messages = _counted(connection, outbox.c.state, outbox.c.state.in_(OUTBOX_STATES))
            oldest_us = oldest_due_us(connection)
            watching = _watching(connection)
        return Figures(
            fleet=manager.fleet,
            answer=answer,
            nodes=nodes,
            rules=self._reading.counts_by_rule(),
            findings=findings,
            alerts=alerts,
            messages=messages,
            oldest_message_at=None if oldest_us is None else from_us(oldest_us),
            judged_at=standing.judged_at,
            flushed_at=from_us(manager.ingest.flushed_at_us),
            watching=watching,
            heard=manager.ingest.heard,
            refused=manager.ingest.refused,
            leads=manager.lease is not None,
            works=not manager.trouble,
        )


def _watching(connection: Connection) -> Watching:
    def at(name: str) -> datetime | None:
        written_us = read_setting(connection, name)
        return None if written_us is None else from_us(written_us)

    return Watching(
        ticked_at=at(TICK),
        canary_begun_at=at(canary.BEGUN),
        canary_done_at=at(canary.DONE),
        observer_answered_at=at(ANSWERED),
        observer_failing_since=at(FAILING),
    )


def _counted(connection: Connection, column: Any, wanted: Any) -> dict[str, int]:
    asked = select(column.label("name"), func.count().label("found")).where(wanted).group_by(column)
    return {row.name: row.found for row in connection.execute(asked)}


def _nodes(connection: Connection, now: datetime, counts: Mapping[str, Any]) -> tuple[NodeFigures, ...]:
    this_head = (evidence_head.c.node == node.c.node) & (evidence_head.c.incarnation == node.c.incarnation)
    asked = (
        select(
            node.c.node, node.c.site, node.c.region, node.c.labels, node_state.c.deadline_us,
            node_state.c.last_seen_us, node_state.c.skew_ms, node_state.c.spooled,
            evidence_head.c.size, evidence_head.c.signed_size,
        )
        .join(node_state, node_state.c.node == node.c.node)
        .outerjoin(evidence_head, this_head)
        .where(node.c.decommissioned_us.is_(None), ~node.c.node.startswith(".", autoescape=True))
        .order_by(node.c.node)
    )  # fmt: skip
    return tuple(
        NodeFigures(
            node=row.node,
            site=row.site,
            region=row.region,
            labels=_labels(row.labels),
            state=presence(from_us(row.last_seen_us), from_us(row.deadline_us), now).value,
            last_seen_at=from_us(row.last_seen_us),
            skew_ms=row.skew_ms,
            spooled=row.spooled,
            records=row.size or 0,
            signed=row.signed_size or 0,
            verdicts=_states(counts.get(row.node, {})),
        )
        for row in connection.execute(asked)
    )


def _labels(text: str) -> Mapping[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def _states(families: Mapping[str, Mapping[State, int]]) -> dict[State, int]:
    total = dict.fromkeys(State, 0)
    for states in families.values():
        for state, count in states.items():
            total[state] += count
    return total
