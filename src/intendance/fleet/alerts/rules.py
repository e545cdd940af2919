"""Alerts of rules: what is broken has one, and what holds again has none any more.

Verdicts are compared with the open alerts, whoever judged them and whenever: nothing is lost between two processes.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, func, select

from intendance.catalogue.load import load
from intendance.catalogue.rule import Rulebook
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.recording import Sighting, clear_many, raise_many
from intendance.fleet.database.tables import alert, node, verdict
from intendance.model.alerting import Urgency
from intendance.model.verdict import Severity, State

_URGENCY: dict[str, Urgency] = {Severity.BLOCKING.value: "critical", Severity.WARNING.value: "warning"}
"""What a duty forgot is no alert: it reminds people where they look."""
_UNSURE = (State.UNKNOWN.value, State.ERROR.value, State.PENDING.value)
"""Nobody knows whether it is over: what was broken stays so."""


@cache
def _rulebook() -> Rulebook:
    return load()


def stamp(connection: Connection) -> tuple[int, ...]:
    """What differs once a verdict was written or taken away, or a node came or went."""
    verdicts = select(func.count(), func.max(verdict.c.judged_us), func.sum(verdict.c.judged_us % 1_000_003))
    nodes = select(func.count(), func.max(node.c.enrolled_us), func.max(node.c.decommissioned_us)).select_from(node)
    return tuple(each or 0 for asked in (verdicts, nodes) for each in connection.execute(asked).one())


def watch(connection: Connection, policy: Policy, now_us: int) -> None:
    """Raise what is broken now, and end what holds again or is no longer judged."""
    found = connection.execute(
        select(verdict.c.node, verdict.c.rule, verdict.c.asset, verdict.c.severity, verdict.c.state, node.c.site)
        .join(node, node.c.node == verdict.c.node)
        .where(verdict.c.state.in_((State.FAIL.value, *_UNSURE)), verdict.c.severity.in_(list(_URGENCY)),
               node.c.decommissioned_us.is_(None))
        .order_by(verdict.c.node, verdict.c.rule, verdict.c.asset)  # alerts are numbered and told in this order
    ).all()  # fmt: skip
    rules = _rulebook().rules
    seen = {
        Sighting(
            cause=row.rule,
            urgency=_URGENCY[row.severity],
            node=row.node,
            site=row.site,
            labels=(("asset", row.asset),) if row.asset else (),
            params=(("title", rules[row.rule].title.of(policy.language) if row.rule in rules else ""),),
        ): row.state
        for row in found
    }
    raise_many(connection, [each for each, state in seen.items() if state == State.FAIL.value], policy, now_us)
    still = {each.key for each in seen}
    standing = connection.execute(
        select(alert.c.key, alert.c.cause).where(alert.c.state != "resolved").order_by(alert.c.id)
    ).all()
    clear_many(connection, [row.key for row in standing if row.cause.isupper() and row.key not in still], now_us)
