"""Whether anything that a page shows has changed: cheap to ask, four times a second."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, func, select

from intendance.fleet.beats.presence import presence
from intendance.fleet.database.connect import Database, from_us
from intendance.fleet.database.tables import (
    alert_event,
    delivery_event,
    evidence_head,
    finding,
    node,
    node_state,
    outbox,
    run_attempt,
    setting,
    silence,
    verdict,
)
from intendance.fleet.verdicts.standing import STOPPED_AFTER, NodeBrief

LOOKED = "verdicts.looked_us"
"""The setting that says when the judge looked last."""
ALERTS = "!alerts"
"""What alerts are told from beside their events, among the names of nodes; no node is called so."""


RUNS = ".runs"
"""Asked for like a node: the stamp of all runs. No node has such a name."""

SUM_MODULO = 1_000_003


def stamps(database: Database, names: frozenset[str], now: datetime, plan: str = "") -> Mapping[str, str]:
    """A stamp of all that is judged and heard, under the empty name, and one of each of some nodes' evidence; under
    `ALERTS` that of messages and silences. `plan` marks the plan that pages are drawn by.

    Raises DatabaseUnreachable.
    """
    with database.read() as connection:
        looked_us = connection.execute(select(setting.c.value).where(setting.c.name == LOOKED)).scalar()
        whole = (
            verdicts_stamp(connection),
            tuple(
                connection.execute(select(func.count(), func.max(finding.c.id), func.max(finding.c.settled_us))).one()
            ),
            connection.execute(select(func.max(alert_event.c.id))).scalar(),
            tuple((each.node, each.presence.value) for each in briefs(connection, now)),
            now - from_us(int(looked_us or 0)) > STOPPED_AFTER,
            plan,
        )
        head = evidence_head.c
        changed_us = connection.execute(select(func.max(run_attempt.c.changed_us))).scalar() if RUNS in names else None
        asked = select(head.node, head.incarnation, head.size, head.signed_size).where(head.node.in_(names))
        rows = connection.execute(asked).all() if names else ()
        told = _told(connection) if ALERTS in names else ()
    found = {"": _short(whole)}
    for name in names - {RUNS}:
        found[name] = _short(sorted(tuple(row) for row in rows if row.node == name))
    if RUNS in names:
        found[RUNS] = _short(changed_us)
    if ALERTS in names:
        found[ALERTS] = _short(told)
    return found


def _told(connection: Connection) -> tuple[object, ...]:
    """What differs once a message was made or tried, or a silence made, moved or ended."""
    asked = (
        select(func.max(outbox.c.id)),
        select(func.max(delivery_event.c.id)),
        select(func.max(silence.c.id), func.max(silence.c.ended_us), func.sum(silence.c.to_us % SUM_MODULO)),
    )
    return tuple(tuple(connection.execute(each).one()) for each in asked)


def verdicts_stamp(connection: Connection) -> tuple[int, int, int]:
    """What differs once any verdict was written or taken away: how many there are, when the latest was judged, and a
    sum over the instants of all."""
    judged = verdict.c.judged_us
    count, latest, total = connection.execute(
        select(func.count(), func.max(judged), func.sum(judged % SUM_MODULO))
    ).one()
    return int(count), int(latest or 0), int(total or 0)


def _short(told: object) -> str:
    return sha256(repr(told).encode()).hexdigest()[:16]


def _instant(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


def briefs(connection: Connection, now: datetime) -> tuple[NodeBrief, ...]:
    """The nodes of the fleet, and how each is heard."""
    asked = (
        select(node.c.node, node.c.site, node_state.c.last_seen_us, node_state.c.deadline_us)
        .join(node_state, node_state.c.node == node.c.node, isouter=True)
        .where(node.c.decommissioned_us.is_(None), ~node.c.node.startswith(".", autoescape=True))  # a canary is none
        .order_by(node.c.node)
    )
    return tuple(
        NodeBrief(
            node=row.node,
            site=row.site or None,
            presence=presence(_instant(row.last_seen_us), _instant(row.deadline_us), now),
            last_seen=_instant(row.last_seen_us),
        )
        for row in connection.execute(asked)
    )
