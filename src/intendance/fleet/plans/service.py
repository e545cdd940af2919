"""The plans of nodes, read from the evidence that the manager received and verified."""

from __future__ import annotations

from datetime import datetime, timedelta

from intendance.fleet.database.connect import Database
from intendance.fleet.plans import decide
from intendance.fleet.plans.decide import Adoption, HeldPlan, PlannedAsset
from intendance.fleet.verdicts.source import NodeLedger, sensible
from intendance.model.evidence.lifecycle import AssetDeclared
from intendance.model.record import instant
from intendance.model.verdict import Fact
from intendance.system.clock import Clock

_FORMER = 10
_LEFT_SHOWN = timedelta(days=400)
"""A dropped asset stays visible for so long (design/plan.md)."""
_WAIVED = timedelta(days=180)
"""Twice as long as a waiver may last."""


class Plans:
    """What the pages show of plans."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def one(self, node: str) -> HeldPlan | None:
        """The plan in force on a node; None where none arrived. Raises RecordUnreadable, EvidenceSenseless,
        DatabaseUnreachable."""
        with sensible(node):
            return self._one(node, self._clock.read().at)

    def _one(self, node: str, now: datetime) -> HeldPlan | None:
        with self._database.read() as connection:
            ledger = NodeLedger(connection, node)
            adopted = ledger.facts("plan.adopted", latest=_FORMER)
            if not adopted:
                return None
            plan = adopted[0].data
            declared = [fact for name in plan.assets for fact in ledger.facts("asset.declared", asset=name, latest=1)]
            dropped = ledger.facts("asset.dropped", since=now - _LEFT_SHOWN)
            granted = ledger.facts("waiver.granted", since=now - _WAIVED)
            revoked = ledger.facts("waiver.revoked", since=now - _WAIVED)
        return HeldPlan(
            node=node,
            adoptions=tuple(
                Adoption(at=fact.at, actor=fact.actor, seq=fact.seq, confirmed=fact.data.confirmed) for fact in adopted
            ),
            source_sha256=plan.source_sha256,
            plan_sha256=plan.plan_sha256,
            catalogues=plan.catalogues,
            timezone=plan.timezone,
            language=plan.language,
            recipients=plan.recipients,
            stores=plan.stores,
            assets=tuple(map(_asset, declared)),
            left=decide.left(dropped, plan.assets),
            waivers=decide.in_force(granted, revoked, now),
        )


def _asset(fact: Fact[AssetDeclared]) -> PlannedAsset:
    data = fact.data
    return PlannedAsset(
        name=fact.asset or "",
        engine=data.engine,
        subject=data.subject,
        schedules=tuple((each.activity, each.cron) for each in data.schedules),
        stores=data.stores,
        retention_days=data.retention_days,
        databases=data.databases,
        exclude=data.exclude,
        since=instant(data.first_declared_at),
        seq=fact.seq,
    )
