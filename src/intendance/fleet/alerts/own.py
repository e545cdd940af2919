"""What is wrong with the watching itself: whoever reads how the fleet stands must know of it first."""

from __future__ import annotations

from sqlalchemy import Connection, select

from intendance.fleet.alerts.perform import told_as
from intendance.fleet.alerts.policy import UNDELIVERABLE
from intendance.fleet.alerts.texts import Told
from intendance.fleet.database.tables import alert

BLIND = "manager.blind"
CANARY_FAILED = "canary.failed"
OWN = (BLIND, CANARY_FAILED, UNDELIVERABLE)
"""Causes that are no node's and no rule's: the manager's eyes, and its voice."""


def own_troubles(connection: Connection) -> tuple[Told, ...]:
    """The open alerts about the manager itself, the newest first."""
    wanted = select(alert).where(alert.c.cause.in_(OWN), alert.c.state != "resolved")
    return tuple(map(told_as, connection.execute(wanted.order_by(alert.c.id.desc()))))
