"""A set that an attempt finished publishing before it died: verified whole, and taken as this run's own."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from intendance.activities.backup import decide
from intendance.activities.backup.job import BackupContext, BackupJob
from intendance.model.errors.openpgp import PacketsRefused
from intendance.model.errors.sets import (
    ManifestForged,
    ManifestInvalid,
    ManifestVersionUnknown,
    PartDamaged,
    SetDamaged,
    SetMissing,
)
from intendance.model.errors.store import ObjectMissing
from intendance.model.evidence.backup import PacketCheck
from intendance.runs import Progress, ProgressSink, Steps
from intendance.sets.fetch import OpenedManifest, altered_papers, chunks_of, key, open_manifest
from intendance.sets.manifest import Manifest, Part
from intendance.sets.packets import PacketChecker
from intendance.stores import Store
from intendance.system.openpgp import RecipientHome

_NOT_A_SET = (
    ManifestForged,
    ManifestInvalid,
    ManifestVersionUnknown,
    ObjectMissing,
    PacketsRefused,
    PartDamaged,
    SetDamaged,
    SetMissing,
)


def adopt(
    job: BackupJob, context: BackupContext, steps: Steps, home: RecipientHome, progress: ProgressSink
) -> tuple[OpenedManifest, PacketCheck] | None:
    """The newest set of this run that an earlier attempt published in the first store, if it verifies to the last byte.

    `home` is prepared where there is one to verify. Raises RecipientUnusable, and the errors of stores that cannot be
    read.
    """
    store = context.stores[0]
    for attempt in range(steps.attempt - 1, 0, -1):
        set_id = decide.set_id(steps.run, attempt)
        try:
            opened = open_manifest(store, job.prefix, set_id, context.fingerprint)
            home.prepare()
            return opened, _verified(store, job.prefix, opened.manifest, home.key_ids, progress)
        except _NOT_A_SET:
            # Whatever it is, it is not a whole set of ours: it stays as it is for the inspection to name.
            continue
    return None


def _verified(
    store: Store, prefix: str, manifest: Manifest, key_ids: Mapping[str, str], progress: ProgressSink
) -> PacketCheck:
    fault = altered_papers(store, prefix, manifest)
    if fault:
        raise SetDamaged(set=manifest.set, store=store.name, detail=fault)
    recipients: set[str] = set()
    done = 0
    for part in manifest.parts:
        recipients.update(_verify_part(store, key(prefix, manifest.set), part, key_ids))
        done += part.cipher_bytes
        progress(Progress(phase="hash", done_bytes=done, total_bytes=manifest.stored_bytes))
    return PacketCheck(parts=len(manifest.parts), recipients=tuple(sorted(recipients)), integrity_protected=True)


def _verify_part(store: Store, folder: str, part: Part, key_ids: Mapping[str, str]) -> tuple[str, ...]:
    hashed, seen, packets = sha256(), 0, PacketChecker(key_ids)
    for chunk in chunks_of(store, key(folder, part.name)):
        hashed.update(chunk)
        packets.feed(chunk)
        seen += len(chunk)
    if (seen, hashed.hexdigest()) != (part.cipher_bytes, part.sha256_cipher):
        raise PartDamaged(part=part.name, set=folder, store=store.name, detail="its hash is not the listed one")
    return packets.finish()
