"""Who has what is broken in hand: whoever acknowledged the alert of a rule."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, select

from intendance.fleet.alerts.owner import Owner
from intendance.fleet.database.connect import from_us
from intendance.fleet.database.tables import alert


def owners(connection: Connection) -> Mapping[tuple[str, str, str | None], Owner]:
    """Who has each broken rule in hand, by rule, node and asset."""
    held = select(alert).where(alert.c.state == "acked")
    return {
        (row.cause, row.node, json.loads(row.labels).get("asset")): Owner(
            person=row.acked_by.partition(":")[2] or row.acked_by,
            until=None if row.acked_until_us is None else from_us(row.acked_until_us),
        )
        for row in connection.execute(held)
        if row.cause.isupper()
    }
