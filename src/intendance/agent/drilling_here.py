"""Drills on the node itself: where its plan says so in as many words."""

from __future__ import annotations

from pathlib import Path

from intendance.activities.drill import perform as drill
from intendance.activities.drill.decide import Known
from intendance.activities.drill.job import DrillContext, DrillJob
from intendance.activities.drill.scratch import default_parent
from intendance.agent.compose import Node, drills_here
from intendance.agent.wanted import stores_of
from intendance.model.errors.drill import DrillElsewhere
from intendance.model.errors.runs import StoreUnknown
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.drill import DrillCompleted
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, Plan
from intendance.runs import ProgressSink, Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody typed. `from_store`: where the sets lie, for a host that has no plan: a folder, or a file that
    declares stores, of which `store` is meant; then `node` and `fingerprint` say whose they are, and `host` how this
    machine is called."""

    asset: str
    point: str | None = None
    store: str | None = None
    scratch: Path | None = None
    from_store: str | None = None
    node: str | None = None
    fingerprint: str | None = None
    host: str | None = None


def perform(node: Node, asset: Asset, steps: Steps, progress: ProgressSink) -> None:
    """The drill that the plan's schedule asks of the node itself; its worker holds the asset's lock. Raises
    DrillElsewhere, StoreUnknown, and what the drill raises."""
    job, context = on_node(node, asset, Asked(asset=asset.name))
    drill.perform(job, context, steps, progress)


def on_node(node: Node, asset: Asset, asked: Asked) -> tuple[DrillJob, DrillContext]:
    """The job and its adapters on the node itself. Raises DrillElsewhere, StoreUnknown."""
    _expect_here(node.plan, asset)
    stores = {store.name: store for store in stores_of(node, asset)}
    name = asked.store or next(reversed(stores))
    if name not in stores:
        raise StoreUnknown(asset=asset.name, store=name, known=", ".join(stores))
    completed = node.book.facts("backup.completed", asset=asset.name)
    (genesis,) = node.book.facts("genesis", latest=1)
    stored = [fact for fact in completed if name in fact.data.stores]
    context = DrillContext(
        store=stores[name],
        store_kind=node.plan.stores[name].kind,
        book=node.book,
        by="self",
        fingerprint=genesis.data.openpgp_fingerprint,
        trust="ledger",
        manifests={fact.data.set: fact.data.manifest_sha256 for fact in completed},
        seen={fact.data.sequence: known(fact.data, node.book.origin) for fact in stored[:1]},
        parent=asked.scratch or default_parent(),
        clock=node.clock,
        former_keys=genesis.data.former_keys,
    )
    job = DrillJob(fleet=node.plan.fleet, node=node.plan.node.id, asset=asset.name, point=asked.point)
    return job, context


def _expect_here(plan: Plan, asset: Asset) -> None:
    """That the plan says in so many words that the node tries its own restores. Raises DrillElsewhere."""
    if drills_here(plan, asset):
        return
    if asset.drill is None:
        raise DrillElsewhere(asset=asset.name, detail="its plan names no host for it")
    if asset.drill.host != plan.node.id:
        raise DrillElsewhere(asset=asset.name, detail=f"its plan names {asset.drill.host}")
    raise DrillElsewhere(asset=asset.name, detail="under maint, another host than the node tries its backups")


def known(data: BackupCompleted | DrillCompleted, ledger: str) -> Known:
    """The set of a record, as the next drill knows it; `ledger` numbers it."""
    return Known(set=data.set, manifest_sha256=data.manifest_sha256, ledger=ledger)
