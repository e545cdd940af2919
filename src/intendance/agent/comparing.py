"""What a plan would change of the one in force: asked before anything is applied, and when it is adopted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from intendance.agent.opening import open_book
from intendance.catalogue.load import load as load_rules
from intendance.ledger.book import Book
from intendance.ledger.canonical import clean
from intendance.model.errors.plan import FleetImmutable, PlanAltered, PlanOfOtherVersion
from intendance.model.errors.state import NoState
from intendance.model.evidence.lifecycle import AssetDeclared, PlanAdopted
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.model.verdict import Fact
from intendance.plan import adopted
from intendance.plan.change import Change
from intendance.plan.diff import changes, recorded_changes
from intendance.plan.identity import identity
from intendance.plan.lasting import lock_changes
from intendance.plan.load import Checked
from intendance.system.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The plan in force as the ledger tells it: its adoption and what it declared, by the assets' names."""

    adoption: Fact[PlanAdopted]
    declared: Mapping[str, AssetDeclared]

    @property
    def identities(self) -> Mapping[str, str]:
        """What each asset is on the machine, by its name."""
        return {name: asset.identity for name, asset in self.declared.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlived:
    """Recovery points of an asset that a plan would keep no longer: those made before `before` (UTC)."""

    asset: str
    points: int
    stored_bytes: int
    before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A plan beside the one in force. `seq` is the latter's record, None where no plan was ever adopted."""

    plan: Plan
    seq: int | None
    same: bool
    changes: tuple[Change, ...]
    outlived: tuple[Outlived, ...]

    @property
    def to_confirm(self) -> tuple[str, ...]:
        """The names that adopting it takes."""
        return tuple(sorted({change.name for change in self.changes if change.severe}))


def compare(checked: Checked, *, state: Path, clock: Clock, node: str | None = None) -> Comparison:
    """The plan that was read, beside the one in force; nothing is changed.

    Raises PlanInvalid, NodeUnnamed, NodeUnknown, FleetImmutable, StateUnusable, LedgerLost.
    """
    plan = checked.valid(node)
    first = changes_from(None, plan, state, None)
    nothing = Comparison(plan=plan, seq=None, same=False, changes=first, outlived=())
    try:
        book = open_book(state, clock)
    except NoState:
        return nothing
    with book:
        expect_same_node(book, plan, state)
        former = in_force(book)
        if former is None:
            return nothing
        found = changes_from(former, plan, state, book)
        return Comparison(
            plan=plan,
            seq=former.adoption.seq,
            same=not found and former.adoption.data.source_sha256 == checked.source_sha256,
            changes=found,
            outlived=tuple(_outlived(book, former, plan, found, clock.read().at)),
        )


def in_force(book: Book) -> InForce | None:
    """The latest adoption with what it declared; None where no plan was ever adopted."""
    latest = book.facts("plan.adopted", latest=1)
    if not latest:
        return None
    (adoption,) = latest
    names = len(adoption.data.assets)
    declared = {
        fact.asset: fact.data
        for fact in book.facts("asset.declared", latest=names)
        if fact.asset is not None and fact.seq > adoption.seq
    }
    return InForce(adoption=adoption, declared=declared)


def expect_same_node(book: Book, plan: Plan, state: Path) -> None:
    """Raises FleetImmutable when the ledger is another node's."""
    fleet, _, node = book.origin.split("/")[:3]
    for option, written, recorded in (("fleet", plan.fleet, fleet), ("node", plan.node.id, node)):
        if written != recorded:
            raise FleetImmutable(option=option, written=written, recorded=recorded, state=state)


def changes_from(former: InForce | None, plan: Plan, state: Path, book: Book | None) -> tuple[Change, ...]:
    """What the plan changes; from the ledger alone when the former plan's files are lost, altered or too new.

    Of a first plan (`former` is None; `book` too where no ledger is) only what cannot be undone.
    """
    identities = {name: clean(identity(asset)) for name, asset in plan.assets.items()}
    last = _last_bytes(book, former, plan, identities) if book is not None else {}
    if former is None:
        return tuple(lock_changes(None, plan, {}, identities, last))
    try:
        before = adopted.read(state, repair=False)
    except (PlanAltered, PlanOfOtherVersion):
        recorded = recorded_changes(former.adoption.data, former.declared, plan, identities)
        return (*recorded, *lock_changes(None, plan, {}, identities, last))
    found = changes(before, plan, former.identities, identities, load_rules())
    return (*found, *lock_changes(before, plan, former.identities, identities, last))


def _last_bytes(book: Book, former: InForce | None, plan: Plan, identities: Mapping[str, str]) -> Mapping[str, int]:
    """What the newest set of each asset's legal kind takes, by the asset's name in the new plan."""
    names = {known: name for name, known in former.identities.items()} if former is not None else {}
    found: dict[str, int] = {}
    for name, asset in plan.assets.items():
        if asset.backup is None or asset.backup.legal is None:
            continue
        kind, known_as = asset.backup.legal.kind, names.get(identities[name], name)
        made = (fact.data for fact in book.facts("backup.completed", asset=known_as))
        newest = next((each for each in made if each.kind == kind), None)
        if newest is not None:
            found[name] = newest.stored_bytes
    return found


def _outlived(book: Book, former: InForce, plan: Plan, found: tuple[Change, ...], now: datetime) -> Iterator[Outlived]:
    """Points that are old enough to fall under a retention that becomes shorter."""
    shorter = {change.name for change in found if change.code == "retention-shorter"}
    names = {known: name for name, known in former.identities.items()}
    for name in sorted(shorter):
        asset = plan.assets[name]
        if asset.backup is None:
            continue
        before = now - timedelta(days=asset.backup.retention_days)
        known_as = names.get(clean(identity(asset)), name)
        sizes = {
            fact.data.set: fact.data.stored_bytes
            for fact in book.facts("backup.completed", asset=known_as)
            if datetime.fromisoformat(fact.data.completed_at) < before
        }
        yield Outlived(asset=name, points=len(sizes), stored_bytes=sum(sizes.values()), before=before)
