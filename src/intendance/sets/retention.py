"""Retention: of every set in one store, whether it is kept, and why; marked, or deleted a week later. Pure.

A set is deleted only when all of this holds at once (`docs/retention.md`): no class keeps it, no kept set builds on it,
it is not one of the last two verified ones, a newer set passed a drill, no lock and no work under way holds it, it was
marked a week before, and the ceiling of the run leaves room. Ages are counted in the store's time alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Literal

from intendance.model.frozen import dataclass
from intendance.model.plan import LegalRetention
from intendance.sets.calendar import Period, in_order, representatives

MARKED_FOR = timedelta(days=7)
"""From the mark to the deletion, at least: time for people to see what will go (research on backups, §4.7)."""

CEILING_SHARE = 10
"""A run deletes at most one set of ten, or one (research on backups, §4.7); for more, a person gives the number."""

VERIFIED_KEPT = 2
"""As many verified sets always stay, whatever their age (research on backups, §4.7)."""

FLOOR_MARGIN = timedelta(days=2)
"""What the rules' floor is longer than its days: they count whole local days, and look a day later."""

ATTEMPT_DEAD_AFTER = timedelta(days=8)
"""An attempt without a manifest may be at work until then: no plan gives a backup more than 7 days."""

Act = Literal["keep", "blocked", "mark", "wait", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSet:
    """A set as one store holds it; `stored_at` is the store's time of its manifest, its last object.

    `fault` is empty, or says why it cannot be restored; not `trusted`: its manifest is not the node's. `verified`: all
    bytes of this copy were read again since, and were the right ones. `base` is the set that it builds on.
    """

    set: str
    kind: str
    recovers_to: datetime
    stored_at: datetime
    manifest_sha256: str
    stored_bytes: int = 0
    base: str | None = None
    lock_until: datetime | None = None
    fault: str = ""
    trusted: bool = True
    verified: bool = False

    @property
    def good(self) -> bool:
        """Whether it counts as a backup."""
        return self.trusted and not self.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """For how long sets are kept, in days: every one, the first of each day, of each week, of each month, the legal.

    `floor_days` is what the rules demand of the first of each day, whatever a plan says.
    """

    points_days: int
    floor_days: int = 0
    daily_days: int = 0
    weekly_days: int = 0
    monthly_days: int = 0
    legal: LegalRetention | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """That a set may go a week later; `marked_at` is the store's time. It is the mark of these bytes and no others."""

    set: str
    manifest_sha256: str
    marked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that decides over the sets of an asset in one store; `now` is the store's time.

    `drilled` are sets that passed a drill; `holds` those that somebody is at work on, with who; `deleted_lately` how
    many went in the last day; `allowed` what a person allows to be deleted, in place of the ceiling.
    """

    sets: Sequence[StoredSet]
    retention: Retention
    now: datetime
    zone: str
    drilled: Collection[str] = frozenset()
    marks: Mapping[str, Mark] = field(default_factory=dict)
    holds: Mapping[str, str] = field(default_factory=dict)
    deleted_lately: int = 0
    allowed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One reason: a code, until when it holds, the other set that it is about, a person's words."""

    code: str
    until: datetime | None = None
    set: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of one set, all the reasons for it (the weightiest first), and its mark's time where one stands."""

    stored: StoredSet
    act: Act
    why: tuple[Why, ...]
    marked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPlan:
    """A decision for every set, the oldest first. `due` is how many may go now, were there no ceiling; `lifted` are
    marks that no longer hold."""

    decisions: tuple[Decision, ...]
    ceiling: int
    due: int
    lifted: tuple[str, ...]

    def sets(self, act: Act) -> tuple[StoredSet, ...]:
        """The sets of one act; those to delete in an order that never leaves a differential without its base."""
        found = [each.stored for each in self.decisions if each.act == act]
        return tuple(sorted(found, key=_dependants_first))


def plan(view: View) -> RetentionPlan:
    """The decision for every set. Raises ZoneInfoNotFoundError."""
    sets = sorted(view.sets, key=in_order)
    kept = reasons(view)
    candidates = [each for each in sets if each.set not in kept]
    due, waiting = _due(view, candidates)
    ceiling = _ceiling(view)
    chosen = _chosen(sets, due, ceiling)
    decisions = [_decision(view, each, kept, waiting, {s.set for s in due}, chosen) for each in sets]
    lifted = [
        each.stored.set for each in decisions if each.act in ("keep", "blocked") and each.stored.set in view.marks
    ]
    return RetentionPlan(
        decisions=tuple(decisions),
        ceiling=ceiling,
        due=len(_chosen(sets, due, len(due))),
        lifted=tuple(name for name in lifted if name not in {s.set for s in due}),
    )


def reasons(view: View) -> Mapping[str, tuple[Why, ...]]:
    """Why sets are kept, by set; a set that is not among them may go. Nothing here depends on marks or the ceiling."""
    found: dict[str, list[Why]] = {}
    for each, why in (*_in_hand(view), *_by_class(view), *_safety(view)):
        found.setdefault(each.set, []).append(why)
    drilled = _drilled(view)
    for each in view.sets:
        if each.set not in found and not any(_newer(other, each) for other in drilled):
            found[each.set] = [Why(code="not_drilled")]
    bases = {each.set for each in view.sets}
    grown = True
    while grown:  # a base may build on another
        grown = False
        for each in sorted(view.sets, key=in_order, reverse=True):
            if each.base in bases and each.set in found and not _is_base(found, each.base):
                found.setdefault(each.base, []).append(Why(code="base", set=each.set))
                grown = True
    return {name: tuple(whys) for name, whys in found.items()}


def _is_base(found: Mapping[str, Sequence[Why]], name: str) -> bool:
    return any(why.code == "base" for why in found.get(name, ()))


def _in_hand(view: View) -> Iterator[tuple[StoredSet, Why]]:
    """What somebody is at work on, or must look at first."""
    for each in view.sets:
        if each.set in view.holds:
            yield each, Why(code="held", detail=view.holds[each.set])
        if not each.trusted:
            yield each, Why(code="untrusted", detail=each.fault)


def _by_class(view: View) -> Iterator[tuple[StoredSet, Why]]:
    """What the plan and the rules keep by age."""
    keep = view.retention
    for each in view.sets:
        yield from _while_young(view, each, "points", timedelta(days=keep.points_days))
    good = [each for each in view.sets if each.good]
    floor = timedelta(days=keep.floor_days) + FLOOR_MARGIN if keep.floor_days else timedelta()
    lengths: Sequence[tuple[str, Period, timedelta]] = (
        ("floor", "day", floor),
        ("daily", "day", timedelta(days=keep.daily_days)),
        ("weekly", "week", timedelta(days=keep.weekly_days)),
        ("monthly", "month", timedelta(days=keep.monthly_days)),
    )
    for code, period, length in lengths:
        if length:
            for each in representatives(good, period, view.zone):
                yield from _while_young(view, each, code, length)
    if keep.legal is not None:
        for each in legal_copies(good, keep.legal, view.drilled, view.zone):
            yield from _while_young(view, each, "legal", timedelta(days=keep.legal.keep_days))


def legal_copies(
    good: Iterable[StoredSet], legal: LegalRetention, drilled: Collection[str], zone: str
) -> tuple[StoredSet, ...]:
    """Of whole sets: the first of each year or month, and the first that passed a drill, by the zone's calendar and
    by UTC's, in which rules count years. Raises ZoneInfoNotFoundError."""
    period: Period = "year" if legal.select == "yearly" else "month"
    those = [each for each in good if each.kind == legal.kind]
    tried = [each for each in those if each.set in drilled]
    found = [
        first for some in (those, tried) for place in (zone, "UTC") for first in representatives(some, period, place)
    ]
    return tuple({each.set: each for each in found}.values())


def _while_young(view: View, each: StoredSet, code: str, length: timedelta) -> Iterator[tuple[StoredSet, Why]]:
    until = each.stored_at + length
    if view.now < until:
        yield each, Why(code=code, until=until)


def _safety(view: View) -> Iterator[tuple[StoredSet, Why]]:
    """The last two verified sets, of all and of each kind that stands by itself; all, where there are no two."""
    verified = sorted((each for each in view.sets if each.good and each.verified), key=in_order)
    if len(verified) < VERIFIED_KEPT:
        yield from ((each, Why(code="few_verified")) for each in view.sets)
        return
    kinds = [[each for each in verified if each.kind == kind and each.base is None] for kind in _kinds(verified)]
    last = {each.set: each for group in (verified, *kinds) for each in group[-VERIFIED_KEPT:]}
    for each in last.values():
        yield each, Why(code="last_verified")


def _kinds(sets: Iterable[StoredSet]) -> tuple[str, ...]:
    return tuple(Counter(each.kind for each in sets))


def _drilled(view: View) -> list[StoredSet]:
    """Good sets of this store that passed a drill."""
    return [each for each in view.sets if each.good and each.set in view.drilled]


def _newer(other: StoredSet, each: StoredSet) -> bool:
    """By the store's time and by their own."""
    return other.stored_at > each.stored_at and other.recovers_to > each.recovers_to


def _due(view: View, candidates: Sequence[StoredSet]) -> tuple[list[StoredSet], dict[str, Why]]:
    """Candidates that were marked long enough ago, and why the others must wait (`mark`: they have no mark yet)."""
    due: list[StoredSet] = []
    waiting: dict[str, Why] = {}
    for each in candidates:
        mark = view.marks.get(each.set)
        if each.lock_until is not None and view.now < each.lock_until:
            waiting[each.set] = Why(code="locked", until=each.lock_until)
        elif mark is None or mark.manifest_sha256 != each.manifest_sha256 or mark.marked_at > view.now:
            waiting[each.set] = Why(code="mark", until=view.now + MARKED_FOR)
        elif view.now < mark.marked_at + MARKED_FOR:
            waiting[each.set] = Why(code="marked", until=mark.marked_at + MARKED_FOR)
        else:
            due.append(each)
    return due, waiting


def _ceiling(view: View) -> int:
    if view.allowed is not None:
        return view.allowed
    before = len(view.sets) + view.deleted_lately
    return max(0, max(1, before // CEILING_SHARE) - view.deleted_lately)


def _chosen(sets: Sequence[StoredSet], due: Sequence[StoredSet], ceiling: int) -> set[str]:
    """Those that go now, the oldest first; a base only when every set that builds on it goes as well."""
    builders: dict[str, set[str]] = {}
    for each in sets:
        if each.base is not None:
            builders.setdefault(each.base, set()).add(each.set)
    age = {each.set: in_order(each) for each in sets}
    chosen: set[str] = set()
    # With its base's age, the differential comes before it and after all that is older.
    for each in sorted(due, key=lambda one: (age.get(one.base or one.set, in_order(one)), one.base is None, one.set)):
        if len(chosen) < ceiling and builders.get(each.set, set()) <= chosen:
            chosen.add(each.set)
    return chosen


def _decision(
    view: View,
    each: StoredSet,
    kept: Mapping[str, tuple[Why, ...]],
    waiting: Mapping[str, Why],
    due: Collection[str],
    chosen: Collection[str],
) -> Decision:
    mark = view.marks.get(each.set)
    at = mark.marked_at if mark is not None and mark.manifest_sha256 == each.manifest_sha256 else None
    if each.set in kept:
        return Decision(stored=each, act="keep", why=kept[each.set], marked_at=at)
    if each.set in waiting:
        why = waiting[each.set]
        act: Act = {"locked": "blocked", "mark": "mark", "marked": "wait"}[why.code]  # type: ignore[assignment]
        return Decision(stored=each, act=act, why=(why,), marked_at=at)
    if each.set in chosen:
        return Decision(stored=each, act="delete", why=(Why(code="expired", set=_proof(view, each)),), marked_at=at)
    stays = next((other.set for other in view.sets if other.base == each.set and other.set not in chosen), None)
    code = Why(code="ceiling") if stays is None or stays in due else Why(code="builds_on", set=stays)
    return Decision(stored=each, act="blocked", why=(code,), marked_at=at)


def _proof(view: View, each: StoredSet) -> str | None:
    """The newest drilled set, by which an older one may go."""
    newer = [other for other in _drilled(view) if _newer(other, each)]
    return max(newer, key=in_order).set if newer else None


def _dependants_first(each: StoredSet) -> tuple[bool, datetime, str]:
    return (each.base is None, each.stored_at, each.set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A folder without a manifest: `newest_at` is the store's time of the last thing that was put there."""

    set: str
    newest_at: datetime
    stored_bytes: int
    objects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptDecision:
    """What becomes of an attempt that never became a set."""

    attempt: Attempt
    act: Act
    why: Why


def plan_attempts(
    attempts: Iterable[Attempt],
    *,
    now: datetime,
    marks: Mapping[str, Mark],
    recorded: Collection[str],
    begun: Collection[str],
    holds: Collection[str] = (),
) -> tuple[AttemptDecision, ...]:
    """The decision for every attempt. `recorded` are sets that the ledger knows as complete: one without its manifest
    is a damaged set, which a person must look at. What a pruning of ours has `begun` to delete is finished."""
    found = []
    for each in sorted(attempts, key=lambda one: (one.newest_at, one.set)):
        act, why = _attempt(each, now, marks.get(each.set), recorded, begun, holds)
        found.append(AttemptDecision(attempt=each, act=act, why=why))
    return tuple(found)


def _attempt(
    each: Attempt,
    now: datetime,
    mark: Mark | None,
    recorded: Collection[str],
    begun: Collection[str],
    holds: Collection[str],
) -> tuple[Act, Why]:
    if each.set in begun:
        return "delete", Why(code="begun")
    if each.set in recorded:
        return "keep", Why(code="recorded")
    if each.set in holds:
        return "keep", Why(code="held")
    dead_at = each.newest_at + ATTEMPT_DEAD_AFTER
    if now < dead_at:
        return "keep", Why(code="at_work", until=dead_at)
    if mark is None or mark.manifest_sha256 or mark.marked_at > now:
        return "mark", Why(code="mark", until=now + MARKED_FOR)
    if now < mark.marked_at + MARKED_FOR:
        return "wait", Why(code="marked", until=mark.marked_at + MARKED_FOR)
    return "delete", Why(code="incomplete")
