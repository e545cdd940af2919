"""The alert when a witness has seen another history of the fleet log."""

from __future__ import annotations

from sqlalchemy import Connection, select

from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.recording import Sighting, clear_many, raise_many
from intendance.fleet.database.tables import alert
from intendance.fleet.witnessing.standings import read_standings

REFUSED = "witness.refused"


def watch(connection: Connection, policy: Policy, now_us: int) -> None:
    """Raise what a witness no longer recognises; end it when it cosigns again, or is named no more."""
    seen = {
        each.key: each
        for standing in read_standings(connection)
        if standing.condition.grave
        for each in [Sighting(cause=REFUSED, urgency="critical", labels=(("witness", standing.name),))]
    }
    if seen:
        raise_many(connection, seen.values(), policy, now_us)
    asked = select(alert.c.key).where(alert.c.cause == REFUSED, alert.c.state != "resolved")
    over = [key for key in connection.execute(asked).scalars() if key not in seen]
    if over:
        clear_many(connection, over, now_us)
