"""What a rule is judged for: an asset of the plan in force with its evidence, put in order. Pure.

A record's number orders it and its clock only dates it, so dates are read with suspicion: no record is later than one
that follows it in the same log, and what is dated in the future is set aside and named.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import field, replace
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar, cast
from zoneinfo import ZoneInfo

from intendance.model.evidence.attested import StoreAttested
from intendance.model.evidence.backup import BackupCompleted, BackupFailed
from intendance.model.evidence.drill import DrillCompleted, DrillFailed
from intendance.model.evidence.guide import RestoreGuided
from intendance.model.evidence.inspection import InspectionCompleted, InspectionFailed
from intendance.model.evidence.keys import KeyProven
from intendance.model.evidence.lifecycle import AssetDeclared, PlanAdopted
from intendance.model.evidence.prune import PruneBegun, PruneCompleted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Fact

SKEW = timedelta(minutes=2)
"""How far a clock may have been ahead of the judge's before its evidence counts as coming from the future."""

DATABASES = frozenset({"mariadb", "postgresql", "sqlite"})

LIFECYCLE = frozenset({"plan.adopted", "asset.declared", "waiver.revoked"})
"""Kinds that are in force from their place in the log on, whatever the clock said."""

CONCERNS_ONE = frozenset(
    {
        "asset.declared",
        "backup.completed",
        "backup.failed",
        "inspection.completed",
        "inspection.failed",
        "drill.completed",
        "drill.failed",
        "prune.begun",
        "prune.completed",
        "restore.guided",
    }
)
CONCERNS_ALL = frozenset({"plan.adopted", "key.proven", "ledger.imported", "store.attested"})
"""The kinds that a subject is made of: about an asset, and about all of them. What another ledger brings may be about
any."""

Inspection = Fact[InspectionCompleted]
in_order = attrgetter("at", "node", "seq")
"""The key that sorts facts of several logs, the oldest first."""

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts given, by kind, oldest first. `ahead` are those dated in the future: no verdict rests on them.

    `as_recorded`: every fact is dated as its record is, in the past. `logs` are those that they stand in.
    """

    by_kind: Mapping[str, tuple[Fact[Any], ...]]
    by_asset: Mapping[tuple[str, str], tuple[Fact[Any], ...]]
    ahead: tuple[Fact[Any], ...]
    as_recorded: bool = False
    logs: frozenset[str] = frozenset()

    def of(self, kind: str, asset: str | None = None) -> tuple[Fact[Any], ...]:
        """The facts of a kind, about one asset when it is named."""
        return self.by_kind.get(kind, ()) if asset is None else self.by_asset.get((kind, asset), ())

    def own(self, node: str, kind: str, asset: str | None = None) -> tuple[Fact[Any], ...]:
        """Those of them that stand in one node's log."""
        found = self.of(kind, asset)
        return found if not found or self.logs == {node} else tuple([fact for fact in found if fact.node == node])


class Notes:
    """What was worked out of one subject, for the checks after the one that did. They make no difference between
    subjects.

    They know their subject only by standing in it: whoever knew each other would stay until the collector comes, with
    all evidence that they hold. `alike` is what does not depend on the subject, by all that it was worked out of: those
    judged together share it.
    """

    __slots__ = ("alike", "found")

    def __init__(self, alike: dict[Hashable, Any] | None = None) -> None:
        self.alike: dict[Hashable, Any] = {} if alike is None else alike
        self.found: dict[Hashable, object] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Notes)

    def __hash__(self) -> int:
        return hash(Notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An asset of the plan in force and the evidence about it, oldest first."""

    node: str
    asset: str
    plans: tuple[Fact[PlanAdopted], ...]
    declared: Fact[AssetDeclared]
    completed: tuple[Fact[BackupCompleted], ...]
    failed: tuple[Fact[BackupFailed], ...]
    inspections: tuple[Inspection, ...]
    inspections_failed: tuple[Fact[InspectionFailed], ...]
    proofs: tuple[Fact[KeyProven], ...] = ()
    drills: tuple[Fact[DrillCompleted], ...] = ()
    drills_failed: tuple[Fact[DrillFailed], ...] = ()
    prunings: tuple[Fact[PruneBegun | PruneCompleted], ...] = ()
    words: tuple[Fact[StoreAttested], ...] = ()
    guided: tuple[Fact[RestoreGuided], ...] = ()
    notes: Notes = field(default_factory=Notes)

    def __post_init__(self) -> None:
        """A copy with other evidence starts anew: notes are never those of another subject."""
        object.__setattr__(self, "notes", Notes(self.notes.alike))

    def once(self, work: Callable[Concatenate[Subject, P], T], *given: P.args, **named: P.kwargs) -> T:
        """What a pure function makes of this subject, worked out when first asked for. Nobody changes what it gave."""
        found = self.notes.found
        key = (work, *given, *named.items())
        if key not in found:
            found[key] = work(self, *given, **named)
        return cast(T, found[key])

    @property
    def plan(self) -> Fact[PlanAdopted]:
        """The plan in force."""
        return self.plans[-1]

    @property
    def first_declared(self) -> datetime:
        """When the asset was first declared under its identity."""
        return datetime.fromisoformat(self.declared.data.first_declared_at)

    @property
    def is_database(self) -> bool:
        return self.declared.data.engine in DATABASES

    def by_others(self) -> Subject:
        """The same subject with only the inspections and drills that stand in somebody else's log and were made by
        them."""
        return replace(
            self,
            inspections=tuple(each for each in self.inspections if attestor(self.node, each) is not Attestor.SELF),
            inspections_failed=(),
            drills=tuple(each for each in self.drills if attestor(self.node, each) is not Attestor.SELF),
            drills_failed=tuple(each for each in self.drills_failed if attestor(self.node, each) is not Attestor.SELF),
        )


def attestor(node: str, inspection: Fact[Any]) -> Attestor:
    """Whose word an inspection or a drill is: what stands in the node's own log is its own word, whatever it says."""
    if inspection.node == node or inspection.data.by == "self":
        return Attestor.SELF
    return Attestor.MANAGER if inspection.data.by == "manager" else Attestor.DRILL_HOST


def arrange(facts: Iterable[Fact[Any]], now: datetime) -> Facts:
    """Facts in the order of their logs, each dated no later than what follows it there, the future set aside."""
    logs: dict[str, dict[int, Fact[Any]]] = defaultdict(dict)
    for fact in facts:
        logs[fact.node][fact.seq] = fact
    kept: list[Fact[Any]] = []
    ahead: list[Fact[Any]] = []
    as_recorded, latest = True, now + SKEW
    for log in logs.values():
        limit: datetime | None = None
        for seq in sorted(log, reverse=True):
            fact = log[seq]
            at = fact.at
            if limit is None or at < limit:
                limit = at
            if limit > latest:
                ahead.append(_dated(fact, limit))
                if fact.kind not in LIFECYCLE:
                    continue
            dated = limit if limit < now else now
            if dated == at:
                kept.append(fact)
            else:
                kept.append(_dated(fact, dated))
                as_recorded = False
    kept.reverse()  # what is left of one log is in order then
    if len(logs) > 1:
        kept.sort(key=in_order)
    return Facts(*_by_kind_and_asset(kept), tuple(ahead), as_recorded and not ahead, frozenset(logs))


def _by_kind_and_asset(
    kept: Iterable[Fact[Any]],
) -> tuple[Mapping[str, tuple[Fact[Any], ...]], Mapping[tuple[str, str], tuple[Fact[Any], ...]]]:
    by_kind: dict[str, list[Fact[Any]]] = defaultdict(list)
    by_asset: dict[tuple[str, str], list[Fact[Any]]] = defaultdict(list)
    for fact in kept:
        kind, asset = fact.kind, fact.asset
        by_kind[kind].append(fact)
        if asset is not None:
            by_asset[kind, asset].append(fact)
    kinds = {kind: tuple(each) for kind, each in by_kind.items()}
    return kinds, {key: tuple(each) for key, each in by_asset.items()}


def _dated(fact: Fact[Any], at: datetime) -> Fact[Any]:
    return Fact(node=fact.node, seq=fact.seq, at=at, kind=fact.kind, asset=fact.asset, actor=fact.actor, data=fact.data)


@dataclass(frozen=True, slots=True)
class Views:
    """Inspections by store, oldest first, beside their instants: any moment's view of the stores is found quickly."""

    by_store: Mapping[str, tuple[list[datetime], list[Inspection]]]

    @classmethod
    def of(cls, inspections: Iterable[Inspection]) -> Views:
        """Of inspections that are oldest first."""
        by_store: dict[str, tuple[list[datetime], list[Inspection]]] = {}
        for each in inspections:
            instants, looks = by_store.setdefault(each.data.store, ([], []))
            instants.append(each.at)
            looks.append(each)
        return cls(by_store)

    def at(self, moment: datetime) -> dict[str, Inspection]:
        """What was last seen of each store at a moment."""
        found = {}
        for store, (instants, looks) in self.by_store.items():
            count = bisect_right(instants, moment)
            if count:
                found[store] = looks[count - 1]
        return found


def histories(inspections: Iterable[Inspection]) -> list[tuple[Inspection, Mapping[str, Inspection]]]:
    """Inspections that are oldest first, each with what was last seen of each store at its moment."""
    found: list[tuple[Inspection, Mapping[str, Inspection]]] = []
    views: dict[str, Inspection] = {}
    moment: datetime | None = None
    for each in inspections:
        if each.at != moment:  # those of one moment share what all of them saw
            moment, views = each.at, views.copy()
        views[each.data.store] = each
        found.append((each, views))
    return found


def told(subject: Subject) -> list[tuple[Inspection, Mapping[str, Inspection]]]:
    """The histories of a subject's inspections."""
    return histories(subject.inspections)


def instants(subject: Subject) -> Mapping[int, datetime | None]:
    """The instant that each completed set recovers to, by the number of its record, as `recovered` has it."""
    return {fact.seq: recovered(fact.data.recovers_to, fact.at) for fact in subject.completed}


def made_days(subject: Subject, zone: str) -> Mapping[int, str | None]:
    """The same instants as calendar days in a zone (YYYY-MM-DD). Raises ZoneInfoNotFoundError."""
    place = ZoneInfo(zone)
    return {
        seq: None if at is None else at.astimezone(place).date().isoformat()
        for seq, at in subject.once(instants).items()
    }


class Listing(NamedTuple):
    """The names of the newest sets that an inspection lists, and whether it does so without a fault or a name twice."""

    names: frozenset[str]
    plain: bool


def listings(subject: Subject) -> Mapping[tuple[str, int], Listing]:
    """What each inspection lists, by its record."""
    found = {}
    for each in subject.inspections:
        newest = each.data.newest
        names = frozenset([seen.set for seen in newest])
        plain = len(names) == len(newest) and not "".join([seen.fault for seen in newest])
        found[each.node, each.seq] = Listing(names, plain)
    return found


def day_sets(subject: Subject) -> Mapping[tuple[str, int], frozenset[str]]:
    """The days that each inspection lists, by its record: one set for all that list the same, as most of a node do."""
    alike, found = subject.notes.alike, {}
    for each in subject.inspections:
        days = alike.get(each.data.days)
        if days is None:
            days = alike[each.data.days] = frozenset(each.data.days)
        found[each.node, each.seq] = days
    return found


def recovered(text: str, recorded_at: datetime) -> datetime | None:
    """The instant a set recovers to, or None when the record that says so is older than it: that clock was wrong."""
    at = datetime.fromisoformat(text)
    return at if at <= recorded_at + SKEW else None


def local_day(at: datetime, zone: str) -> date:
    """The calendar day in a zone. Raises ZoneInfoNotFoundError."""
    return at.astimezone(ZoneInfo(zone)).date()
