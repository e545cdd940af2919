"""Records of drills as they are written, for tests that only read them."""

from __future__ import annotations

from dataclasses import replace

from intendance.model.errors.sets import PartDamaged
from intendance.model.evidence.drill import DrillCompleted, DrillFailed, Hardware, Leg, Link
from intendance.model.evidence.restore import Check, Phases

SET = "crud-db.backup-logical.20261121T020000Z.1"
HARDWARE = Hardware(cpus=2, cpu="A processor", memory_bytes=8 << 30, scratch="ext4", scratch_free_bytes=100 << 30)


def phases(load_ms: int = 40_000, **changes: int) -> Phases:
    base = Phases(
        fetch_ms=20_000, decrypt_ms=30_000, load_ms=load_ms, replay_ms=0, check_ms=3_000, total_ms=load_ms + 5_000
    )
    return replace(base, **changes)


def completed(**changes: object) -> DrillCompleted:
    """A drill that brought a database back by both legs: 4 GiB, stored as 1 GiB in parts of 64 MiB."""
    source, stored = 4 << 30, 1 << 30
    checks = (Check(name="tables and rows", ok=True, found="12 tables, 5000 rows"),)
    both = Check(name="both legs", ok=True, found="12 compared, all the same")
    base = DrillCompleted(
        set=SET,
        kind="logical",
        engine="mariadb",
        store="offsite",
        store_kind="s3",
        by="laptop",
        fleet="testing",
        node="web-01",
        node_fingerprint="A" * 40,
        trust="pinned",
        sequence=7,
        manifest_sha256="ab" * 32,
        legs=(
            Leg(name="restore", phases=phases(), checks=checks, restored_bytes=source, read_bytes=stored),
            Leg(name="by_hand", phases=phases(60_000), checks=(*checks, both), restored_bytes=source,
                read_bytes=stored),
        ),
        recovers_to="2026-11-21T02:00:00.000000Z",
        rpo_seconds=21_600,
        rto_ms=45_000,
        source_bytes=source,
        stored_bytes=stored,
        hardware=HARDWARE,
        link=Link(fetched_bytes=stored, fetch_ms=20_000),
        sandbox=("no network", "its own view of files"),
        restore_sh_sha256="cd" * 32,
        first_bytes=64 << 20,
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def failed(**changes: object) -> DrillFailed:
    """A drill whose product's leg met a changed part."""
    error = PartDamaged(part="db-crud-00001.zst.gpg", set=SET, store="offsite", detail="its bytes were changed")
    base = DrillFailed(
        set=SET,
        kind="logical",
        engine="mariadb",
        store="offsite",
        store_kind="s3",
        by="laptop",
        fleet="testing",
        node="web-01",
        leg="restore",
        step="load",
        error=error.code,
        message=error.message,
        next_step=error.advice,
    )
    return replace(base, **changes)  # type: ignore[arg-type]
