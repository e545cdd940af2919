"""What the plan keeps for the law, locked for as long where the store can: some objects with each backup."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from intendance.activities.backup.filling import held_sets, looks_of
from intendance.activities.backup.job import BackupContext, BackupJob
from intendance.ledger.imports import all_drills
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import RunSuperseded
from intendance.model.errors.sets import SetDamaged
from intendance.model.errors.store import StoreRefused, StoreUnreachable
from intendance.model.evidence.locked import SetLocked, StoreLocked
from intendance.runs import Steps
from intendance.sets.fetch import REPLACED, absent_parts, key, open_manifest
from intendance.sets.locks import Unlocked, drilled_sets, unlocked
from intendance.sets.manifest import MANIFEST, PAPERS, SIGNATURE, Manifest
from intendance.stores import Lockable, Store
from intendance.system.clock import rfc3339

OBJECTS_PER_RUN = 5000
TIME_PER_RUN = timedelta(minutes=5)
"""What one backup locks, whichever is reached first; the next one goes on."""

SETS_RECORDED = 100
"""With so many sets, a record is far below its 60 KiB."""

_PLACE_FAULTS = (StoreUnreachable, StoreRefused)
"""After these the next set would fare no better."""


class LockingStore(Store, Lockable, Protocol):
    """A store that can lock."""


def lock(job: BackupJob, context: BackupContext, steps: Steps) -> None:
    """Lengthen the locks of legal copies in each store that the plan asks for locks; each has its own evidence.

    What stands in the way is said there and fails nothing: the set of this backup is safe, and the next one tries
    again. Raises RunSuperseded.
    """
    backup = job.declared.backup
    stores: list[LockingStore] = [store for store in context.stores if isinstance(store, Lockable) and store.locks]
    if backup is None or backup.legal is None or not stores:
        return
    looks = looks_of(job, context)
    held = held_sets(job, context, looks)
    drills = all_drills(context.book, job.asset)
    for store in stores:
        wanted = unlocked(
            store.name,
            held,
            backup.legal,
            drilled=drilled_sets(held, drills),
            zone=job.plan.organisation.timezone,
            now=context.clock.read().at,
            before=context.book.facts("store.locked", asset=job.asset),
            look=looks.get(store.name),
        )
        if wanted:
            evidence = _Locking(job, context, store).run(wanted)
            steps.commit(f"locked.{steps.attempt}.{store.name}", {"left": evidence.left}, evidence)


class _Locking:
    """One store, and what is locked there."""

    def __init__(self, job: BackupJob, context: BackupContext, store: LockingStore) -> None:
        self._job = job
        self._context = context
        self._store = store
        self._asked = 0
        self._until = context.clock.read().at + TIME_PER_RUN
        self._begun: tuple[str, int, str] = ("", 0, "")

    def run(self, wanted: Sequence[Unlocked]) -> StoreLocked:
        """As many of them as the run may lock."""
        locked: list[SetLocked] = []
        failure: IntendanceError | None = None
        for each in wanted[:SETS_RECORDED]:
            try:
                done = self._lock(each)
            except RunSuperseded:
                raise
            except IntendanceError as error:
                failure = failure or error
                if isinstance(error, _PLACE_FAULTS):
                    break
            else:
                if done is None:
                    break
                locked.append(done)
        name, objects, until = self._begun
        return StoreLocked(
            store=self._store.name,
            sets=tuple(locked),
            left=len(wanted) - len(locked),
            begun=name,
            begun_objects=objects,
            begun_until=until,
            error="" if failure is None else failure.code,
            message="" if failure is None else failure.message,
            next_step="" if failure is None else failure.advice,
        )

    def _lock(self, wanted: Unlocked) -> SetLocked | None:
        """All objects of a set; None when what the run may lock was spent on the way."""
        made, job = wanted.made, self._job
        opened = open_manifest(self._store, job.prefix, made.set, self._context.fingerprint)
        folder = key(job.prefix, made.set)
        listed = {stored.key.removeprefix(f"{folder}/"): stored for stored in self._store.list(folder)}
        fault = REPLACED if opened.sha256 != made.manifest_sha256 else absent_parts(opened.manifest, listed)
        if fault:
            raise SetDamaged(set=made.set, store=self._store.name, detail=fault)
        names = _names(opened.manifest)
        soonest: datetime | None = None
        for done, name in enumerate(names):
            if done < wanted.locked_objects:
                continue
            if self._spent():
                self._begun = (made.set, done, rfc3339(wanted.until))
                return None
            held = self._store.lengthen_lock(key(folder, name), wanted.until)
            soonest = held if soonest is None else min(soonest, held)
            self._asked += 1
        until = wanted.until if soonest is None or wanted.locked_objects else soonest
        return SetLocked(set=made.set, manifest_sha256=opened.sha256, lock_until=rfc3339(until), objects=len(names))

    def _spent(self) -> bool:
        return self._asked >= OBJECTS_PER_RUN or self._context.clock.read().at >= self._until


def _names(manifest: Manifest) -> tuple[str, ...]:
    """The manifest first: by its lock, whoever prunes sees that the set is locked."""
    return (MANIFEST, SIGNATURE, *PAPERS, *(part.name for part in manifest.parts))
