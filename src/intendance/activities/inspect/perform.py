"""Inspecting an asset's stores: every manifest, every file's presence, the hashes whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from intendance.activities.inspect import decide
from intendance.activities.inspect.decide import Found
from intendance.ledger.book import Book
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import RunSuperseded
from intendance.model.errors.sets import (
    ManifestForged,
    ManifestInvalid,
    ManifestVersionUnknown,
    SetDamaged,
    SetMissing,
)
from intendance.model.evidence.inspection import InspectionCompleted, InspectionFailed
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.runs import Progress, ProgressSink, Steps
from intendance.sets.fetch import absent_parts, altered_papers, asset_folder, hash_part, key, open_manifest, survey
from intendance.stores import Store, StoredObject
from intendance.system.clock import Clock


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


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectContext:
    """The adapters for one inspection; the caller holds the asset's lock. `by` is who looks: `self`, or another
    host."""

    stores: tuple[Store, ...]
    book: Book
    clock: Clock
    by: str = "self"


def perform(
    job: InspectJob, context: InspectContext, steps: Steps, progress: ProgressSink
) -> tuple[InspectionCompleted, ...]:
    """Inspect every store of the context; each is one step with its own evidence.

    A store that cannot be read leaves `inspection.failed`; the others are inspected all the same, then its error is
    raised.
    """
    seen: list[InspectionCompleted] = []
    failures: list[IntendanceError] = []
    for store in context.stores:
        done = steps.memo(f"inspect.{store.name}")
        if done is not None:
            seen.append(msgspec.convert(done, InspectionCompleted))
            continue
        try:
            evidence = _Inspection(job, context, store, progress).look()
        except IntendanceError as error:
            failures.append(error)
            _record_failure(error, context, store, steps)
        else:
            steps.commit(f"inspect.{store.name}", msgspec.to_builtins(evidence), evidence)
            seen.append(evidence)
    if failures:
        raise failures[0]
    return tuple(seen)


def _record_failure(error: IntendanceError, context: InspectContext, store: Store, steps: Steps) -> None:
    if isinstance(error, RunSuperseded):
        raise error
    evidence = InspectionFailed(
        store=store.name, by=context.by, error=error.code, message=error.message, next_step=error.advice
    )
    steps.commit(f"failed.{steps.attempt}.{store.name}", {"error": error.code}, evidence)


class _Inspection:
    """One look into one store."""

    def __init__(self, job: InspectJob, context: InspectContext, store: Store, progress: ProgressSink) -> None:
        self._job = job
        self._book = context.book
        self._store = store
        self._by = context.by
        self._now = context.clock.read().at
        self._progress = progress
        self._done = self._total = 0
        (genesis,) = context.book.facts("genesis", latest=1)
        self._fingerprint: tuple[str, ...] = genesis.data.trusted_keys

    def look(self) -> InspectionCompleted:
        """Everything that is seen and what it means. Raises the errors of stores."""
        facts = self._book.facts("backup.completed", asset=self._job.asset)
        completed = [fact.data for fact in facts]
        pruned = self._pruned()
        surveyed = survey(self._store, self._job.prefix)
        found = [self._open(set_id, objects) for set_id, objects in surveyed.complete.items()]
        return decide.conclude(
            decide.View(
                store=self._store.name,
                by=self._by,
                zone=self._job.plan.organisation.timezone,
                now=self._now,
                deep=self._job.deep,
                ledger=self._book.origin,
                found=self._hash(found),
                incomplete=len(surveyed.incomplete),
                incomplete_bytes=sum(surveyed.incomplete_bytes.values()),
                expected=decide.expected_sets(self._store.name, completed, pruned),
                sequences=frozenset(backup.sequence for backup in completed),
                pruned=frozenset(filter(None, pruned.values())),
            )
        )

    def _pruned(self) -> Mapping[str, str]:
        """What was deleted on purpose; a deletion that is begun counts, since it may have gone as far as its end."""
        kinds = ("prune.begun", "prune.completed")
        prunings = [fact.data for kind in kinds for fact in self._book.facts(kind, asset=self._job.asset)]
        return decide.pruned_sets(self._store.name, prunings)

    def _open(self, set_id: str, objects: Mapping[str, StoredObject]) -> Found:
        listed_bytes = sum(stored.size_bytes for stored in objects.values())
        try:
            opened = open_manifest(self._store, self._job.prefix, set_id, self._fingerprint)
        except (SetMissing, SetDamaged, ManifestForged, ManifestInvalid, ManifestVersionUnknown) as error:
            return Found(set=set_id, listed_bytes=listed_bytes, fault=error.message)
        fault = absent_parts(opened.manifest, objects) or altered_papers(self._store, self._job.prefix, opened.manifest)
        return Found(
            set=set_id,
            manifest=opened.manifest,
            manifest_sha256=opened.sha256,
            listed_bytes=listed_bytes,
            fault=fault,
        )

    def _hash(self, found: Sequence[Found]) -> list[Found]:
        inspections = self._book.facts("inspection.completed", asset=self._job.asset, latest=decide.MEMORY)
        budget = self._job.budget_bytes
        if budget is None:
            budget = decide.rolling_budget(sum(each.listed_bytes for each in found))
        memory = decide.remember(self._store.name, inspections)
        chosen = decide.to_hash(found, memory, deep=self._job.deep, budget_bytes=budget)
        sets = {each.set: each for each in found}
        self._total = sum(_cipher_bytes(sets[name]) for name in chosen)
        for name in chosen:
            sets[name] = self._hash_set(sets[name])
        return list(sets.values())

    def _hash_set(self, found: Found) -> Found:
        """Re-read the whole set; it stops at the first part that is not the listed one."""
        assert found.manifest is not None  # noqa: S101 -- only readable sets are chosen
        for part in found.manifest.parts:
            fault = hash_part(self._store, key(self._job.prefix, found.set), part, self._advance)
            if fault:
                return replace(found, fault=fault)
        return replace(found, hashed_bytes=_cipher_bytes(found))

    def _advance(self, count: int) -> None:
        self._done += count
        self._progress(Progress(phase="hash", done_bytes=self._done, total_bytes=self._total))


def _cipher_bytes(found: Found) -> int:
    return found.manifest.stored_bytes if found.manifest is not None else 0
