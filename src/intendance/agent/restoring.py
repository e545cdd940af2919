"""Restoring, in the caller's own process: only the caller's keyring can open a set."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from intendance.activities.restore import perform as restore
from intendance.activities.restore.decide import RestorePlan, Wish
from intendance.agent.compose import Node, open_node, person
from intendance.agent.follow import begin_new
from intendance.agent.moments import read_moment
from intendance.agent.service import find_asset
from intendance.agent.stopping import ShieldedSteps, Stop, Stopper
from intendance.agent.wanted import planned, stores_of
from intendance.engines import open_engine
from intendance.engines.files import FilesEngine
from intendance.model.errors import Exit, IntendanceError
from intendance.model.errors.engine import DestinationUnusable
from intendance.model.errors.runs import RestoreCancelled, StoreUnknown, WorkerCrashed
from intendance.model.errors.state import refusal
from intendance.model.evidence import Evidence
from intendance.model.evidence.restore import RestoreCompleted
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, DirectoryStore, FilesAsset
from intendance.model.record import Record
from intendance.runs import Progress
from intendance.runs.progress import Pace, ProgressFile, Reading
from intendance.runs.rows import DEADLINE_SECONDS, Run, Submission
from intendance.system import alive
from intendance.system.clock import Clock
from intendance.system.trace import keep_trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody typed: a point or a time (local or UTC) or neither, where to, and from which store."""

    asset: str
    into: str
    to: str | None = None
    point: str | None = None
    store: str | None = None
    streams: tuple[str, ...] = ()
    guided: bool = False
    """The destination was chosen by us: beside or in what it is to replace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a restore would do now; `zone` is the organisation's."""

    plan: RestorePlan
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A restore that completed: its run and its ledger record; neither where the state takes no writes."""

    run: str | None
    evidence: RestoreCompleted
    node: str
    seq: int | None
    zone: str


def plan_restore(state: Path, clock: Clock, asked: Asked) -> Planned:
    """What would be restored, from where, how large, how long; nothing is opened or created.

    Raises AssetUnknown, NotBackedUp, StoreUnknown, the errors of times and points, and those of stores.
    """
    with open_node(state, clock) as node:
        job, context = put_together(node, asked)
        return Planned(plan=restore.prepare(job, context).plan, zone=node.plan.organisation.timezone)


def run_restore(
    state: Path,
    clock: Clock,
    asked: Asked,
    *,
    planned_as: Callable[[Planned], None],
    moved: Callable[[Reading], None],
) -> Restored:
    """Restore beside the original; `planned_as` is told what will be done before it is.

    Raises as `plan_restore`, LockHeld while the asset is busy, NoSecretKey, DestinationTaken, RestoreCancelled and what
    else the restore raises; then nothing of it is left but what the error says.
    """
    with open_node(state, clock) as node:
        job, context = put_together(node, asked)
        planned_as(Planned(plan=restore.prepare(job, context).plan, zone=node.plan.organisation.timezone))
        return perform(node, job, context, moved)


def perform(
    node: Node, job: restore.RestoreJob, context: restore.RestoreContext, moved: Callable[[Reading], None]
) -> Restored:
    """One restore as a run of its own, in this process. Raises as `run_restore`."""
    if node.book.refused is not None:
        return _unrecorded(node, job, context, moved)
    stopper = Stopper()
    run = _begin(node, job)
    steps = ShieldedSteps(node.journal.steps(run), stopper)
    context = replace(context, scratch=node.layout.scratch(run.id, run.attempt))
    try:
        stopper.arm(run.deadline_seconds)
        evidence = restore.perform(job, context, steps, _Progress(node, run, moved))
        stopper.disarm()
    except (Stop, IntendanceError) as error:
        stopper.disarm()
        raise _ended(node, run, steps, error) from None
    except Exception as error:
        stopper.disarm()
        refused = refusal(error)
        if refused is not None:
            raise _ended(node, run, steps, refused) from error
        trace = keep_trace(node.layout.crashes, f"{run.id}.{run.attempt}", error)
        crash = WorkerCrashed(exception=type(error).__name__, trace=trace)
        node.journal.fail(run, crash, outcome="crashed")
        raise crash from error
    finally:
        node.layout.tidy(run.id, run.attempt)
    node.journal.succeed(run)
    seq = next(step.seq for step in reversed(node.journal.steps_of(run.id)) if step.seq is not None)
    return Restored(run=run.id, evidence=evidence, node=node.book.node, seq=seq, zone=node.plan.organisation.timezone)


def _unrecorded(
    node: Node, job: restore.RestoreJob, context: restore.RestoreContext, moved: Callable[[Reading], None]
) -> Restored:
    """A restore from a machine whose state takes no writes: the data counts, and the ledger hears nothing of it."""
    stopper, pace = Stopper(), Pace(1)

    def progress(seen: Progress) -> None:
        reading = pace.reading(seen)
        if reading is not None:
            moved(reading)

    with TemporaryDirectory(prefix="intendance-") as folder:
        elsewhere = replace(context, scratch=Path(folder) / "scratch", asset_lock=Path(folder) / "lock")
        try:
            stopper.arm(DEADLINE_SECONDS)
            evidence = restore.perform(job, elsewhere, _NoSteps(job.wish.asset), progress)
            stopper.disarm()
        except Stop:
            raise RestoreCancelled(asset=job.wish.asset, destination=job.destination) from None
        finally:
            stopper.disarm()
    zone = node.plan.organisation.timezone
    return Restored(run=None, evidence=evidence, node=node.book.node, seq=None, zone=zone)


class _NoSteps:
    """The steps of an attempt that nothing is recorded of."""

    def __init__(self, asset: str) -> None:
        self.run = f"{asset}.restore.unrecorded"
        self.attempt = 1
        self.asset = asset
        self.actor = person()

    def memo(self, step: str) -> dict[str, Any] | None:  # noqa: ARG002 -- as `runs.Steps` has it
        return None

    def commit(self, step: str, memo: dict[str, Any], evidence: Evidence | None = None) -> Record | None:
        """Nothing stands anywhere: whoever looks on is told."""


class _Progress:
    """Tells whoever looks on here, and leaves it where `run list` finds it."""

    def __init__(self, node: Node, run: Run, moved: Callable[[Reading], None]) -> None:
        self._file = ProgressFile(node.layout.progress(run.id), run.attempt)
        self._pace = Pace(run.attempt)
        self._moved = moved

    def __call__(self, progress: Progress) -> None:
        self._file(progress)
        reading = self._pace.reading(progress)
        if reading is not None:
            self._moved(reading)


def _begin(node: Node, job: restore.RestoreJob) -> Run:
    run = begin_new(
        node,
        Submission(
            asset=job.wish.asset,
            activity="restore",
            occurrence=node.clock.read().at.replace(microsecond=0),
            actor=person(),
            options={"into": job.destination},
            attempts_allowed=1,
        ),
    )
    this = alive.identify(os.getpid(), node.clock.read().boot)
    if this is not None:
        node.journal.register(run.id, run.attempt, this)
    return run


def _ended(node: Node, run: Run, steps: ShieldedSteps, error: Stop | IntendanceError) -> IntendanceError:
    """Write down how a restore ended that did not complete, and say what to raise for it."""
    if isinstance(error, Stop):
        said = RestoreCancelled(asset=run.asset, destination=run.options["into"])
        node.journal.cancel(run, said)
        return said
    # A wish that cannot be met is no failure of the asset's: it leaves no evidence against it.
    unremarkable = steps.left_evidence or error.exit_code == Exit.USAGE
    node.journal.fail(run, error, outcome=None if unremarkable else "failed")
    return error


def put_together(node: Node, asked: Asked) -> tuple[restore.RestoreJob, restore.RestoreContext]:
    """The job and its adapters. Raises AssetUnknown, NotBackedUp, StoreUnknown, DestinationUnusable, and the errors of
    times."""
    find_asset(node, asked.asset)
    asset = planned(node, asked.asset)
    stores = stores_of(node, asset)
    if asked.store is not None:
        stores = tuple(store for store in stores if store.name == asked.store)
        if not stores:
            known = ", ".join(asset.backup.stores if asset.backup else ())
            raise StoreUnknown(asset=asset.name, store=asked.store, known=known)
    if not asked.guided:
        _require_apart(node, asset, asked.into)
    target = None if asked.to is None else read_moment(asked.to, node.plan.organisation.timezone)
    wish = Wish(
        asset=asset.name,
        into=_destination(asset.kind, asked.into),
        point=asked.point,
        target=target,
        streams=asked.streams,
        zone=node.plan.organisation.timezone,
    )
    context = restore.RestoreContext(
        engine=FilesEngine(asset, within=True)
        if asked.guided and isinstance(asset, FilesAsset)
        else open_engine(asset),
        stores=stores,
        book=node.book,
        scratch=node.layout.scratch(asset.name, os.getpid()),
        clock=node.clock,
        asset_lock=node.layout.asset_lock(asset.name),
    )
    return restore.RestoreJob(plan=node.plan, wish=wish), context


def _require_apart(node: Node, asset: Asset, into: str) -> None:
    """That nothing unencrypted lands in a store, in the state, or in what tonight's backups read.

    Raises DestinationUnusable.
    """
    destination = _destination(asset.kind, into)
    if not destination.startswith("/"):
        return
    taken = {
        f"the store {store.name}": Path(store.path)
        for store in node.plan.stores.values()
        if isinstance(store, DirectoryStore)
    }
    taken["the state of Intendance"] = node.layout.state
    taken |= {
        f"the asset {each.name}, which is backed up": Path(each.path)
        for each in node.plan.assets.values()
        if isinstance(each, FilesAsset) and each.name != asset.name  # for its own source, the engine speaks
    }
    place = Path(os.path.realpath(destination))
    for what, folder in taken.items():
        if place.is_relative_to(os.path.realpath(folder)):
            remedy = "Name a new folder outside the stores, the state folder and what is backed up."
            raise DestinationUnusable(destination=destination, detail=f"it lies inside {what}", remedy=remedy)


def _destination(kind: str, into: str) -> str:
    """A path made absolute; for a MariaDB server, a name without a slash is that of a new database."""
    return str(Path(into).absolute()) if kind in ("files", "sqlite") or "/" in into else into
