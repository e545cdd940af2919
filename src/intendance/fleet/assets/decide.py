"""What a node's evidence says of one of its assets. Pure.

A set is where its evidence says that it is: the stores that `backup.completed` names, without those that a pruning took
it from. What the latest inspection of a store found wrong with it is its fault there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from intendance.model.evidence.backup import BackupCompleted, BackupFailed
from intendance.model.evidence.drill import DrillCompleted, DrillFailed, Leg
from intendance.model.evidence.inspection import InspectionCompleted, InspectionFailed
from intendance.model.evidence.lifecycle import AssetDeclared, AssetDropped
from intendance.model.evidence.prune import PruneCompleted
from intendance.model.evidence.restore import Check
from intendance.model.frozen import dataclass
from intendance.model.record import instant
from intendance.model.verdict import Fact

SHOWN_DAYS = 90
"""How far back sets are shown."""
LOSS_DAYS = 30
"""How far back the possible loss is followed."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetHeld:
    """A set and the stores that hold it; `faults` are by store; `seq` is the record that says that it was made."""

    set: str
    kind: str
    recovers_to: datetime
    completed_at: datetime
    source_bytes: int
    stored_bytes: int
    stores: tuple[str, ...]
    faults: Mapping[str, str]
    drilled_at: datetime | None
    seq: int

    @property
    def sound(self) -> tuple[str, ...]:
        """The stores that hold it, and where nobody found it faulty."""
        return tuple(store for store in self.stores if store not in self.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSeen:
    """A store of the asset as it was inspected last; `failure` says why a later try could not look."""

    store: str
    inspected_at: datetime | None = None
    by: str = ""
    sets: int = 0
    faulty: int = 0
    stored_bytes: int = 0
    oldest: datetime | None = None
    failure: str = ""
    failed_at: datetime | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillTold:
    """A drill: `legs` and figures are those of one that succeeded, `step` and `message` of one that failed."""

    at: datetime
    ok: bool
    set: str
    store: str
    by: str
    seq: int
    recovers_to: datetime | None = None
    legs: tuple[Leg, ...] = ()
    rto_ms: int | None = None
    predicted_ms: int | None = None
    rpo_seconds: int | None = None
    step: str = ""
    message: str = ""
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The most that could have been lost at any time of the day that ends at `until`."""

    until: datetime
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An asset at one instant. Sets and drills are newest first. `dropped_at`: the plan names it no more."""

    node: str
    name: str
    engine: str
    subject: str
    identity: str
    schedules: tuple[tuple[str, str | None], ...]
    retention_days: int
    declared_at: datetime
    dropped_at: datetime | None
    asked_at: datetime
    sets: tuple[SetHeld, ...]
    stores: tuple[StoreSeen, ...]
    drills: tuple[DrillTold, ...]
    failure: str
    failed_at: datetime | None
    catalogues: tuple[str, ...] = ()

    @property
    def newest(self) -> SetHeld | None:
        """The newest set that some store holds without a fault; none is of a time that has not come yet."""
        return next((each for each in self.sets if each.sound and each.recovers_to <= self.asked_at), None)

    @property
    def loss(self) -> timedelta | None:
        """What would be lost, were it restored now."""
        return None if self.newest is None else self.asked_at - self.newest.recovers_to


def sets_held(
    made: Iterable[Fact[BackupCompleted]],
    pruned: Iterable[Fact[PruneCompleted]],
    inspected: Iterable[Fact[InspectionCompleted]],
    drilled: Mapping[str, datetime],
) -> tuple[SetHeld, ...]:
    """The sets that some store still holds, newest first. A set that was said again counts as it was said last."""
    gone = {(fact.data.store, each.set) for fact in pruned for each in fact.data.sets}
    faults: dict[str, dict[str, str]] = {}
    for store, looked in latest_by_store(inspected).items():
        for seen in looked.data.damaged:
            faults.setdefault(seen.set, {})[store] = seen.fault
    last: dict[str, Fact[BackupCompleted]] = {}
    for fact in made:
        known = last.get(fact.data.set)
        if known is None or fact.seq > known.seq:
            last[fact.data.set] = fact
    found = []
    for name, made_last in last.items():
        data = made_last.data
        stores = tuple(store for store in data.stores if (store, name) not in gone)
        if stores:
            found.append(
                SetHeld(
                    set=name,
                    kind=data.kind,
                    recovers_to=instant(data.recovers_to),
                    completed_at=instant(data.completed_at),
                    source_bytes=data.source_bytes,
                    stored_bytes=data.stored_bytes,
                    stores=stores,
                    faults=faults.get(name, {}),
                    drilled_at=drilled.get(name),
                    seq=made_last.seq,
                )
            )
    return tuple(sorted(found, key=lambda each: (each.recovers_to, each.set), reverse=True))


def latest_by_store(inspected: Iterable[Fact[InspectionCompleted]]) -> dict[str, Fact[InspectionCompleted]]:
    """The latest inspection of each store."""
    latest: dict[str, Fact[InspectionCompleted]] = {}
    for fact in inspected:
        known = latest.get(fact.data.store)
        if known is None or fact.seq > known.seq:
            latest[fact.data.store] = fact
    return latest


def stores_seen(
    names: Sequence[str],
    inspected: Iterable[Fact[InspectionCompleted]],
    failed: Iterable[Fact[InspectionFailed]],
) -> tuple[StoreSeen, ...]:
    """The stores of the plan, and any other that was inspected, each as it was seen last."""
    latest = latest_by_store(inspected)
    failures: dict[str, Fact[InspectionFailed]] = {}
    for fact in failed:
        known = failures.get(fact.data.store)
        if known is None or fact.seq > known.seq:
            failures[fact.data.store] = fact
    every = dict.fromkeys((*names, *latest))
    return tuple(_seen(store, latest.get(store), failures.get(store)) for store in every)


def _seen(store: str, fact: Fact[InspectionCompleted] | None, failed: Fact[InspectionFailed] | None) -> StoreSeen:
    later = failed if failed is not None and (fact is None or failed.seq > fact.seq) else None
    failure = "" if later is None else later.data.message
    failed_at = None if later is None else later.at
    if fact is None:
        return StoreSeen(store=store, failure=failure, failed_at=failed_at)
    data = fact.data
    return StoreSeen(
        store=store,
        inspected_at=fact.at,
        by=data.by,
        sets=data.sets,
        faulty=data.faulty,
        stored_bytes=data.stored_bytes,
        oldest=None if data.oldest_recovers_to is None else instant(data.oldest_recovers_to),
        failure=failure,
        failed_at=failed_at,
        seq=fact.seq,
    )


def drills_told(done: Iterable[Fact[DrillCompleted]], failed: Iterable[Fact[DrillFailed]]) -> tuple[DrillTold, ...]:
    """All drills, newest first."""
    told = [
        DrillTold(
            at=fact.at,
            ok=True,
            set=fact.data.set,
            store=fact.data.store,
            by=fact.data.by,
            seq=fact.seq,
            recovers_to=instant(fact.data.recovers_to),
            legs=fact.data.legs,
            rto_ms=fact.data.rto_ms,
            predicted_ms=fact.data.predicted_ms,
            rpo_seconds=fact.data.rpo_seconds,
            checks=tuple(check for leg in fact.data.legs for check in leg.checks),
        )
        for fact in done
    ]
    told += [
        DrillTold(
            at=fact.at,
            ok=False,
            set=fact.data.set,
            store=fact.data.store,
            by=fact.data.by,
            seq=fact.seq,
            step=fact.data.step,
            message=fact.data.message,
            checks=fact.data.checks,
        )
        for fact in failed
    ]
    return tuple(sorted(told, key=lambda each: each.seq, reverse=True))


def peaks(sets: Iterable[SetHeld], now: datetime, days: int = LOSS_DAYS) -> tuple[Peak, ...]:
    """Day by day, the oldest first: the most that could have been lost, by the sets that were complete at the time.

    A day before the first set has no figure.
    """
    made = sorted((each.completed_at, each.recovers_to) for each in sets)
    found = []
    for day in range(days, 0, -1):
        begin, end = now - day * DAY, now - (day - 1) * DAY
        best: datetime | None = None
        most: timedelta | None = None
        for completed, recovers in made:
            if completed > end:
                break
            if best is not None and completed > begin:
                most = max(most or timedelta(), completed - best)
            best = recovers if best is None else max(best, recovers)
        if best is not None:
            most = max(most or timedelta(), end - best)
            found.append(Peak(until=end, seconds=-int(-most.total_seconds() // 1)))
    return tuple(found)


def dropped_at(declared: Fact[AssetDeclared], dropped: Fact[AssetDropped] | None) -> datetime | None:
    """Since when the plan names the asset no more."""
    return dropped.at if dropped is not None and dropped.seq > declared.seq else None


def unanswered(failed: Fact[BackupFailed] | None, sets: Iterable[SetHeld]) -> Fact[BackupFailed] | None:
    """The latest failed backup, unless a set was made after it."""
    return None if failed is None or any(each.seq > failed.seq for each in sets) else failed
