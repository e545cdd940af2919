"""The alert when the fleet log cannot be written: what people did stands, and no record proves it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from intendance.fleet.alerts.own import UNLOGGED
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.recording import Sighting, clear_many, raise_many
from intendance.fleet.database.tables import alert
from intendance.fleet.detection.decide import SECOND_US

LASTING_US = 300 * SECOND_US
"""A disk that is full for a moment, or a log that another command holds, is no news."""


def watch(connection: Connection, policy: Policy, fault: str, now_us: int) -> None:
    """Raise it while there is a `fault`, which fires once it has lasted; end it when there is none."""
    if fault:
        seen = Sighting(cause=UNLOGGED, urgency="critical", params=(("reason", fault),), lasting_us=LASTING_US)
        raise_many(connection, [seen], policy, now_us)
        return
    standing = select(alert.c.key).where(alert.c.cause == UNLOGGED, alert.c.state != "resolved")
    over = connection.execute(standing).scalars().all()
    if over:
        clear_many(connection, over, now_us)
