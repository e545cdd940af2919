"""Older sets brought into a store that lacks them: a share with each backup, until it lacks none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from intendance.activities.backup import decide
from intendance.activities.backup.job import BackupContext, BackupJob
from intendance.ledger.imports import all_drills, all_prunings
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import RunSuperseded
from intendance.model.errors.sets import NoRoom, SetDamaged
from intendance.model.errors.store import StoreFull, StoreRefused, StoreUnreachable
from intendance.model.evidence.filled import SetCopied, StoreFilled
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.verdict import Fact
from intendance.runs import Progress, ProgressSink, Steps
from intendance.sets import publication
from intendance.sets.fetch import REPLACED, key, open_manifest, read_small
from intendance.sets.holdings import DIFFERENTIAL, Held, holdings, lacking
from intendance.sets.locks import kept_for_law
from intendance.sets.manifest import MANIFEST, MANIFEST_LIMIT_BYTES, PAPERS, SIGNATURE, Manifest
from intendance.sets.points import LATEST_PER_STORE
from intendance.stores import Store

BYTES_PER_RUN = 2 << 30
TIME_PER_RUN = timedelta(minutes=15)
"""What one backup copies of older sets, whichever is reached first: no backup is to wait long for the one before it."""

SETS_RECORDED = 100
"""With so many sets, a record is far below its 60 KiB."""

_PLACE_FAULTS = (StoreUnreachable, StoreRefused, StoreFull, NoRoom)
"""After these the next set would fare no better."""


def fill(job: BackupJob, context: BackupContext, steps: Steps, progress: ProgressSink) -> None:
    """Bring into each store of the asset what another one holds and it lacks; each store has its own evidence.

    What stands in the way is said there and fails nothing: the set of this backup is safe, and the next one goes on.
    Raises RunSuperseded.
    """
    names = [store.name for store in context.stores]
    for target in context.stores if names[1:] else ():
        looks = looks_of(job, context)
        held = held_sets(job, context, looks)
        wanted = [
            each
            for each in lacking(held, target.name, names, _kept_since(job, context), _legal(job, context, held))
            if each.made.set not in _spoilt(looks.get(target.name))
        ]
        if not wanted:
            continue
        there = {each.made.set for each in held if target.name in each.stores}
        evidence = _Filling(job, context, progress, target).run(_in_order(wanted), there)
        if evidence.copied_bytes or evidence.error:
            steps.commit(f"filled.{steps.attempt}.{target.name}", {"left": evidence.left}, evidence)


def looks_of(job: BackupJob, context: BackupContext) -> Mapping[str, Fact[InspectionCompleted]]:
    """The last look into each store of the asset."""
    latest = LATEST_PER_STORE * len(context.stores)
    found = context.book.facts("inspection.completed", asset=job.asset, latest=latest)
    return {fact.data.store: fact for fact in reversed(found)}


def held_sets(
    job: BackupJob, context: BackupContext, looks: Mapping[str, Fact[InspectionCompleted]]
) -> tuple[Held, ...]:
    """Every set that some store holds, the newest first."""
    book = context.book
    return holdings(
        (fact.data for fact in book.facts("backup.completed", asset=job.asset)),
        looks,
        all_prunings(book, job.asset),
        (fact.data for fact in book.facts("store.filled", asset=job.asset)),
    )


def _spoilt(look: Fact[InspectionCompleted] | None) -> frozenset[str]:
    """The sets that lie in a store with other bytes than theirs: what was written once cannot be mended."""
    return frozenset(seen.set for seen in look.data.damaged if seen.stored_bytes) if look is not None else frozenset()


def _kept_since(job: BackupJob, context: BackupContext) -> datetime:
    backup = job.declared.backup
    return context.clock.read().at - timedelta(days=backup.retention_days if backup is not None else 0)


def _legal(job: BackupJob, context: BackupContext, held: Sequence[Held]) -> frozenset[str]:
    names = frozenset(store.name for store in context.stores)
    here = [each for each in held if not each.stores.isdisjoint(names)]
    legal = job.declared.backup.legal if job.declared.backup is not None else None
    drills, zone = all_drills(context.book, job.asset), job.plan.organisation.timezone
    return kept_for_law(here, legal, drills, zone, context.clock.read().at)


def _in_order(wanted: Sequence[Held]) -> list[Held]:
    """What stands by itself before what builds on it, the newest first."""
    return sorted(wanted, key=lambda each: each.made.kind == DIFFERENTIAL)


class _Filling:
    """One store, and what is brought there."""

    def __init__(self, job: BackupJob, context: BackupContext, progress: ProgressSink, target: Store) -> None:
        self._job = job
        self._context = context
        self._progress = progress
        self._target = target
        self._budget_bytes = BYTES_PER_RUN
        self._until = context.clock.read().at + TIME_PER_RUN
        self._total_bytes = 0
        self._copied_bytes = 0

    def run(self, wanted: Sequence[Held], there: set[str]) -> StoreFilled:
        """As many of them as the run may bring; `there` are the sets that the store holds."""
        self._total_bytes = min(self._budget_bytes, sum(each.made.stored_bytes for each in wanted))
        copied: list[SetCopied] = []
        failure: IntendanceError | None = None
        for each in wanted[:SETS_RECORDED]:
            if self._spent():
                break
            try:
                done = self._bring(each, there)
            except RunSuperseded:
                raise
            except IntendanceError as error:
                failure = failure or error
                if isinstance(error, _PLACE_FAULTS):
                    break
            else:
                copied += [done] if done is not None else []
                there |= {done.set} if done is not None else set()
        names = {each.set for each in copied}
        left = [each.made.stored_bytes for each in wanted if each.made.set not in names]
        return StoreFilled(
            store=self._target.name,
            sets=tuple(copied),
            copied_bytes=self._copied_bytes,
            left=len(left),
            left_bytes=sum(left),
            error="" if failure is None else failure.code,
            message="" if failure is None else failure.message,
            next_step="" if failure is None else failure.advice,
        )

    def _bring(self, held: Held, there: set[str]) -> SetCopied | None:
        """One set, complete; None when its base is not there, or what the run may bring was spent on the way."""
        source = next(store for store in self._context.stores if store.name in held.stores)
        made, job = held.made, self._job
        opened = open_manifest(source, job.prefix, made.set, self._context.fingerprint)
        if opened.sha256 != made.manifest_sha256:
            raise SetDamaged(set=made.set, store=source.name, detail=REPLACED)
        manifest, folder = opened.manifest, key(job.prefix, made.set)
        if manifest.base is not None and manifest.base.set not in there:
            return None
        decide.require_room(job.asset, made.kind, manifest.stored_bytes, self._target.name, self._target.free_bytes())
        if not self._copy_parts(source, folder, manifest):
            return None
        content = {
            name: read_small(source, key(folder, name), MANIFEST_LIMIT_BYTES) for name in (*PAPERS, SIGNATURE, MANIFEST)
        }
        publication.place_papers(self._target, folder, content)
        publication.complete(self._target, folder, content[MANIFEST], content[SIGNATURE])
        return SetCopied(
            set=made.set, source=source.name, manifest_sha256=opened.sha256, stored_bytes=manifest.stored_bytes
        )

    def _copy_parts(self, source: Store, folder: str, manifest: Manifest) -> bool:
        for part in manifest.parts:
            if self._spent():
                return False
            publication.copy_part(source, self._target, folder, part, self._report)
        return True

    def _spent(self) -> bool:
        return self._copied_bytes >= self._budget_bytes or self._context.clock.read().at >= self._until

    def _report(self, count: int) -> None:
        self._copied_bytes += count
        self._progress(Progress(phase="copy", done_bytes=self._copied_bytes, total_bytes=self._total_bytes))
