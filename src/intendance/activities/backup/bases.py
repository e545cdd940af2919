"""The full set that a differential builds on: which one, whether it is whole, and the notes that its reading left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from intendance.activities.backup import decide
from intendance.activities.backup.job import BackupContext, BackupJob
from intendance.engines import BackupSession, DifferentialEngine
from intendance.model.errors.engine import BaseUnusable
from intendance.model.errors.sets import ManifestInvalid, ManifestVersionUnknown
from intendance.model.errors.store import ObjectMissing
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.frozen import dataclass
from intendance.sets.fetch import absent_parts, key, known_manifest
from intendance.sets.manifest import Base, Manifest
from intendance.system import publish

KEPT = 2
"""Snapshots that are kept per asset: that of the newest full set, and one before it in case the newest is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A differential under way, and what it builds on."""

    session: BackupSession
    base: Base
    base_bytes: int


def begin(job: BackupJob, context: BackupContext, history: Sequence[BackupCompleted]) -> Begun | str:
    """Open a differential against the newest full set that serves; else why none does, in English.

    Raises the errors of engines and stores, as a full backup would.
    """
    engine = context.engine
    if not isinstance(engine, DifferentialEngine):
        return "this engine makes none"
    reasons: list[str] = []
    for completed in decide.bases(history, context.stores[0].name):
        begun = _begin(job, context, engine, completed, decide.expected_bytes("differential", history) or 0)
        if isinstance(begun, Begun):
            return begun
        reasons.append(f"{completed.set}: {begun}")
    return "; ".join(reasons[:KEPT]) or "there is no full backup in the first store yet"


def _begin(
    job: BackupJob, context: BackupContext, engine: DifferentialEngine, completed: BackupCompleted, expected_bytes: int
) -> Begun | str:
    snapshot = _path(context, completed.set)
    if not snapshot.is_file():
        return "tar's notes on it are not kept here"
    if context.clock.read().at < datetime.fromisoformat(completed.completed_at):
        return "the clock stands before its end, so that what changed since cannot be told by its time"
    manifest = _whole(job, context, completed)
    if isinstance(manifest, str):
        return manifest
    try:
        session = engine.back_up_changes(snapshot, context.scratch, expected_bytes)
    except BaseUnusable as error:
        return str(error.params["detail"])
    source = session.source
    # The manifest holds more about its source than the engine says: what the plan asserts of it, and where it was made.
    before = {name: value for name, value in manifest.source.items() if name in source.details}
    same = (source.identity, source.version, decide.canonical(source.details))
    if same != (manifest.identity, manifest.engine_version, before):
        session.close()
        return "it was made of another source, with other patterns or by another release of the program"
    base = Base(set=completed.set, sha256=completed.manifest_sha256)
    return Begun(session=session, base=base, base_bytes=completed.stored_bytes)


def _whole(job: BackupJob, context: BackupContext, completed: BackupCompleted) -> Manifest | str:
    store = context.stores[0]
    inspections = context.book.facts("inspection.completed", asset=job.asset, latest=20)
    last = next((fact.data for fact in inspections if fact.data.store == store.name), None)
    if last is not None and any(seen.set == completed.set for seen in last.damaged):
        return "the last inspection found it damaged"
    try:
        opened = known_manifest(store, job.prefix, completed.set, completed.manifest_sha256)
    except ObjectMissing:
        return "it is not in the store any more"
    except (ManifestInvalid, ManifestVersionUnknown) as error:
        return error.message.rstrip(".")
    if opened is None:
        return "its manifest is not the one in the ledger"
    folder = key(job.prefix, completed.set)
    objects = {stored.key.removeprefix(f"{folder}/"): stored for stored in store.list(folder)}
    return absent_parts(opened.manifest, objects) or opened.manifest


def keep(context: BackupContext, set_id: str, snapshot: Path) -> None:
    """Make a full set's snapshot durable; called before the set itself is complete, so that no set is without."""
    publish.publish(_path(context, set_id), snapshot.read_bytes(), mode=0o600, replace=True)


def prune(context: BackupContext, kept: Sequence[str]) -> None:
    """Remove every snapshot but those of these sets."""
    names = {_path(context, set_id).name for set_id in kept}
    for path in _files(context.snapshots):
        if path.name not in names:
            path.unlink()


def _files(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def _path(context: BackupContext, set_id: str) -> Path:
    return context.snapshots / f"{set_id}.snar"
