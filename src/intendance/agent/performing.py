"""From a run of the journal to the activity that performs it: jobs and adapters are put together here."""

from __future__ import annotations

from intendance.agent.compose import Node
from intendance.agent.wanted import planned, stores_of
from intendance.ledger.imports import prunings
from intendance.model.errors import InternalError
from intendance.model.errors.runs import KindNotPlanned
from intendance.runs import ProgressSink, Steps
from intendance.runs.rows import Run


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
        from intendance.agent import drilling_here  # the only one here that decrypts

        drilling_here.perform(node, planned(node, run.asset), steps, progress)
    else:
        raise InternalError(detail=f"activity {run.activity!r}")


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
    context = inspection.InspectContext(
        stores=stores_of(node, asset), book=node.book, clock=node.clock, prunings=prunings(node.book, asset.name)
    )
    inspection.perform(job, context, steps, progress)
