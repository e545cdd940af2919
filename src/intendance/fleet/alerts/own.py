"""What is wrong with the watching itself: whoever reads how the fleet stands must know of it first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from intendance.fleet.alerts.owner import BLIND, UNWRITTEN, Trouble
from intendance.fleet.alerts.perform import told_as
from intendance.fleet.alerts.policy import UNDELIVERABLE, Policy
from intendance.fleet.database.connect import from_us
from intendance.fleet.database.settings import read_setting
from intendance.fleet.database.tables import alert
from intendance.fleet.writing import Unwritten
from intendance.model.frozen import dataclass

CANARY_FAILED = "canary.failed"
OBSERVER = "observer.unreached"
UNLOGGED = "log.unwritten"
OWN = (BLIND, CANARY_FAILED, UNDELIVERABLE, OBSERVER, UNLOGGED)
"""Causes that are no node's and no rule's: the manager's eyes, its voice, and its own records."""

ANSWERED, FAILING = "observer.answered_us", "observer.failing_us"
"""The settings that say when the observer elsewhere took what it was told last, and since when it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverSeen:
    """Who watches the manager from elsewhere: its host, when it answered last, since when it does not."""

    host: str
    answered_at: datetime | None
    failing_since: datetime | None


def observer_of(connection: Connection, policy: Policy) -> ObserverSeen | None:
    """How the observer of the plan stands; None where the plan has none."""
    if policy.alerts is None or policy.alerts.observer is None:
        return None
    answered_us, failing_us = read_setting(connection, ANSWERED), read_setting(connection, FAILING)
    return ObserverSeen(
        host=urlsplit(policy.alerts.observer).hostname or "?",
        answered_at=None if answered_us is None else from_us(answered_us),
        failing_since=None if failing_us is None else from_us(failing_us),
    )


def troubles_now(unwritten: Callable[[], Unwritten | None], connection: Connection) -> tuple[Trouble, ...]:
    """The same, and first what a manager that cannot write anything has written nowhere."""
    found = unwritten()
    standing = own_troubles(connection)
    if found is None:
        return standing
    return Trouble(number=0, cause=UNWRITTEN, since=found.since, params={"reason": found.reason}, labels={}), *standing


def own_troubles(connection: Connection) -> tuple[Trouble, ...]:
    """The open alerts about the manager itself, the newest first."""
    wanted = select(alert).where(alert.c.cause.in_(OWN), alert.c.state != "resolved")
    told = map(told_as, connection.execute(wanted.order_by(alert.c.id.desc())))
    return tuple(
        Trouble(number=each.number, cause=each.cause, since=each.since, params=each.params, labels=each.labels)
        for each in told
    )
