"""What a heartbeat means: whether it counts, which minute it fills, when the next should come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from intendance.model.frozen import dataclass
from intendance.wire.messages import Backfill

INTERVAL_US = 60_000_000
LATE_US = 75_000_000
"""After an interval and the last retry inside it (+20 s), less 5, a beat is not in time."""
MISSING_US = 120_000_000
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
SPOOL_US = 24 * HOUR_US
KEPT_BOOTS = 8

Reception = Literal["counts", "again", "replayed"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a beat stands in the life of a node: which boot, which number in it."""

    boot: str
    seq: int
    former_boots: tuple[str, ...] = ()


def receive(known: Place, boot: str, seq: int) -> Reception:
    """Whether a beat counts. A number is used once in a boot, and a boot that is over does not come back; the very last
    beat may come twice, when its answer was lost."""
    if boot == known.boot:
        if seq > known.seq:
            return "counts"
        return "again" if seq == known.seq else "replayed"
    return "replayed" if boot in known.former_boots else "counts"


def advance(known: Place, boot: str, seq: int) -> Place:
    """The place after a beat that counts."""
    if boot == known.boot or not known.boot:
        return Place(boot, seq, known.former_boots)
    return Place(boot, seq, (*known.former_boots, known.boot)[-KEPT_BOOTS:])


def streak(before: int, last_seen_us: int, received_us: int) -> int:
    """How many beats came in time, one after the other, with this one."""
    return before + 1 if received_us - last_seen_us <= LATE_US else 1


def slot(at_us: int) -> tuple[int, int]:
    """The hour that an instant is in, and the bit of its minute."""
    hour = at_us - at_us % HOUR_US
    return hour, 1 << ((at_us - hour) // MINUTE_US)


def minute_of(last_minute_us: int, last_seen_us: int, received_us: int) -> int:
    """The beginning of the minute that a beat fills. Beats that come every 60 s, now a little before the full minute,
    now a little after it, fill every minute: one that came in time fills the one before its own where that is empty."""
    minute_us = received_us - received_us % MINUTE_US
    if received_us - last_seen_us > LATE_US or last_minute_us < minute_us - 2 * MINUTE_US:
        return minute_us
    return min(minute_us, last_minute_us + MINUTE_US) if last_minute_us < minute_us else minute_us


def minutes_told(told: Backfill, received_us: int) -> dict[int, int]:
    """The minutes of the last 24 hours in which a node says that it lived: by hour, a bit for each.

    Within the boot that speaks, the monotonic clock says when that was; for earlier boots the wall clock does,
    corrected by what it is wrong by now.
    """
    minutes: dict[int, int] = {}
    skew_us = told.sent_at - received_us
    for beat in told.beats:
        if beat.boot == told.boot:
            at_us = received_us - (told.mono_ns - beat.mono_ns) // 1000
        else:
            at_us = beat.sent_at - skew_us
        if received_us - SPOOL_US - HOUR_US <= at_us <= received_us:
            hour, bit = slot(at_us)
            minutes[hour] = minutes.get(hour, 0) | bit
    return minutes


_CROWD = 50
_SECONDS = 60


def quieter_in_ms(per_second: Sequence[int], second: int, interval_seconds: int = _SECONDS) -> int:
    """When the next beat of a node is wanted, in ms, if the second in which it came is crowded; 0: let it be.

    Only the phase moves: the next beat comes earlier than it would have, never later.
    """
    here = per_second[second]
    if here < _CROWD or here * len(per_second) < 2 * sum(per_second):
        return 0
    wait = min(range(1, interval_seconds), key=lambda each: per_second[(second + each) % interval_seconds])
    return wait * 1000
