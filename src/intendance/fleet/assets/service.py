"""Assets read from the evidence that the manager received and verified."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from intendance.fleet.assets import decide
from intendance.fleet.assets.decide import Asset
from intendance.fleet.database.connect import Database
from intendance.fleet.verdicts.source import NodeLedger, sensible
from intendance.model.record import instant
from intendance.model.verdict import Fact
from intendance.system.clock import Clock

_DRILLS = timedelta(days=400)
_INSPECTIONS = 40
"""Enough for the latest of each store: stores are inspected in turn."""


class Assets:
    """What the pages show of assets."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def one(self, node: str, name: str) -> Asset | None:
        """An asset of a node; None where no plan ever named it. Raises RecordUnreadable, EvidenceSenseless,
        DatabaseUnreachable."""
        now = self._clock.read().at
        with sensible(node), self._database.read() as connection:
            return _one(NodeLedger(connection, node), node, name, now)


def _one(ledger: NodeLedger, node: str, name: str, now: datetime) -> Asset | None:
    declared = ledger.facts("asset.declared", asset=name, latest=1)
    if not declared:
        return None

    def facts(kind: str, *, days: int | None = None, latest: int | None = None) -> tuple[Fact[Any], ...]:
        since = None if days is None else now - timedelta(days=days)
        return ledger.facts(kind, asset=name, since=since, latest=latest)

    plans = ledger.facts("plan.adopted", latest=1)
    drills = decide.drills_told(facts("drill.completed", days=_DRILLS.days), facts("drill.failed", days=_DRILLS.days))
    drilled: dict[str, datetime] = {}
    for each in drills:
        if each.ok:
            drilled.setdefault(each.set, each.at)
    inspected = facts("inspection.completed", latest=_INSPECTIONS)
    kept = decide.SHOWN_DAYS + 1
    sets = decide.sets_held(
        facts("backup.completed", days=kept), facts("prune.completed", days=kept), inspected, drilled
    )
    failure = decide.unanswered(next(iter(facts("backup.failed", latest=1)), None), sets)
    data = declared[0].data
    return Asset(
        node=node,
        name=name,
        engine=data.engine,
        subject=data.subject,
        identity=data.identity,
        schedules=tuple((each.activity, each.cron) for each in data.schedules),
        retention_days=data.retention_days,
        declared_at=instant(data.first_declared_at),
        dropped_at=decide.dropped_at(declared[0], next(iter(facts("asset.dropped", latest=1)), None)),
        asked_at=now,
        sets=sets,
        stores=decide.stores_seen(data.stores, inspected, facts("inspection.failed", latest=_INSPECTIONS)),
        drills=drills,
        failure="" if failure is None else failure.data.message,
        failed_at=None if failure is None else failure.at,
        catalogues=plans[0].data.catalogues if plans else (),
    )
