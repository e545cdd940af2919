"""What another machine than the node works out of what it sees: whose turn it is to be re-read, what was there before,
whether the store's clock can be believed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Literal

from intendance.model.evidence.inspection import InspectionCompleted, SetSeen
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact

THIRTIETHS = 30
"""Every part is re-read at least once in so many days (research on backups, §4.8)."""

CLOCK_TOLERANCE_SECONDS = 120
"""How far the store's clock may be from ours, as the rules' own tolerance (`catalogue/subject.py`)."""


def thirtieth(set_id: str, part: str) -> int:
    """Which share of the store a part belongs to, 0 to 29: for ever the same one, whatever else the store holds."""
    return int.from_bytes(sha256(f"{set_id}/{part}".encode()).digest()[:8]) % THIRTIETHS


def turns(today: date, last: date | None) -> tuple[int, ...]:
    """The shares to re-read on a day: its own, and those of the days since `last`, the day of the look before.

    None: nobody looked before, and only the day's own share is due.
    """
    days = 1 if last is None else min(max((today - last).days, 1), THIRTIETHS)
    return tuple(sorted((today.toordinal() - back) % THIRTIETHS for back in range(days)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A set that an earlier look of this machine found whole."""

    set: str
    kind: str
    recovers_to: str
    completed_at: str
    manifest_sha256: str


def seen_before(
    store: str, looks: Iterable[Fact[InspectionCompleted]], pruned: Collection[str] = ()
) -> Mapping[str, Remembered]:
    """The sets that earlier looks into this store found and that nobody pruned since; the newest word on each counts.

    A set that was missed once is not expected for ever: the look that missed it told so.
    """
    found: dict[str, Remembered | None] = {}
    for fact in looks:  # newest first
        if fact.data.store == store:
            for seen in (*fact.data.newest, *fact.data.damaged):
                found.setdefault(seen.set, _remembered(seen))
    return {name: each for name, each in found.items() if each is not None and name not in pruned}


def _remembered(seen: SetSeen) -> Remembered | None:
    if not seen.stored_bytes:
        return None
    return Remembered(
        set=seen.set,
        kind=seen.kind,
        recovers_to=seen.recovers_to,
        completed_at=seen.completed_at,
        manifest_sha256=seen.manifest_sha256,
    )


def clock_off_seconds(stored: Iterable[tuple[datetime, datetime]], now: datetime) -> int:
    """By how much the store's time contradicts ours: positive when it is ahead, negative when behind, 0 when it fits.

    `stored` are sets by the store's time of their manifest and by their own end. Nothing is stored after now, and no
    set before it was complete.
    """
    tolerance = timedelta(seconds=CLOCK_TOLERANCE_SECONDS)
    ahead = timedelta()
    behind = timedelta()
    for stored_at, completed_at in stored:
        ahead = max(ahead, stored_at - now)
        behind = max(behind, completed_at - stored_at)
    if max(ahead, behind) <= tolerance:
        return 0
    return int(ahead.total_seconds()) if ahead >= behind else -int(behind.total_seconds())


def yearly(sets: Sequence[SetSeen], kinds: Collection[str], drilled: Collection[str] = ()) -> tuple[SetSeen, ...]:
    """The first faultless set of each year (UTC) of the recovery points, of the kinds that last, and the first that
    passed a drill where that is another one, as retention keeps both: oldest first."""
    first: dict[tuple[str, bool], SetSeen] = {}
    for seen in sorted(sets, key=lambda each: (each.recovers_to, each.set)):
        if seen.kind in kinds and not seen.fault:
            year = seen.recovers_to[:4]
            first.setdefault((year, False), seen)
            if seen.set in drilled:
                first.setdefault((year, True), seen)
    return tuple({seen.set: seen for seen in first.values()}.values())


Standing = Literal["never", "old", "faulty", "clock", "good"]


def standing(seen: InspectionCompleted, *, scheduled: bool, bound_seconds: int | None, now: datetime) -> Standing:
    """What a look into one store means for whoever asked for it, the gravest first.

    `never`: the plan schedules backups and the store holds no whole one. `old`: the newest whole one recovers to more
    than `bound_seconds` ago.
    """
    whole = [datetime.fromisoformat(each.recovers_to) for each in seen.newest if not each.fault]
    if scheduled and not whole:
        return "never"
    if seen.faulty:
        return "faulty"
    if scheduled and bound_seconds is not None and now - max(whole) > timedelta(seconds=bound_seconds):
        return "old"
    return "clock" if seen.clock_off_s else "good"
