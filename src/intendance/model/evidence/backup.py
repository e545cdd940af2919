"""Evidence of backups."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketCheck:
    """What the OpenPGP packets of the stored parts said, read from the ciphertext itself before anything was stored.

    `recipients` are the primary fingerprints of the keys to whose encryption subkeys *every* part is encrypted.
    """

    parts: int
    recipients: tuple[str, ...]
    integrity_protected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupCompleted:
    """A set is complete in `stores`. Instants: `started_at`, `completed_at`, and `recovers_to` (its recovery point).

    Sizes in bytes: `source_bytes` before compression, `stored_bytes` of ciphertext. `sequence` is the set's place in
    the chain of the asset's manifests, from 0. Said again, with more `stores`, when a copy that had failed was made
    good; `warnings` are the first of the manifest's.
    """

    set: str
    kind: str
    engine: str
    engine_version: str
    started_at: str
    completed_at: str
    recovers_to: str
    stores: tuple[str, ...]
    parts: int
    source_bytes: int
    stored_bytes: int
    manifest_sha256: str
    recipients: tuple[str, ...]
    packets: PacketCheck
    warnings: tuple[str, ...] = ()
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFailed:
    """A backup did not become a set. `error` is a class of the error tree; `message` is redacted; `step` says how far
    it got."""

    set: str
    kind: str
    engine: str
    started_at: str
    step: str
    error: str
    message: str
    next_step: str
