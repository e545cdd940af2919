"""Which legal copies in a store are not locked for as long as the plan keeps them, as the evidence has it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.drill import DrillCompleted
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.evidence.locked import StoreLocked
from intendance.model.frozen import dataclass
from intendance.model.plan import LegalRetention
from intendance.model.verdict import Fact
from intendance.sets.holdings import Held
from intendance.sets.retention import StoredSet, legal_copies


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocked:
    """A legal copy, and until when its store must lock it. Of its objects, the first `locked_objects` are already."""

    made: BackupCompleted
    until: datetime
    locked_objects: int = 0


def legal_sets(
    held: Iterable[Held], legal: LegalRetention, drilled: Collection[str], zone: str
) -> tuple[BackupCompleted, ...]:
    """Those of some sets that are kept for the law, the oldest first. Raises ZoneInfoNotFoundError."""
    made = {each.made.set: each.made for each in held}
    chosen = legal_copies([_dated(each) for each in made.values()], legal, drilled, zone)
    return tuple(made[each.set] for each in sorted(chosen, key=lambda each: (each.recovers_to, each.set)))


def drilled_sets(held: Iterable[Held], drills: Iterable[DrillCompleted]) -> frozenset[str]:
    """Those of some sets that passed a drill."""
    hashes = {each.made.set: each.made.manifest_sha256 for each in held}
    return frozenset(each.set for each in drills if hashes.get(each.set) == each.manifest_sha256)


def kept_for_law(
    held: Sequence[Held], legal: LegalRetention | None, drills: Iterable[DrillCompleted], zone: str, now: datetime
) -> frozenset[str]:
    """The names of those of some sets that the law keeps, and still does. Raises ZoneInfoNotFoundError."""
    if legal is None:
        return frozenset()
    since = now - timedelta(days=legal.keep_days)
    chosen = legal_sets(held, legal, drilled_sets(held, drills), zone)
    return frozenset(each.set for each in chosen if datetime.fromisoformat(each.completed_at) >= since)


def unlocked(
    store: str,
    held: Iterable[Held],
    legal: LegalRetention,
    *,
    drilled: Collection[str],
    zone: str,
    now: datetime,
    before: Sequence[Fact[StoreLocked]],
    look: Fact[InspectionCompleted] | None,
) -> tuple[Unlocked, ...]:
    """The legal copies in `store` whose locks must be lengthened, the oldest first.

    `before` are the records of locks, newest first; what the last `look` into the store contradicts is locked again.
    Raises ZoneInfoNotFoundError.
    """
    ours = [fact for fact in before if fact.data.store == store]
    found = []
    for made in legal_sets([each for each in held if store in each.stores], legal, drilled, zone):
        # A node whose clock was ahead must not lock for longer than the plan keeps: nobody could take it back.
        until = min(datetime.fromisoformat(made.completed_at), now) + timedelta(days=legal.keep_days)
        if until > now and not _is_locked(made, until, ours, look):
            found.append(Unlocked(made=made, until=until, locked_objects=_locked_objects(made, until, ours)))
    return tuple(found)


def _is_locked(
    made: BackupCompleted,
    until: datetime,
    before: Sequence[Fact[StoreLocked]],
    look: Fact[InspectionCompleted] | None,
) -> bool:
    for fact in before:
        for each in fact.data.sets:
            if (each.set, each.manifest_sha256) == (made.set, made.manifest_sha256):
                said = datetime.fromisoformat(each.lock_until) >= until
                return said and not (look is not None and look.seq > fact.seq and _contradicted(made.set, until, look))
    return False


def _contradicted(name: str, until: datetime, look: Fact[InspectionCompleted]) -> bool:
    """Only of the first set of each year are the locks looked at."""
    seen = next((each for each in look.data.yearly if each.set == name), None)
    if seen is None:
        return False
    return not seen.lock_until or datetime.fromisoformat(seen.lock_until) < until


def _locked_objects(made: BackupCompleted, until: datetime, before: Sequence[Fact[StoreLocked]]) -> int:
    """How far the last record got with a set."""
    last = before[0].data if before else None
    if last is None or last.begun != made.set or datetime.fromisoformat(last.begun_until) < until:
        return 0
    return last.begun_objects


def _dated(made: BackupCompleted) -> StoredSet:
    return StoredSet(
        set=made.set,
        kind=made.kind,
        recovers_to=datetime.fromisoformat(made.recovers_to),
        stored_at=datetime.fromisoformat(made.completed_at),
        manifest_sha256=made.manifest_sha256,
    )
