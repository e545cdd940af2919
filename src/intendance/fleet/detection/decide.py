"""Which silence is a node's own, which is a site's, and which is ours. Pure.

Figures are those of the design; instants are microseconds since 1970 in UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from intendance.fleet.beats.decide import LATE_US, MISSING_US
from intendance.model.frozen import dataclass

SECOND_US = 1_000_000
SETTLE_US = SECOND_US // 2
"""A beat that came in time is written within 250 ms; for that long a deadline is not over."""
GRACE_US = MISSING_US - LATE_US
"""A node is late from this long before its deadline."""
BLIND_US = 5 * SECOND_US
"""A tick that comes this much later than the one before has seen nothing in between."""
TAKEN_OVER_US = 30 * SECOND_US
"""A manager at work takes a lease that is over within seconds: where nobody led for longer, none was at work."""
GUARD_US = 60 * SECOND_US
FLEET_SHARE_PERCENT = 30
FLEET_LEAST = 5
SITE_SHARE_PERCENT = 80
SITE_LEAST = 2
"""One node alone is no site that cannot be reached."""
RECOVERS_BY_BEATS = 2
SKEW_MS = 5_000
SLOT_US = 60 * SECOND_US
SLOTS = 20
FLAPPING_FROM_PERCENT = 30
FLAPPING_UNTIL_PERCENT = 25
CANARY_EVERY_US = 24 * 3600 * SECOND_US
CANARY_WITHIN_US = 180 * SECOND_US
CANARY_OVERDUE_US = 26 * 3600 * SECOND_US
OBSERVER_EVERY_US = 60 * SECOND_US
OBSERVER_FAILS_US = 300 * SECOND_US
"""An observer that does not answer for so long is told: five times."""
OUTBOX_OLDEST_US = 120 * SECOND_US
CLOCK_SET = "clock set"
FIRST_START, RESTART, STALLED, UNWRITTEN = "first start", "restart", "stalled", "database"
KILLED = "killed"
NEXT_BEAT_US = 90 * SECOND_US
"""Within it the beat after one that was lost comes: an interval, the last try inside it, and some air."""
BLIND_TOLD_US = MISSING_US
"""Blind for so long together within an hour, we tell it: a node that died meanwhile would have been called missing."""
BLIND_WITHIN_US = 3600 * SECOND_US


def deadline_us(last_seen_us: int, observable_since_us: int) -> int:
    """When a node is missing: 120 s after its last beat, or after we could hear it again."""
    return max(last_seen_us, observable_since_us) + MISSING_US


@dataclass(frozen=True, slots=True)
class Blind:
    """A time in which we saw nothing: it is ours, and billed to no node."""

    from_us: int
    to_us: int
    cause: str


def blindness(last_tick_us: int | None, now_us: int, elapsed_us: int | None) -> Blind | None:
    """What the time since the last tick means; `elapsed_us` is that time on a clock that nobody sets, where the same
    process ticked before. A clock that was set back or forth is as blind as one that stood still."""
    if last_tick_us is None:
        return Blind(now_us, now_us, FIRST_START)
    passed = now_us - last_tick_us
    if elapsed_us is not None and abs(passed - elapsed_us) > BLIND_US:
        return Blind(min(last_tick_us, now_us), now_us, CLOCK_SET)
    if passed > BLIND_US or passed < -BLIND_US:
        return Blind(min(last_tick_us, now_us), now_us, RESTART if elapsed_us is None else STALLED)
    return None


def may_be_handed_over(last_tick_us: int, now_us: int) -> bool:
    """Whether managers may have been at work ever since the last tick, and only the lease changed hands."""
    return now_us - last_tick_us <= TAKEN_OVER_US


def lost_beats(blind: Blind | None, since_us: int | None, now_us: int) -> Blind | None:
    """The time of which beats may be lost because a manager was killed (`since_us`), with that in which we saw nothing
    anyway, if there was one."""
    if since_us is None:
        return blind
    if blind is None:
        return Blind(min(since_us, now_us), now_us, KILLED)
    return Blind(min(blind.from_us, since_us), blind.to_us, blind.cause)


def blind_us(gaps: Iterable[Blind], told_us: int | None, now_us: int) -> int:
    """For how long we saw nothing within the last hour, and since that was over of which people were told last."""
    since = now_us - BLIND_WITHIN_US
    if told_us is not None:
        since = max(since, told_us)
    total_us, reached_us = 0, since
    for each in sorted((each for each in gaps if each.cause != FIRST_START), key=lambda gap: gap.from_us):
        until_us = min(each.to_us, now_us)  # two causes may have blinded us at once
        total_us += max(0, until_us - max(each.from_us, reached_us))
        reached_us = max(reached_us, until_us)
    return total_us


def must_tell_blindness(blind: Blind, total_us: int, back_us: int) -> bool:
    """Whether people are told that we saw nothing: of a restart that takes seconds they are not, of many of them, of
    a long one, and of a clock that was set, they are."""
    if blind.cause == FIRST_START:
        return False
    return total_us >= BLIND_TOLD_US or (blind.cause == CLOCK_SET and max(total_us, back_us) >= BLIND_US)


def sees_again(blind_until_us: int, now_us: int) -> bool:
    """Whether every node had its time to be heard since we were blind: whoever is silent now is known to be."""
    return not blind_until_us <= now_us < blind_until_us + MISSING_US


def set_back_us(last_tick_us: int | None, now_us: int, elapsed_us: int) -> int:
    """By how much the clock was set back since the last tick; 0 where it was not, or only by what nobody notices."""
    back = 0 if last_tick_us is None else last_tick_us + elapsed_us - now_us
    return back if back > BLIND_US else 0


@dataclass(frozen=True, slots=True)
class Silent:
    """A node that went missing, where it stands, and when that was noticed."""

    node: str
    site: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Mass:
    """Many nodes that fell silent together: of a site, or (`site` empty) of the whole fleet."""

    site: str
    nodes: tuple[str, ...]
    of: int


def mass_silence(silent: Iterable[Silent], sizes: Mapping[str, int], now_us: int) -> tuple[Mass, ...]:
    """What fell silent together within 60 s: more than 30 % of the fleet and five at least, else more than 80 % of a
    site. `sizes` counts the nodes of each site that are watched."""
    recent = [each for each in silent if now_us - each.at_us <= GUARD_US]
    total = sum(sizes.values())
    if len(recent) >= FLEET_LEAST and len(recent) * 100 > total * FLEET_SHARE_PERCENT:
        return (Mass("", tuple(sorted(each.node for each in recent)), total),)
    counted = Counter(each.site for each in recent if each.site)
    return tuple(
        Mass(site, tuple(sorted(each.node for each in recent if each.site == site)), sizes.get(site, count))
        for site, count in sorted(counted.items())
        if count >= SITE_LEAST and count * 100 > sizes.get(site, count) * SITE_SHARE_PERCENT
    )


def mass_holds(mass_site: str, missing: int, size: int) -> bool:
    """Whether what fell silent together still is: until less than half of what made it so is missing."""
    share = SITE_SHARE_PERCENT if mass_site else FLEET_SHARE_PERCENT
    return missing > 0 and missing * 200 >= size * share


def flapping_percent(changes_us: Sequence[int], now_us: int) -> int:
    """How restless a node was in the last 20 minutes, minute by minute: the newer a change, the heavier (from 0.8 to
    1.2, as Icinga weighs them)."""
    newest = now_us // SLOT_US
    slots = {newest - at // SLOT_US for at in changes_us if 0 <= newest - at // SLOT_US < SLOTS}
    weighed = sum(1200 - slot * 400 // (SLOTS - 1) for slot in slots)
    return weighed * 100 // (SLOTS * 1000)


def is_flapping(percent: int, *, was: bool) -> bool:
    """From 30 % on, and until below 25 %."""
    return percent >= FLAPPING_UNTIL_PERCENT if was else percent > FLAPPING_FROM_PERCENT


def is_skewed(skew_ms: int) -> bool:
    """Whether a node's clock is too far from ours: its records would bear wrong times."""
    return abs(skew_ms) > SKEW_MS


def observer_may_hear(
    now_us: int, tick_us: int | None, heard_us: int, oldest_due_us: int | None, canary_us: int | None
) -> bool:
    """Whether we may tell an observer elsewhere that all is well: a tick and beats written within 5 s, nothing waiting
    to leave for longer than two minutes, and a canary that came through within 26 hours (None: none was due yet)."""
    ticks = tick_us is not None and abs(now_us - tick_us) < BLIND_US and abs(now_us - heard_us) < BLIND_US
    leaves = oldest_due_us is None or now_us - oldest_due_us < OUTBOX_OLDEST_US
    return ticks and leaves and (canary_us is None or now_us - canary_us < CANARY_OVERDUE_US)
