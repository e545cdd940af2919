"""What became of messages to those whom the plan names, by each way."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Connection, func, select

from intendance.catalogue.checks.channels import Deliveries, GivenUp
from intendance.catalogue.subject import SKEW
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.database.connect import from_us, to_us
from intendance.fleet.database.tables import outbox
from intendance.model.alerting import Alerts, Urgency, Way

_URGENCIES: tuple[Urgency, ...] = ("critical", "warning")
_TAKEN = ("sent", "delivered")


def deliveries(connection: Connection, policy: Policy, now: datetime) -> Deliveries:
    """The ways of a plan and what they did. Messages to people whom no step names any more count for nothing; one that
    is dated in the future counts only where there is no other, as what it is."""
    alerts = policy.alerts or Alerts()
    pairs = {
        (urgency, step.to, way)
        for urgency in _URGENCIES
        for step in alerts.steps(urgency)
        for way in step.by
        if policy.address(step.to, way) is not None
    }
    people = {(contact, way) for _, contact, way in pairs}
    latest = now + SKEW
    latest_us = to_us(latest)
    taken, dead = _newest(connection, latest_us)
    accepted: dict[Way, datetime] = {}
    for (contact, way), (at_us, _) in taken.items():
        if (contact, way) in people:
            accepted[way] = max(accepted.get(way, from_us(at_us)), from_us(at_us), key=lambda at: (at <= latest, at))
    given_up = tuple(
        GivenUp(contact=contact, way=way, code=code or "—", at=from_us(at_us))
        for (contact, way), (at_us, code) in sorted(dead.items())
        if (contact, way) in people and at_us > _proven_us(taken.get((contact, way)), latest_us)
    )
    named = frozenset((urgency, way) for urgency, _, way in pairs)
    return Deliveries(named=named, accepted=accepted, given_up=given_up)


_Newest = dict[tuple[str, Way], tuple[int, str]]


def _proven_us(taken: tuple[int, str] | None, latest_us: int) -> int:
    """When somebody last got a message; one that is dated in the future unsays nothing."""
    return taken[0] if taken is not None and taken[0] <= latest_us else 0


def _newest(connection: Connection, latest_us: int) -> tuple[_Newest, _Newest]:
    """To each person by each way: when a server last took a message, and when the last one was given up, and why. A
    message dies at the instant of its last try."""
    ended_us = func.max(func.coalesce(outbox.c.sent_us, outbox.c.next_us))
    ahead = func.coalesce(outbox.c.sent_us, outbox.c.next_us) > latest_us
    asked = (
        select(outbox.c.contact, outbox.c.channel, outbox.c.state, outbox.c.last_code, ended_us.label("ended_us"))
        .where(outbox.c.state.in_((*_TAKEN, "dead")))
        .group_by(outbox.c.contact, outbox.c.channel, outbox.c.state, outbox.c.last_code, ahead)
    )
    taken: _Newest = {}
    dead: _Newest = {}
    for row in connection.execute(asked):
        key, mine = (row.contact, cast(Way, row.channel)), (int(row.ended_us), row.last_code)
        if row.state in _TAKEN:
            taken[key] = max(taken.get(key, mine), mine, key=lambda each: (each[0] <= latest_us, each))
        else:
            dead[key] = max(dead.get(key, mine), mine)
    return taken, dead
