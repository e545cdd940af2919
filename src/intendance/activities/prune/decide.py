"""From what a ledger and a store say to a retention plan, and from its decisions to evidence. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from intendance.model.evidence.drill import DrillCompleted
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.evidence.prune import PruneBegun, PruneCompleted, PruneMarked, SetMarked, SetPruned
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact
from intendance.sets.retention import (
    Attempt,
    AttemptDecision,
    Mark,
    RetentionPlan,
    StoredSet,
    View,
    plan,
    plan_attempts,
)

LATELY = timedelta(hours=20)
"""What one ceiling is for: nearly a day, so that a daily pruning that is a little early is not a second one."""

CLOCKS_APART = timedelta(minutes=10)
"""A store and a machine whose clocks differ by more are not believed about ages."""

BATCH = 40
"""Sets in one record of a deletion: with the longest names it stays below 60 KiB."""

MARKS_BATCH = 100
"""Sets in one record of marks; likewise."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What earlier prunings of a store left: marks that stand, deletions that were begun, when sets were deleted."""

    marks: Mapping[str, Mark] = field(default_factory=dict)
    begun: Mapping[str, SetPruned] = field(default_factory=dict)
    deleted_at: Sequence[datetime] = ()

    def lately(self, now: datetime, present: Collection[str]) -> int:
        """How many sets were deleted in the last day; one whose deletion was broken off, and is not `present`, too."""
        broken_off = sum(bool(each.manifest_sha256) for name, each in self.begun.items() if name not in present)
        return broken_off + sum(now - LATELY < at <= now for at in self.deleted_at)


def past(store: str, facts: Iterable[Fact[Any]]) -> Past:
    """What the records of prunings, in any order, say of one store."""
    marks: dict[str, Mark] = {}
    begun: dict[str, SetPruned] = {}
    deleted: list[datetime] = []
    for fact in sorted(facts, key=lambda each: each.seq):
        data = fact.data
        if data.store != store:
            continue
        if isinstance(data, PruneMarked):
            at = datetime.fromisoformat(data.marked_at)
            marks |= {
                each.set: Mark(set=each.set, manifest_sha256=each.manifest_sha256, marked_at=at) for each in data.sets
            }
            for name in data.lifted:
                marks.pop(name, None)
                begun.pop(name, None)
        elif isinstance(data, PruneBegun):
            begun |= {each.set: each for each in data.sets}
        elif isinstance(data, PruneCompleted):
            at = datetime.fromisoformat(data.pruned_at)
            deleted += [at for each in data.sets if each.manifest_sha256]
            for each in data.sets:
                marks.pop(each.set, None)
                begun.pop(each.set, None)
    return Past(marks=marks, begun=begun, deleted_at=tuple(deleted))


def drilled(store: str, facts: Iterable[Fact[DrillCompleted]], sets: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """Of `sets` (their manifests' hashes by name), those that passed a drill from any store, and from this one."""
    anywhere: set[str] = set()
    here: set[str] = set()
    for fact in facts:
        data = fact.data
        if sets.get(data.set) == data.manifest_sha256:
            names = {data.set} | ({data.base} if data.base is not None else set())
            anywhere |= names
            here |= names if data.store == store else set()
    return anywhere, here


def reread(store: str, inspections: Iterable[Fact[InspectionCompleted]], completed: Mapping[str, datetime]) -> set[str]:
    """The sets of this store that an inspection read whole and found unchanged. `completed`: when each was made."""
    found: set[str] = set()
    damaged: set[str] | None = None
    for fact in sorted(inspections, key=lambda each: each.seq, reverse=True):
        data = fact.data
        if data.store != store:
            continue
        if damaged is None:
            damaged = {seen.set for seen in data.damaged}
        found |= set(data.hashed_sets) | {seen.set for seen in data.newest if seen.hashed_bytes and not seen.fault}
        if data.deep:
            found |= {name for name, at in completed.items() if at <= fact.at}
    return found - (damaged or set())


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One store looked at: the plan for its sets, for its attempts, and what an earlier pruning began and left.

    `finished` are sets that a pruning began to delete and that are wholly gone: only their record is missing. `forgot`
    are some whose manifest is still there: nothing of them was deleted, and they are decided upon anew.
    """

    store: str
    now: datetime
    sets: RetentionPlan
    attempts: tuple[AttemptDecision, ...]
    past: Past
    finished: tuple[SetPruned, ...]
    forgot: tuple[str, ...]


def look(
    store: str,
    view: View,
    attempts: Iterable[Attempt],
    before: Past,
    recorded: Collection[str],
) -> Looked:
    """What a pruning of one store does now. `recorded` are the sets that the ledger knows as complete."""
    left = tuple(attempts)
    present = {each.set for each in view.sets}
    found = plan(view)
    kept = {each.stored.set for each in found.decisions if each.act in ("keep", "blocked")}
    return Looked(
        store=store,
        now=view.now,
        sets=found,
        attempts=plan_attempts(
            left,
            now=view.now,
            marks=view.marks,
            recorded=recorded,
            begun=before.begun.keys() - present,
            holds=view.holds,
        ),
        past=before,
        finished=tuple(each for name, each in before.begun.items() if name not in present | {one.set for one in left}),
        forgot=tuple(sorted(before.begun.keys() & kept)),
    )


def marked(looked: Looked, by: str) -> list[PruneMarked]:
    """The records of new marks and of those that are lifted; none when there is neither."""
    new = [
        SetMarked(
            set=each.set,
            manifest_sha256=each.manifest_sha256,
            stored_at=text(each.stored_at),
            stored_bytes=each.stored_bytes,
        )
        for each in looked.sets.sets("mark")
    ]
    new += [
        SetMarked(
            set=each.attempt.set,
            manifest_sha256="",
            stored_at=text(each.attempt.newest_at),
            stored_bytes=each.attempt.stored_bytes,
        )
        for each in looked.attempts
        if each.act == "mark"
    ]
    lifted = tuple(sorted({*looked.sets.lifted, *looked.forgot}))
    groups = batches(new, MARKS_BATCH) or ([()] if lifted else [])
    records = []
    for index, group in enumerate(groups):
        gone = lifted[:MARKS_BATCH] if index == 0 else ()
        records.append(
            PruneMarked(store=looked.store, by=by, marked_at=text(looked.now), sets=tuple(group), lifted=gone)
        )
    return records


def going(looked: Looked) -> list[SetPruned]:
    """What is deleted now, in its order: sets, differentials first, then attempts."""
    proofs = {each.stored.set: each for each in looked.sets.decisions}
    found = [
        _pruned(each, proofs[each.set].marked_at or looked.now, proofs[each.set].why[0].set)
        for each in looked.sets.sets("delete")
    ]
    for each in looked.attempts:
        if each.act != "delete":
            continue
        known = looked.past.begun.get(each.attempt.set)
        mark = looked.past.marks.get(each.attempt.set)
        found.append(known or _attempt(each.attempt, each.why.code, looked.now if mark is None else mark.marked_at))
    return found


def _pruned(each: StoredSet, marked_at: datetime, proof: str | None) -> SetPruned:
    return SetPruned(
        set=each.set,
        kind=each.kind,
        recovers_to=text(each.recovers_to),
        stored_at=text(each.stored_at),
        stored_bytes=each.stored_bytes,
        manifest_sha256=each.manifest_sha256,
        marked_at=text(marked_at),
        because="expired",
        proof=proof,
    )


def _attempt(each: Attempt, because: str, marked_at: datetime) -> SetPruned:
    return SetPruned(
        set=each.set,
        kind="",
        recovers_to=text(each.newest_at),
        stored_at=text(each.newest_at),
        stored_bytes=each.stored_bytes,
        manifest_sha256="",
        marked_at=text(marked_at),
        because=because,
    )


def completed(
    looked: Looked, by: str, gone: Sequence[SetPruned], *, left: int, confirmed: int | None
) -> PruneCompleted:
    """The record of what one batch deleted; `left` sets remain after it."""
    return PruneCompleted(
        store=looked.store,
        by=by,
        pruned_at=text(looked.now),
        sets=tuple(gone),
        freed_bytes=sum(each.stored_bytes for each in gone),
        kept=left,
        due=looked.sets.due,
        ceiling=looked.sets.ceiling,
        confirmed=confirmed,
    )


def batches(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """In order, `size` at a time."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def text(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
