"""Inspections by another machine than the node: a host of the plan, its file, read credentials, a ledger of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from intendance.activities.inspect import perform as inspection
from intendance.activities.inspect.turns import Standing, standing
from intendance.agent.asked import RecordedSteps, backed_up, plan_of_file
from intendance.agent.hosts import (
    name_here,
    own_book,
    pinned_key,
    signer,
    trusted_key,
    written_fingerprint,
)
from intendance.agent.layout import StateLayout
from intendance.agent.opening import open_book
from intendance.agent.stopping import Stop, Stopper
from intendance.catalogue.load import load as load_rules
from intendance.ledger.book import Book
from intendance.model.errors import IntendanceError
from intendance.model.errors.elsewhere import HostNotNamed, InspectionCancelled, NodeInspectsItself
from intendance.model.errors.state import NoState
from intendance.model.evidence.drill import Trust
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, DirectoryStore, Plan
from intendance.model.plan import Store as Declared
from intendance.plan.bounds.limits import limit
from intendance.runs import Progress
from intendance.runs.progress import Pace, Reading
from intendance.runs.rows import DEADLINE_SECONDS
from intendance.sets.fetch import asset_folder
from intendance.sets.lineage import former_keys
from intendance.stores import Store, open_store
from intendance.stores.directory import MARK
from intendance.system import lock
from intendance.system.clock import Clock

_AGES = ("backup.age_max", "database.set_age_max", "files.set_age_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedElsewhere:
    """What somebody typed: `host` is what this machine is called when its ledger begins, `node` whose backups are meant
    where the plan has several, `fingerprint` the key of that node."""

    asset: str | None = None
    deep: bool = False
    host: str | None = None
    node: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedInto:
    """A look into one store: what was seen with its record, or why nothing was; not `here`: a folder of the node."""

    asset: str
    store: str
    seen: InspectionCompleted | None
    seq: int | None
    standing: Standing | None
    error: IntendanceError | None = None
    here: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """All looks of one inspection from elsewhere, in the ledger of `host`; `fingerprint` is the node's key that counts,
    and `trust` why."""

    host: str
    fleet: str
    node: str
    fingerprint: str
    trust: Trust
    zone: str
    looks: tuple[LookedInto, ...]


def is_host(state: Path, clock: Clock) -> bool:
    """Whether this state folder is that of a machine beside the nodes: a ledger in which no plan was ever adopted."""
    try:
        with open_book(state, clock) as book:
            return not book.facts("plan.adopted", latest=1)
    except NoState:
        return False


def inspect(
    state: Path, clock: Clock, plans: Sequence[Path], asked: AskedElsewhere, moved: Callable[[Reading], None]
) -> Looked:
    """Look into the stores of one asset of a plan's file, or of all, and record what was seen in this host's ledger.

    Raises NoState, PlanInvalid, HostNotNamed, NodeInspectsItself, AssetUnknown, NotBackedUp, LockHeld,
    InspectionCancelled, StateUnwritable. A store that cannot be read is one of the looks.
    """
    plan = plan_of_file(plans, state, clock, asked.node)
    assets = backed_up(plan, asked.asset)
    _expect_host(plan, name_here(state, clock, asked.host))  # before a ledger begins under a name that is none
    with own_book(state, clock, plan.fleet, asked.host) as book:
        book.expect_writable()
        wanted = {name: plan.stores[name] for each in assets for name in _stores(each)}
        stores = {name: open_store(declared) for name, declared in wanted.items() if _is_here(declared)}
        fingerprint, trust = _key(book, plan, assets, stores, asked)
        looks: list[LookedInto] = []
        for asset in assets:
            with lock.held(StateLayout(state).asset_lock(asset.name), purpose=f"Inspecting {asset.name}"):
                context = inspection.InspectContext(
                    stores=tuple(stores[name] for name in _stores(asset) if name in stores),
                    book=book,
                    clock=clock,
                    by=book.node,
                    fingerprint=fingerprint,
                    trust=trust,
                    former_keys=_former(plan, asset, stores, fingerprint),
                )
                looks += _look(plan, asset, context, book, moved, deep=asked.deep)
        return Looked(
            host=book.node,
            fleet=plan.fleet,
            node=plan.node.id,
            fingerprint=fingerprint,
            trust=trust,
            zone=plan.organisation.timezone,
            looks=tuple(looks),
        )


def _stores(asset: Asset) -> tuple[str, ...]:
    return asset.backup.stores if asset.backup is not None else ()


def _expect_host(plan: Plan, here: str) -> None:
    """That the plan names this machine as one beside its node. Raises NodeInspectsItself, HostNotNamed."""
    if here == plan.node.id:
        raise NodeInspectsItself(node=here)
    if here not in plan.hosts:
        raise HostNotNamed(host=here, known=", ".join(plan.hosts) or "—")


def _is_here(declared: Declared) -> bool:
    """Whether a store can be meant on this machine: a folder without the mark is one of the node's own disk."""
    return not isinstance(declared, DirectoryStore) or (Path(declared.path) / MARK).exists()


def _key(
    book: Book, plan: Plan, assets: Sequence[Asset], stores: dict[str, Store], asked: AskedElsewhere
) -> tuple[str, Trust]:
    """The key of the node whose signatures count; empty while nothing signed lies anywhere."""
    given = written_fingerprint(asked.fingerprint)
    pinned = pinned_key(book, (plan.fleet, plan.node.id))
    found = "" if given or pinned else _found(plan, assets, stores)
    return trusted_key(given, pinned, found)


def _found(plan: Plan, assets: Sequence[Asset], stores: dict[str, Store]) -> str:
    for asset in assets:
        for name in (each for each in _stores(asset) if each in stores):
            try:
                _, key = signer(stores[name], asset_folder(plan.fleet, plan.node.id, asset.name))
            except IntendanceError:
                continue  # the look itself will tell what is wrong with that store
            if key:
                return key
    return ""


def _former(plan: Plan, asset: Asset, stores: dict[str, Store], fingerprint: str) -> tuple[str, ...]:
    """The keys that the node had before this one, as the first store that answers has it."""
    for name in (each for each in _stores(asset) if each in stores):
        try:
            return former_keys(stores[name], asset_folder(plan.fleet, plan.node.id, asset.name), fingerprint)
        except IntendanceError:
            continue  # as above
    return ()


def _look(
    plan: Plan,
    asset: Asset,
    context: inspection.InspectContext,
    book: Book,
    moved: Callable[[Reading], None],
    *,
    deep: bool,
) -> list[LookedInto]:
    stopper, pace = Stopper(), Pace(1)
    steps = RecordedSteps(book, stopper, asset.name, "inspect", context.clock)
    failure: IntendanceError | None = None

    def progress(seen: Progress) -> None:
        reading = pace.reading(seen)
        if reading is not None:
            moved(reading)

    try:
        stopper.arm(DEADLINE_SECONDS)
        inspection.perform(inspection.InspectJob(plan=plan, asset=asset.name, deep=deep), context, steps, progress)
        stopper.disarm()
    except Stop:
        raise InspectionCancelled(asset=asset.name) from None
    except IntendanceError as error:
        failure = error
        if not steps.records:
            raise
    finally:
        stopper.disarm()
    return _looks(plan, asset, context, {record.seq for record in steps.records}, failure)


def _looks(
    plan: Plan,
    asset: Asset,
    context: inspection.InspectContext,
    recorded: Collection[int],
    failure: IntendanceError | None,
) -> list[LookedInto]:
    """One look for each store of the plan, in its order."""
    bound = _bound(plan, asset)
    scheduled = any(asset.backup.kinds.values()) if asset.backup is not None else False
    now = context.clock.read().at
    asked = {store.name for store in context.stores}
    seen = {
        fact.data.store: fact
        for fact in context.book.facts("inspection.completed", asset=asset.name)
        if fact.seq in recorded
    }
    looks = []
    for name in _stores(asset):
        fact = seen.get(name)
        if fact is None:
            why = failure if name in asked else None
            looks.append(_nothing(asset.name, name, why, here=name in asked))
        else:
            means = standing(fact.data, scheduled=scheduled, bound_seconds=bound, now=now)
            looks.append(LookedInto(asset=asset.name, store=name, seen=fact.data, seq=fact.seq, standing=means))
    return looks


def _nothing(asset: str, store: str, error: IntendanceError | None, *, here: bool) -> LookedInto:
    return LookedInto(asset=asset, store=store, seen=None, seq=None, standing=None, error=error, here=here)


def _bound(plan: Plan, asset: Asset) -> int | None:
    """How old the newest set of an asset may be, in seconds: by the strictest rule of the plan's catalogues."""
    rulebook = load_rules()
    kinds = _AGES[:1] + (_AGES[2:] if asset.kind == "files" else _AGES[1:2])
    found = [limit(rulebook, plan.catalogues, quantity, asset.kind) for quantity in kinds]
    return min((int(each.value) for each in found if each is not None), default=None)
