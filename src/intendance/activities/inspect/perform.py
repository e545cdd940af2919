"""Inspecting an asset's stores: every manifest, every file's presence, the hashes whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from intendance.activities.inspect import decide, turns
from intendance.activities.inspect.found import Found, expected_sets, pruned_sets, remember
from intendance.ledger.book import Book
from intendance.ledger.imports import all_drills
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import RunSuperseded
from intendance.model.errors.sets import (
    ManifestForged,
    ManifestInvalid,
    ManifestVersionUnknown,
    SetDamaged,
    SetMissing,
)
from intendance.model.evidence.drill import DrillCompleted
from intendance.model.evidence.filled import StoreFilled
from intendance.model.evidence.inspection import InspectionCompleted, InspectionFailed
from intendance.model.evidence.prune import PruneBegun, PruneCompleted
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.model.verdict import Fact
from intendance.runs import Progress, ProgressSink, Steps
from intendance.sets.fetch import absent_parts, altered_papers, asset_folder, hash_part, key, open_manifest, survey
from intendance.sets.manifest import MANIFEST, Part
from intendance.stores import Store, StoredObject, place_of
from intendance.system.clock import Clock, rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectJob:
    """Inspect one asset of the plan in force; `deep` re-reads everything.

    `budget_bytes` bounds the older sets that are re-read, per store; None: a thirtieth of them, at least 1 GiB.
    """

    plan: Plan
    asset: str
    deep: bool = False
    budget_bytes: int | None = None

    @property
    def prefix(self) -> str:
        """The asset's folder in every store."""
        return asset_folder(self.plan.fleet, self.plan.node.id, self.asset)


class Memory(Protocol):
    """What is remembered of an asset: a ledger, or what of one is about this node."""

    origin: str

    def facts(
        self, kind: str, *, asset: str | None = None, since: datetime | None = None, latest: int | None = None
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind, newest first, at most `latest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectContext:
    """The adapters for one inspection; the caller holds the asset's lock. `by` is who looks: `self`, or another
    host.

    For another host `fingerprint` is the key whose signatures count, and `trust` says why; `former_keys` are those that
    the node had before it was rebuilt. A node knows its own.
    `prunings` are of other ledgers than `book`, as are `drills`, where that is no whole ledger.
    """

    stores: tuple[Store, ...]
    book: Memory
    clock: Clock
    by: str = "self"
    fingerprint: str = ""
    trust: str = ""
    former_keys: tuple[str, ...] = ()
    prunings: tuple[PruneBegun | PruneCompleted, ...] = ()
    drills: tuple[DrillCompleted, ...] = ()


def perform(
    job: InspectJob, context: InspectContext, steps: Steps, progress: ProgressSink
) -> tuple[InspectionCompleted, ...]:
    """Inspect every store of the context; each is one step with its own evidence.

    A store that cannot be read leaves `inspection.failed`; the others are inspected all the same, then its error is
    raised.
    """
    seen: list[InspectionCompleted] = []
    failures: list[IntendanceError] = []
    looks: list[_Inspection] = []

    def fails(error: IntendanceError, store: Store) -> None:
        failures.append(error)
        _record_failure(error, job, context, store, steps)

    for store in context.stores:
        done = steps.memo(f"inspect.{store.name}")
        if done is not None:
            seen.append(msgspec.convert(done, InspectionCompleted))
            continue
        look = _Inspection(job, context, store, progress)
        try:
            look.open()
        except IntendanceError as error:
            fails(error, store)
        else:
            looks.append(look)
    met = frozenset(number for look in looks for number in look.sequences)
    for look in looks:
        try:
            evidence = look.conclude(met)
        except IntendanceError as error:
            fails(error, look.store)
        else:
            steps.commit(f"inspect.{look.store.name}", msgspec.to_builtins(evidence), evidence)
            seen.append(evidence)
    if failures:
        raise failures[0]
    return tuple(seen)


def _record_failure(
    error: IntendanceError, job: InspectJob, context: InspectContext, store: Store, steps: Steps
) -> None:
    if isinstance(error, RunSuperseded):
        raise error
    evidence = InspectionFailed(
        store=store.name,
        by=context.by,
        error=error.code,
        message=error.message,
        next_step=error.advice,
        fleet=job.plan.fleet,
        node=job.plan.node.id,
    )
    steps.commit(f"failed.{steps.attempt}.{store.name}", {"error": error.code}, evidence)


class _Inspection:
    """One look into one store."""

    def __init__(self, job: InspectJob, context: InspectContext, store: Store, progress: ProgressSink) -> None:
        self.store = store
        self._job = job
        self._context = context
        self._book = context.book
        self._here = context.by == "self"
        self._now = context.clock.read().at
        self._progress = progress
        self._done = self._total = 0
        self._found: list[Found] = []
        self._objects: Mapping[str, Mapping[str, StoredObject]] = {}
        self._incomplete: tuple[int, int] = (0, 0)
        self._trusted: tuple[str, ...] = (context.fingerprint, *context.former_keys)
        if self._here:
            (genesis,) = context.book.facts("genesis", latest=1)
            self._trusted = genesis.data.trusted_keys
        self._looks = context.book.facts("inspection.completed", asset=job.asset, latest=decide.MEMORY)
        if not self._here:
            self._looks = tuple(fact for fact in self._looks if self._whose(fact.data) == self._whose(job.plan))

    @staticmethod
    def _whose(named: Any) -> tuple[str, str]:
        """Fleet and node, of evidence or of a plan: one host may look after several nodes."""
        return (named.fleet, named.node.id if isinstance(named, Plan) else named.node)

    @property
    def sequences(self) -> frozenset[int]:
        """The numbers of the sets that this store holds."""
        return frozenset(each.manifest.sequence for each in self._found if each.manifest is not None)

    def open(self) -> None:
        """Read every manifest. Raises the errors of stores."""
        surveyed = survey(self.store, self._job.prefix)
        self._objects = surveyed.complete
        self._incomplete = (len(surveyed.incomplete), sum(surveyed.incomplete_bytes.values()))
        self._found = [self._open(set_id, objects) for set_id, objects in surveyed.complete.items()]

    def conclude(self, met: frozenset[int]) -> InspectionCompleted:
        """Everything that is seen and what it means; `met` are the numbers of sets in all stores. Raises the errors of
        stores."""
        completed = [fact.data for fact in self._book.facts("backup.completed", asset=self._job.asset)]
        pruned = self._pruned()
        today = self._now.astimezone(ZoneInfo(self._job.plan.organisation.timezone)).date()
        thirtieths = () if self._here else turns.turns(today, self._last_day())
        found = self._hash(self._found, thirtieths)
        plan = self._job.plan
        view = decide.View(
            store=self.store.name,
            by=self._context.by,
            zone=plan.organisation.timezone,
            now=self._context.clock.read().at,
            deep=self._job.deep,
            ledger=self._book.origin if self._here else self._ledger(),
            found=found,
            incomplete=self._incomplete[0],
            incomplete_bytes=self._incomplete[1],
            expected=expected_sets(self.store.name, completed, pruned, self._filled())
            if self._here
            else turns.seen_before(self.store.name, self._looks, pruned),
            sequences=frozenset(backup.sequence for backup in completed) if self._here else met,
            pruned=frozenset(filter(None, pruned.values())),
            fleet=plan.fleet,
            node=plan.node.id,
            node_fingerprint=self._trusted[0],
            trust="ledger" if self._here else self._context.trust,
            place=place_of(self.store, plan.stores.get(self.store.name), plan.node.region or ""),
            thirtieths=thirtieths,
            drilled=frozenset(each.set for each in self._drills() if self._whose(each) == self._whose(plan)),
        )
        return decide.conclude(replace(view, found=self._described(view)))

    def _drills(self) -> tuple[DrillCompleted, ...]:
        return all_drills(self._book, self._job.asset) if isinstance(self._book, Book) else self._context.drills

    def _filled(self) -> tuple[StoreFilled, ...]:
        return tuple(fact.data for fact in self._book.facts("store.filled", asset=self._job.asset))

    def _ledger(self) -> str:
        """The ledger of the newest set: a host knows the numbers of that one's chain from all stores together."""
        signed = [each.manifest for each in self._found if each.manifest is not None]
        return max(signed, key=lambda each: each.completed_at).ledger if signed else ""

    def _last_day(self) -> date | None:
        """The day of this host's last look into this store."""
        zone = ZoneInfo(self._job.plan.organisation.timezone)
        last = next((fact.at for fact in self._looks if fact.data.store == self.store.name), None)
        return None if last is None else last.astimezone(zone).date()

    def _pruned(self) -> Mapping[str, str]:
        """What was deleted on purpose; a deletion that is begun counts, since it may have gone as far as its end."""
        kinds = ("prune.begun", "prune.completed")
        prunings = [fact.data for kind in kinds for fact in self._book.facts(kind, asset=self._job.asset)]
        return pruned_sets(self.store.name, [*prunings, *self._context.prunings])

    def _open(self, set_id: str, objects: Mapping[str, StoredObject]) -> Found:
        listed_bytes = sum(stored.size_bytes for stored in objects.values())
        stored_at = objects[MANIFEST].stored_at
        try:
            opened = open_manifest(self.store, self._job.prefix, set_id, self._trusted)
        except (SetMissing, SetDamaged, ManifestForged, ManifestInvalid, ManifestVersionUnknown) as error:
            return Found(set=set_id, listed_bytes=listed_bytes, fault=error.message)
        fault = absent_parts(opened.manifest, objects) or altered_papers(self.store, self._job.prefix, opened.manifest)
        return Found(
            set=set_id,
            manifest=opened.manifest,
            manifest_sha256=opened.sha256,
            listed_bytes=listed_bytes,
            fault=fault,
            stored_at=stored_at,
        )

    def _described(self, view: decide.View) -> list[Found]:
        """Some of the sets with what the store says of their objects, one at a time."""
        chosen = decide.to_describe(view)
        return [self._describe(each) if each.set in chosen else each for each in view.found]

    def _describe(self, found: Found) -> Found:
        folder = key(self._job.prefix, found.set)
        heads = {name: self.store.head(key(folder, name)) for name in self._objects[found.set]}
        locks = [head.lock_until for head in heads.values()]
        soonest = min((lock for lock in locks if lock is not None), default=None)
        until = "" if soonest is None or None in locks else rfc3339(soonest)
        return replace(found, version=heads[MANIFEST].version or "", lock_until=until)

    def _hash(self, found: Sequence[Found], thirtieths: Sequence[int]) -> list[Found]:
        memory = remember(self.store.name, self._looks)
        chosen = decide.to_hash(found, memory, deep=self._job.deep, budget_bytes=self._budget(found))
        sets = {each.set: each for each in found}
        parts = {name: sets[name].manifest.parts for name in chosen}  # type: ignore[union-attr]  # readable sets only
        for each in found:
            if each.set not in parts:
                parts[each.set] = decide.due_parts(each, thirtieths)
        self._total = sum(part.cipher_bytes for several in parts.values() for part in several)
        for name, several in parts.items():
            sets[name] = self._hash_parts(sets[name], several)
        return list(sets.values())

    def _budget(self, found: Sequence[Found]) -> int:
        """A host re-reads by the calendar, beside the newest set and those that were damaged."""
        if not self._here:
            return decide.NOTHING_BY_BUDGET
        if self._job.budget_bytes is not None:
            return self._job.budget_bytes
        return decide.rolling_budget(sum(each.listed_bytes for each in found))

    def _hash_parts(self, found: Found, parts: Sequence[Part]) -> Found:
        """Re-read parts of a set; it stops at the first that is not the listed one."""
        hashed_bytes = 0
        for part in parts:
            fault = hash_part(self.store, key(self._job.prefix, found.set), part, self._advance)
            if fault:
                return replace(found, fault=fault)
            hashed_bytes += part.cipher_bytes
        return replace(found, hashed_bytes=hashed_bytes)

    def _advance(self, count: int) -> None:
        self._done += count
        self._progress(Progress(phase="hash", done_bytes=self._done, total_bytes=self._total))
