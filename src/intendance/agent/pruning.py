"""Pruning as people and the agent ask for it: who may delete where, what would go, and the deletion itself.

On the node the plan in force decides; on a host of the plan, a copy of the plan's file and the host's own ledger, in
which its drills stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from intendance.activities.prune import perform as prune
from intendance.activities.prune.decide import Looked
from intendance.activities.prune.perform import Place, PruneContext, PruneJob
from intendance.agent.asked import RecordedSteps, backed_up, plan_of_file
from intendance.agent.layout import StateLayout
from intendance.agent.opening import open_book
from intendance.agent.stopping import Stop, Stopper
from intendance.catalogue.load import load as load_rules
from intendance.ledger.book import Book
from intendance.model.errors import IntendanceError
from intendance.model.errors.prune import (
    PruneCancelled,
    PruneElsewhere,
    PruneForbiddenHere,
    PruneNotConfirmed,
    PruneNotPlanned,
    PruneUnproven,
)
from intendance.model.errors.runs import NotBackedUp
from intendance.model.evidence.prune import PruneCompleted
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, DirectoryStore, Plan, S3Store
from intendance.model.plan import Store as Declared
from intendance.model.record import Record
from intendance.plan import adopted, durations
from intendance.plan.bounds.limits import limit
from intendance.runs import Progress, ProgressSink, Steps
from intendance.runs.progress import Pace, Reading
from intendance.runs.rows import DEADLINE_SECONDS
from intendance.sets.fetch import asset_folder
from intendance.sets.lineage import former_keys
from intendance.sets.retention import Retention
from intendance.stores import PRUNERS, Store, open_prunable, open_store
from intendance.system import lock
from intendance.system.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """What a pruning of one asset would do in each of its stores, as this machine sees them.

    `refused` is None where a deletion may be made from here, or says why not. `failures` are stores that could not be
    read; `retention` is what holds: the plan's, never below the rules'.
    """

    asset: str
    stores: tuple[Looked, ...]
    failures: tuple[IntendanceError, ...]
    refused: IntendanceError | None
    retention: Retention
    zone: str

    @property
    def due(self) -> int:
        """How many sets might go at once, were there no ceiling."""
        return sum(each.sets.due for each in self.stores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What a pruning of one asset did: all its records since it began, in order, of the ledger `node`."""

    asset: str
    node: str
    records: tuple[Record, ...]
    last: tuple[PruneCompleted, ...]
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """The ledger of this machine and the plan that it prunes by."""

    book: Book
    plan: Plan
    layout: StateLayout
    clock: Clock

    @property
    def is_node(self) -> bool:
        return self.book.node == self.plan.node.id


def preview(state: Path, clock: Clock, *, plans: Sequence[Path], asset: str | None) -> tuple[Previewed, ...]:
    """What would be marked and deleted of one asset, or of all; nothing is changed anywhere.

    On a host, where no plan was adopted, the first of `plans` that is there counts. Raises NoState, PlanInvalid,
    AssetUnknown, NotBackedUp.
    """
    with _desk(state, clock, plans) as desk:
        return tuple(_previewed(desk, each) for each in backed_up(desk.plan, asset))


def run(
    state: Path,
    clock: Clock,
    *,
    plans: Sequence[Path],
    asset: str,
    confirmed: str,
    moved: Callable[[Reading], None],
) -> Pruned:
    """Mark and delete, in this process, under the asset's lock. `confirmed` is the asset's name, as a person typed it,
    or `NAME:COUNT` to allow that many deletions in place of the ceiling.

    Raises PruneNotConfirmed, PruneNotPlanned, PruneElsewhere, PruneForbiddenHere, PruneUnproven, LockHeld,
    PruneCancelled, and what the pruning raises.
    """
    count = _count(asset, confirmed)
    with _desk(state, clock, plans) as desk:
        (chosen,) = backed_up(desk.plan, asset)
        refused = refusal(desk.plan, desk.book.node)
        if refused is not None:
            raise refused
        job = _job(desk, chosen, count)
        context = _context(desk, chosen)
        stopper, pace = Stopper(), Pace(1)
        steps = RecordedSteps(desk.book, stopper, chosen.name, "prune", clock)

        def progress(seen: Progress) -> None:
            reading = pace.reading(seen)
            if reading is not None:
                moved(reading)

        with lock.held(desk.layout.asset_lock(chosen.name), purpose=f"Pruning {chosen.name}"):
            try:
                stopper.arm(DEADLINE_SECONDS)
                last = prune.perform(job, context, steps, progress)
                stopper.disarm()
            except Stop:
                raise PruneCancelled(asset=chosen.name) from None
            finally:
                stopper.disarm()
        zone = desk.plan.organisation.timezone
        return Pruned(asset=chosen.name, node=desk.book.node, records=tuple(steps.records), last=last, zone=zone)


def perform(book: Book, plan: Plan, clock: Clock, asset: Asset, steps: Steps, progress: ProgressSink) -> None:
    """The pruning that a node's schedule asks for; its worker holds the asset's lock. Raises as `run`."""
    refused = refusal(plan, book.node)
    if refused is not None:
        raise refused
    desk = _Desk(book=book, plan=plan, layout=StateLayout(Path()), clock=clock)
    prune.perform(_job(desk, asset, None), _context(desk, asset), steps, progress)


def refusal(plan: Plan, here: str) -> IntendanceError | None:
    """Why `here`, a node or a host, may not delete under a plan; None when it may."""
    if plan.prune is None:
        return PruneNotPlanned()
    if here == plan.node.id and "maint" in plan.catalogues:
        return PruneForbiddenHere(here=here)
    if plan.prune.host != here:
        return PruneElsewhere(host=plan.prune.host, here=here)
    return None


def retention_of(plan: Plan, asset: Asset) -> Retention:
    """The asset's retention with the rules' floor under it: the bounds are law, whenever the plan was adopted."""
    backup = asset.backup
    if backup is None:
        raise NotBackedUp(asset=asset.name)
    found = limit(load_rules(), plan.catalogues, "retention.kept_min", asset.kind)
    return Retention(
        points_days=backup.retention_days,
        floor_days=0 if found is None else int(found.value) // durations.DAY,
        daily_days=backup.daily_days,
        weekly_days=backup.weekly_days,
        monthly_days=backup.monthly_days,
        legal=backup.legal,
    )


@contextmanager
def _desk(state: Path, clock: Clock, plans: Sequence[Path]) -> Iterator[_Desk]:
    with open_book(state, clock) as book:
        yield _Desk(book=book, plan=_plan(book, state, clock, plans), layout=StateLayout(state), clock=clock)


def _plan(book: Book, state: Path, clock: Clock, plans: Sequence[Path]) -> Plan:
    """The plan in force; on a host, which has none, that of a file. Raises NoState, PlanInvalid."""
    if book.facts("plan.adopted", latest=1):
        return adopted.read(state)
    return plan_of_file(plans, state, clock)


def _count(asset: str, confirmed: str) -> int | None:
    """The number that somebody typed after the asset's name, if any. Raises PruneNotConfirmed."""
    name, _, count = confirmed.partition(":")
    if name != asset or (":" in confirmed and not (count.isascii() and count.isdigit())):
        raise PruneNotConfirmed(asset=asset)
    return int(count) if count else None


def _previewed(desk: _Desk, asset: Asset) -> Previewed:
    retention = retention_of(desk.plan, asset)
    failures: list[IntendanceError] = []
    looked: list[Looked] = []
    refused = refusal(desk.plan, desk.book.node)
    try:
        job = _job(desk, asset, None)
    except PruneUnproven as unproven:
        failures.append(unproven)
    else:
        context = PruneContext(places=(), book=desk.book, clock=desk.clock)
        for name in asset.backup.stores if asset.backup else ():
            try:
                place = Place(store=_reader(desk, desk.plan.stores[name]), pruner=None)
                looked.append(prune.look(job, context, place))
            except IntendanceError as error:
                failures.append(error)
    return Previewed(
        asset=asset.name,
        stores=tuple(looked),
        failures=tuple(failures),
        refused=refused,
        retention=retention,
        zone=desk.plan.organisation.timezone,
    )


def _job(desk: _Desk, asset: Asset, confirmed: int | None) -> PruneJob:
    whose = (desk.plan.fleet, desk.plan.node.id)
    drills = tuple(
        fact
        for fact in desk.book.facts("drill.completed", asset=asset.name)
        if (fact.data.fleet, fact.data.node) == whose
    )
    return PruneJob(
        plan=desk.plan,
        asset=asset.name,
        retention=retention_of(desk.plan, asset),
        trusted=_trusted(desk, asset, drills),
        by="self" if desk.is_node else desk.book.node,
        drills=drills,
        confirmed=confirmed,
    )


def _trusted(desk: _Desk, asset: Asset, drills: Sequence[Any]) -> tuple[str, ...]:
    """The keys that sign the node's sets, the present one first. The node's ledger names those that it had before; on a
    host its drills trusted one, and the newest set of that one names the others. Raises PruneUnproven."""
    if desk.is_node:
        (genesis,) = desk.book.facts("genesis", latest=1)
        return tuple(genesis.data.trusted_keys)
    if not drills:
        raise PruneUnproven(here=desk.book.node, node=desk.plan.node.id)
    present = str(max(drills, key=lambda fact: fact.seq).data.node_fingerprint)
    prefix = asset_folder(desk.plan.fleet, desk.plan.node.id, asset.name)
    for name in asset.backup.stores if asset.backup else ():
        try:
            return (present, *former_keys(_reader(desk, desk.plan.stores[name]), prefix, present))
        except IntendanceError:
            continue  # the pruning itself tells what is wrong with that store
    return (present,)


def _context(desk: _Desk, asset: Asset) -> PruneContext:
    stores = [desk.plan.stores[name] for name in (asset.backup.stores if asset.backup else ())]
    ours = [declared for declared in stores if declared.kind in PRUNERS] or stores  # of the others, their kind says no
    places = tuple(Place(store=_reader(desk, declared), pruner=open_prunable(declared)) for declared in ours)
    return PruneContext(places=places, book=desk.book, clock=desk.clock)


def _reader(desk: _Desk, declared: Declared) -> Store:
    """The store to read: a host has the credentials that delete, and none of the node's."""
    if desk.is_node or isinstance(declared, DirectoryStore) or declared.delete_credentials is None:
        return open_store(declared)
    credentials = declared.delete_credentials
    if isinstance(declared, S3Store):
        return open_store(replace(declared, credentials=credentials))
    return open_store(replace(declared, credentials=credentials, user=declared.delete_user or declared.user))
