"""Sets as a store holds them, and what the ledger remembers of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.filled import StoreFilled
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.evidence.prune import PruneBegun, PruneCompleted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact
from intendance.sets.manifest import Manifest


class Recorded(Protocol):
    """A set that must be there, as somebody recorded it."""

    @property
    def set(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def recovers_to(self) -> str: ...
    @property
    def completed_at(self) -> str: ...
    @property
    def manifest_sha256(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A set as the store holds it. `manifest` is None when it could not be trusted; then `fault` says why.

    `hashed_bytes` is how much of its ciphertext was re-read. `stored_at` is the store's time of its manifest, `version`
    the store's name of that; `lock_until` (RFC 3339) until when no object of the set can be erased. Empty: unknown.
    """

    set: str
    manifest: Manifest | None = None
    manifest_sha256: str = ""
    listed_bytes: int = 0
    hashed_bytes: int = 0
    fault: str = ""
    stored_at: datetime | None = None
    version: str = ""
    lock_until: str = ""

    @property
    def whole(self) -> bool:
        """Whether all of its ciphertext was re-read."""
        return self.manifest is not None and 0 < self.manifest.stored_bytes <= self.hashed_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What earlier inspections of this store left: when each set was last re-read whole, and which were damaged."""

    hashed_at: Mapping[str, datetime]
    all_hashed_at: datetime | None
    damaged: frozenset[str]

    def last_hashed(self, found: Found) -> datetime:
        """When this set was last re-read; long ago when never."""
        moments = [self.hashed_at[found.set]] if found.set in self.hashed_at else []
        if self.all_hashed_at is not None and found.manifest is not None:
            completed = datetime.fromisoformat(found.manifest.completed_at)
            moments += [self.all_hashed_at] if completed <= self.all_hashed_at else []
        return max(moments, default=datetime.min.replace(tzinfo=UTC))


def pruned_sets(store: str, prunings: Iterable[PruneBegun | PruneCompleted]) -> dict[str, str]:
    """The sets that prunings took from this store, or were about to when they were broken off: manifest by id."""
    return {each.set: each.manifest_sha256 for done in prunings if done.store == store for each in done.sets}


def expected_sets(
    store: str,
    completed: Iterable[BackupCompleted],
    pruned: Collection[str] = (),
    fillings: Iterable[StoreFilled] = (),
) -> dict[str, BackupCompleted]:
    """The sets that the ledger says are in this store; `completed` is newest first, the newest word on a set counts."""
    brought = {each.set for filled in fillings if filled.store == store for each in filled.sets}
    latest: dict[str, BackupCompleted] = {}
    for backup in completed:
        latest.setdefault(backup.set, backup)
    return {
        name: backup
        for name, backup in latest.items()
        if (store in backup.stores or name in brought) and name not in pruned
    }


def remember(store: str, inspections: Iterable[Fact[InspectionCompleted]]) -> Memory:
    """What the inspections of this store, newest first, tell about what was re-read and found damaged."""
    hashed: dict[str, datetime] = {}
    deep: datetime | None = None
    damaged: frozenset[str] | None = None
    for fact in inspections:
        if fact.data.store != store:
            continue
        if damaged is None:
            damaged = frozenset(seen.set for seen in fact.data.damaged)
        if fact.data.deep and deep is None:
            deep = fact.at
        for name in fact.data.hashed_sets:
            hashed.setdefault(name, fact.at)
    return Memory(hashed_at=hashed, all_hashed_at=deep, damaged=damaged or frozenset())
