"""Making one backup: a set in the first store (fresh, or of an attempt that died), copies, then the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from intendance.activities.backup import adoption, decide, filling, locking
from intendance.activities.backup.job import BackupContext, BackupJob
from intendance.activities.backup.making import Making
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import RunSuperseded
from intendance.model.evidence.backup import BackupCompleted, BackupFailed, PacketCheck
from intendance.runs import Progress, ProgressSink, Steps
from intendance.sets import publication
from intendance.sets.fetch import OpenedManifest, key, open_manifest, read_small
from intendance.sets.manifest import MANIFEST, MANIFEST_LIMIT_BYTES, PAPERS, SIGNATURE, Manifest
from intendance.sets.pipe import PipeLimits
from intendance.stores import Store
from intendance.system.clock import rfc3339
from intendance.system.openpgp import RecipientHome

__all__ = ["BackupContext", "BackupJob", "perform"]

STEP = "set"


def perform(
    job: BackupJob, context: BackupContext, steps: Steps, progress: ProgressSink, limits: PipeLimits | None = None
) -> BackupCompleted:
    """Back up one asset. The set is complete in every store when this returns, and `backup.completed` is committed.

    On a failure `backup.failed` is committed and the error raised; nothing of the attempt is listed then. Where the
    set is complete in some stores and a further one refuses its copy, both records are committed, `backup.completed`
    with the stores that hold the set, and the refusal is raised; a later attempt of the run makes the copy good, and
    `backup.completed` is said again. At the end, stores that lack older sets are given some of them (`filling.py`), and
    what the plan keeps for the law is locked for as long (`locking.py`).
    """
    backup = _Backup(job, context, steps, progress, limits or PipeLimits())
    done = _memo(steps)
    evidence = backup.run() if done is None else backup.make_good(msgspec.convert(done, BackupCompleted))
    filling.fill(job, context, steps, progress)
    locking.lock(job, context, steps)
    return evidence


def _memo(steps: Steps) -> dict[str, Any] | None:
    """What the last attempt that got so far has committed: the set, and the stores that hold it."""
    later = (steps.memo(f"{STEP}.{attempt}") for attempt in range(steps.attempt, 0, -1))
    return next((memo for memo in later if memo is not None), None) or steps.memo(STEP)


class _Backup:
    def __init__(
        self, job: BackupJob, context: BackupContext, steps: Steps, progress: ProgressSink, limits: PipeLimits
    ) -> None:
        self._job = job
        self._context = context
        self._steps = steps
        self._progress = progress
        self._limits = limits
        self._making = Making(job, context, steps, progress)
        self._started_at = rfc3339(context.clock.read().at)

    def run(self) -> BackupCompleted:
        try:
            self._context.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
            with RecipientHome(self._job.recipients, self._context.scratch, late=True) as home:
                opened, packets = adoption.adopt(
                    self._job, self._context, self._steps, home, self._progress
                ) or self._making.make(home, self._limits)
        except RunSuperseded:
            raise
        except IntendanceError as error:
            self._record(error, self._making.step)
            raise
        finally:
            self._making.close()
        held, refusals = self._copy(opened.manifest, (self._context.stores[0].name,))
        evidence = _evidence(opened, packets, held)
        self._steps.commit(STEP, msgspec.to_builtins(evidence), evidence)
        self._refuse(refusals)
        return evidence

    def make_good(self, done: BackupCompleted) -> BackupCompleted:
        """Bring a set that is complete into the stores that an earlier attempt could not reach."""
        first, *others = self._context.stores
        if all(store.name in done.stores for store in others) or first.name not in done.stores:
            return done
        opened = open_manifest(first, self._job.prefix, done.set, self._context.fingerprint)
        held, refusals = self._copy(opened.manifest, done.stores)
        evidence = replace(done, stores=tuple(held))
        if evidence != done:
            self._steps.commit(f"{STEP}.{self._steps.attempt}", msgspec.to_builtins(evidence), evidence)
        self._refuse(refusals)
        return evidence

    def _refuse(self, refusals: Mapping[str, IntendanceError]) -> None:
        """Record what the stores without a copy said, and raise the first of it."""
        for store, refusal in refusals.items():
            self._record(refusal, f"copy to {store}")
        for refusal in refusals.values():
            raise refusal

    def _copy(self, manifest: Manifest, holding: Sequence[str]) -> tuple[list[str], dict[str, IntendanceError]]:
        """Bring the set into the further stores: the names of all that hold it, and what the others said."""
        held, refusals = list(holding), {}
        for store in self._context.stores[1:]:
            if store.name in holding:
                continue
            try:
                self._copy_to(store, manifest)
            except RunSuperseded:
                raise
            except IntendanceError as error:
                refusals[store.name] = error
            else:
                held.append(store.name)
        return held, refusals

    def _copy_to(self, target: Store, manifest: Manifest) -> None:
        source = self._context.stores[0]
        folder = key(self._job.prefix, manifest.set)
        decide.require_room(self._job.asset, self._job.kind, manifest.stored_bytes, target.name, target.free_bytes())
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done += count
            self._progress(Progress(phase="copy", done_bytes=done, total_bytes=manifest.stored_bytes))

        for part in manifest.parts:
            publication.copy_part(source, target, folder, part, report)
        content = {
            name: read_small(source, key(folder, name), MANIFEST_LIMIT_BYTES) for name in (*PAPERS, SIGNATURE, MANIFEST)
        }
        publication.place_papers(target, folder, content)
        publication.complete(target, folder, content[MANIFEST], content[SIGNATURE])

    def _record(self, error: IntendanceError, step: str) -> None:
        evidence = BackupFailed(
            set=decide.set_id(self._steps.run, self._steps.attempt),
            kind=self._job.kind,
            engine=self._job.declared.kind,
            started_at=self._started_at,
            step=step,
            error=error.code,
            message=error.message,
            next_step=error.advice,
        )
        self._steps.commit(f"failed.{self._steps.attempt}.{step}", {"error": error.code}, evidence)


def _evidence(opened: OpenedManifest, packets: PacketCheck, stores: list[str]) -> BackupCompleted:
    manifest = opened.manifest
    return BackupCompleted(
        set=manifest.set,
        kind=manifest.kind,
        engine=manifest.engine,
        engine_version=manifest.engine_version,
        started_at=manifest.started_at,
        completed_at=manifest.completed_at,
        recovers_to=manifest.recovers_to,
        stores=tuple(stores),
        parts=len(manifest.parts),
        source_bytes=manifest.source_bytes,
        stored_bytes=manifest.stored_bytes,
        manifest_sha256=opened.sha256,
        recipients=manifest.recipients,
        packets=packets,
        warnings=decide.first_warnings(manifest.warnings),
        sequence=manifest.sequence,
    )
