"""The alert when a node adopted a plan that asks less of it than the one before: who took a machine would begin so."""

from __future__ import annotations

from sqlalchemy import Connection, select

from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.recording import Sighting, clear_many, raise_many
from intendance.fleet.database.tables import alert, finding, node

WEAKER = "plan.weaker"
_KIND = "weaker"


def watch(connection: Connection, policy: Policy, now_us: int) -> None:
    """Raise it for each node whose finding nobody settled; end it once somebody did, or the node left."""
    here = (node.c.node == finding.c.node) & (node.c.incarnation == finding.c.incarnation)
    asked = (
        select(finding.c.node, node.c.site, finding.c.detail)
        .join(node, here)
        .where(finding.c.kind == _KIND, finding.c.settled_us.is_(None), node.c.decommissioned_us.is_(None))
        .order_by(finding.c.id)
    )
    seen = {
        each.key: each
        for row in connection.execute(asked)
        for each in [
            Sighting(
                cause=WEAKER, urgency="critical", node=row.node, site=row.site, params=(("dropped", row.detail[:200]),)
            )
        ]
    }
    if seen:
        raise_many(connection, seen.values(), policy, now_us)
    open_now = select(alert.c.key).where(alert.c.cause == WEAKER, alert.c.state != "resolved")
    over = [key for key in connection.execute(open_now).scalars() if key not in seen]
    if over:
        clear_many(connection, over, now_us)
