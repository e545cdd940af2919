"""What a backup is before it begins: its name, its place in the chain, the room it needs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from intendance.ledger.canonical import clean
from intendance.model.errors.sets import NoRoom
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.frozen import dataclass

SPARE_PERCENT = 15
"""Room beyond the projected size that must be left (design, trap 12)."""

WARNINGS_RECORDED = 20
WARNING_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A set's place in the chain of its asset's manifests."""

    sequence: int
    previous: str | None


def set_id(run: str, attempt: int) -> str:
    """`<run>.<attempt>`: a new attempt never meets the objects of an old one."""
    return f"{run}.{attempt}"


def next_link(history: Sequence[BackupCompleted]) -> Link:
    """What follows the sets that the ledger knows (in any order)."""
    latest = max(history, key=lambda backup: backup.sequence, default=None)
    if latest is None:
        return Link(sequence=0, previous=None)
    return Link(sequence=latest.sequence + 1, previous=latest.manifest_sha256)


def expected_bytes(kind: str, history: Sequence[BackupCompleted]) -> int | None:
    """What the last backup of this kind read, before compression (`history`: newest first)."""
    return next((backup.source_bytes for backup in history if backup.kind == kind), None)


def projected_bytes(kind: str, history: Sequence[BackupCompleted], estimated_bytes: int) -> int:
    """The ciphertext to expect: that of the last set of this kind (`history`: newest first), else the engine's
    estimate before compression."""
    return next((backup.stored_bytes for backup in history if backup.kind == kind), estimated_bytes)


def require_room(asset: str, kind: str, projected: int, store: str, free_bytes: int | None) -> None:
    """Raises NoRoom unless the store has room for the set and 15 % more (None: it cannot say)."""
    need = -(-projected * (100 + SPARE_PERCENT) // 100)
    if free_bytes is not None and free_bytes < need:
        raise NoRoom(store=store, free=size(free_bytes), kind=kind, asset=asset, need=size(projected))


def first_warnings(warnings: Sequence[str]) -> tuple[str, ...]:
    """The warnings as evidence holds them; the manifest has them all."""
    more = len(warnings) - WARNINGS_RECORDED
    brief = [warning[:WARNING_CHARACTERS] for warning in warnings[:WARNINGS_RECORDED]]
    return (*brief, f"and {more} more, in the manifest") if more > 0 else tuple(brief)


def bases(history: Sequence[BackupCompleted], store: str) -> tuple[BackupCompleted, ...]:
    """The full sets that this store was given (`history`: newest first), the newest first."""
    full = [backup for backup in history if backup.kind == "full" and store in backup.stores]
    newest_word = {backup.set: backup for backup in reversed(full)}
    return tuple(sorted(newest_word.values(), key=lambda backup: backup.sequence, reverse=True))


def canonical(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details of an engine with their texts in the one form that canonical JSON has."""
    return {name: _clean(value) for name, value in details.items()}


def _clean(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case list() | tuple():
            return [_clean(each) for each in value]
        case dict():
            return {name: _clean(each) for name, each in value.items()}
    return value


def size(count: int) -> str:
    """`1.5 GiB`: bytes as a sentence says them."""
    if count < 2**10:
        return f"{count} B"
    power = min((count.bit_length() - 1) // 10, 4)
    return f"{count / 2 ** (10 * power):.1f} {'KMGT'[power - 1]}iB"
