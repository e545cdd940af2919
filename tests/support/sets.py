"""Manifests for tests that only decide: well formed, and alike but for what a test names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from intendance.model.evidence.backup import BackupCompleted, PacketCheck
from intendance.sets.manifest import PAPERS, File, Manifest, Part, Stream, part_name
from intendance.sets.points import SetInStore

FINGERPRINT = "A" * 40
START = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)


def parts(stream: str, *sizes: int) -> tuple[Part, ...]:
    return tuple(
        Part(
            name=part_name(stream, index),
            plain_bytes=max(size - 600, 1),
            cipher_bytes=size,
            sha256_plain=f"{index:064x}",
            sha256_cipher=f"{index + 1000:064x}",
        )
        for index, size in enumerate(sizes)
    )


def manifest(sequence: int = 0, *, at: datetime | None = None, **changes: Any) -> Manifest:
    """The `sequence`-th daily set of the asset `site`, with `changes` to its fields."""
    started = at or START + timedelta(days=sequence)
    run = f"site.backup-full.{started:%Y%m%dT%H%M%SZ}"
    base = Manifest(
        fleet="asbl-exemple",
        node="web-01",
        ledger="asbl-exemple/node/web-01/1",
        asset="site",
        engine="files",
        engine_version="tar (GNU tar) 1.34",
        identity="files:0123",
        first_seen="2026-11-01T00:00:00.000000Z",
        set=f"{run}.1",
        run=run,
        attempt=1,
        kind="full",
        sequence=sequence,
        previous=None if sequence == 0 else f"{sequence:064x}",
        started_at=_text(started),
        completed_at=_text(started + timedelta(minutes=2)),
        recovers_to=_text(started),
        source={"files": 3, "excludes": ["cache/*"]},
        streams=(Stream(name="tree", media="tar", source_bytes=10240, argv=("tar", "-c"), parts=parts("tree", 5000)),),
        files=tuple(File(name=name, sha256=f"{index:064x}") for index, name in enumerate(PAPERS)),
        recipients=(FINGERPRINT, "B" * 40),
        retention_days=90,
        software="intendance 0.1.0",
        warnings=(),
    )
    return replace(base, **changes)


def seen(sequence: int = 0, *, store: str = "local", fault: str = "", **changes: Any) -> SetInStore:
    """That manifest as a store holds it; its hash is made up from the sequence."""
    return SetInStore(
        store=store, manifest=manifest(sequence, **changes), manifest_sha256=f"{sequence + 1:064x}", fault=fault
    )


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def completed(sequence: int = 0, **changes: Any) -> BackupCompleted:
    """What the ledger says of the `sequence`-th set of `seen`."""
    each = manifest(sequence)
    base = BackupCompleted(
        set=each.set,
        kind=each.kind,
        engine=each.engine,
        engine_version=each.engine_version,
        started_at=each.started_at,
        completed_at=each.completed_at,
        recovers_to=each.recovers_to,
        stores=("local",),
        parts=len(each.parts),
        source_bytes=each.source_bytes,
        stored_bytes=each.stored_bytes,
        manifest_sha256=f"{sequence + 1:064x}",
        recipients=each.recipients,
        packets=PacketCheck(parts=len(each.parts), recipients=each.recipients, integrity_protected=True),
        sequence=sequence,
    )
    return replace(base, **changes)
