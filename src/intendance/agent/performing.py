"""From a run of the journal to the activity that performs it: jobs and adapters are put together here."""

from __future__ import annotations

from pathlib import Path

from intendance.agent.compose import Node
from intendance.model.errors import InternalError
from intendance.model.errors.runs import AssetUnknown, KindNotPlanned, NotBackedUp
from intendance.model.plan import Asset
from intendance.runs import ProgressSink, Steps
from intendance.runs.rows import Run
from intendance.stores import Store, Use, open_store


def perform(node: Node, run: Run, steps: Steps, progress: ProgressSink) -> None:
    """Perform a run's activity in this process. Raises what the activity raises, and the refusals of `planned`."""
    activity, _, kind = run.activity.partition(".")
    if activity == "backup":
        _back_up(node, run, kind, steps, progress)
    elif activity == "inspect":
        _inspect(node, run, steps, progress)
    elif activity == "prune":
        from intendance.agent import pruning  # nothing else deletes

        pruning.perform(node.book, node.plan, node.clock, planned(node, run.asset), steps, progress)
    elif activity == "drill":
        from intendance.agent import drilling  # the only one here that decrypts

        drilling.perform(node, planned(node, run.asset), steps, progress)
    else:
        raise InternalError(detail=f"activity {run.activity!r}")


def planned(node: Node, name: str) -> Asset:
    """An asset that the plan in force backs up: it may have changed since the run was queued.

    Raises AssetUnknown, NotBackedUp.
    """
    asset = node.plan.assets.get(name)
    if asset is None:
        raise AssetUnknown(asset=name, suggestion=".", known=", ".join(node.plan.assets))
    if asset.backup is None:
        raise NotBackedUp(asset=name)
    return asset


def stores_of(node: Node, asset: Asset, *, spool: Path | None = None) -> tuple[Store, ...]:
    """The stores of an asset's backups, in the plan's order; `spool` is where ciphertext may wait on its way there."""
    if asset.backup is None:
        return ()
    use = Use(spool=spool, keep_days=asset.backup.retention_days)
    return tuple(open_store(node.plan.stores[name], use) for name in asset.backup.stores)


def _back_up(node: Node, run: Run, kind: str, steps: Steps, progress: ProgressSink) -> None:
    from intendance.activities.backup import perform as backup  # an inspection needs neither engines nor pipes
    from intendance.activities.backup.job import BackupContext, BackupJob
    from intendance.engines import open_engine

    asset = planned(node, run.asset)
    kinds = asset.backup.kinds if asset.backup else {}
    if kind not in kinds:
        raise KindNotPlanned(asset=asset.name, kind=kind, known=", ".join(kinds))
    scratch = node.layout.scratch(run.id, run.attempt)
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    context = BackupContext(
        engine=open_engine(asset),
        stores=stores_of(node, asset, spool=scratch),
        book=node.book,
        gnupg=node.layout.gnupg,
        scratch=scratch,
        snapshots=node.layout.snapshots(asset.name),
        clock=node.clock,
    )
    backup.perform(BackupJob(plan=node.plan, asset=asset.name, kind=kind), context, steps, progress)


def _inspect(node: Node, run: Run, steps: Steps, progress: ProgressSink) -> None:
    from intendance.activities.inspect import perform as inspection  # a backup does not need it

    asset = planned(node, run.asset)
    job = inspection.InspectJob(plan=node.plan, asset=asset.name, deep=bool(run.options.get("deep")))
    context = inspection.InspectContext(stores=stores_of(node, asset), book=node.book, clock=node.clock)
    inspection.perform(job, context, steps, progress)
