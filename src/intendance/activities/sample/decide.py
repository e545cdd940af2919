"""What readings of the machine mean: roll-ups of 5 minutes, and figures that pass their limit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from intendance.activities.sample.databases import DatabaseSeen
from intendance.activities.sample.databases import roll_up as databases_rolled_up
from intendance.model.evidence.sample import (
    FileSystemRolledUp,
    LimitFollowed,
    SampleExcursion,
    SampleRollup,
    StillAbove,
)
from intendance.model.frozen import dataclass
from intendance.model.plan import Catalogue, Threshold

STEP_SECONDS = 300
"""One value of a roll-up; the rules speak of 5 minutes (MAINT_052, ASBL_031)."""
STEPS = 12
"""An hour's values are one record: 87,600 in ten years instead of a million (decision 13)."""
GAP_SECONDS = 600
"""A longer silence (the machine slept, the clock jumped) ends a roll-up: no value covers what nobody saw."""
BACK_BELOW_PERMILLE = 50
"""How far below its limit a figure is back, so that one that hovers there does not fill the ledger."""
UNSEEN_READINGS = 5
"""After so many without it, a file system is no longer watched: one that answers late comes back before."""
LEAST_SHARE_OF_WINDOW = 0.75
"""So much of the time over which a mean is taken must have been seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """How full a file system is, by its mount point."""

    place: str
    used_permille: int
    inodes_permille: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at the machine: by the wall clock, and by one that never jumps (`mono_seconds`).

    `cpu_permille` is None for the first look of a process, which has nothing to compare with. `silent` are file systems
    that did not answer. `databases` are what servers said, each with the deadlocks since it was asked before;
    `unanswered` the assets whose server said nothing.
    """

    at: datetime
    mono_seconds: float
    cpu_permille: int | None
    memory_permille: int
    swap_permille: int
    load_centi: int
    processors: int
    memory_bytes: int
    file_systems: tuple[FileSystem, ...] = ()
    silent: tuple[str, ...] = ()
    databases: tuple[tuple[DatabaseSeen, int], ...] = ()
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuTimes:
    """Time that the processors spent, in ticks since the machine started: all of it, and what was idle."""

    total: int
    idle: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A share that a figure shall not pass: on the mean over `for_seconds`, 0 for each reading."""

    above_permille: int
    for_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Excursion:
    """A figure that is above its limit now."""

    quantity: str
    place: str
    limit: Limit
    began_at: datetime
    peak_permille: int


Key = tuple[str, str, Limit]
Limits = Mapping[str, tuple[Limit, ...]]
_MEANS = {"cpu", "memory"}
# The bounds of the catalogues' rules: MAINT_050 to 052, ASBL_031. Inodes: no rule counts them, but a disk without one
# free is full; 90 % as for a disk that MAINT calls nearly full.
_BOUNDS: Mapping[Catalogue, Mapping[str, int]] = {
    "maint": {"cpu": 800, "memory": 900, "disk": 800},
    "asbl": {"cpu": 700, "memory": 800, "disk": 850},
}
_INODES = 900


def limits(catalogues: Sequence[Catalogue], thresholds: Mapping[str, Threshold]) -> Limits:
    """The limits of each figure: every bound of the catalogues' rules, since each rule is judged by its own, and what
    the plan says besides."""
    found = {"inodes": {Limit(above_permille=_INODES, for_seconds=0)}}
    for catalogue in catalogues:
        for quantity, bound in _BOUNDS.get(catalogue, {}).items():
            found.setdefault(quantity, set()).add(Limit(above_permille=bound, for_seconds=_usual_seconds(quantity)))
    for quantity in ("cpu", "memory", "disk"):
        threshold = thresholds.get(quantity)
        if threshold is not None:
            lasting = _usual_seconds(quantity) if threshold.for_seconds is None else threshold.for_seconds
            found.setdefault(quantity, set()).add(Limit(above_permille=threshold.above, for_seconds=lasting))
    return {quantity: tuple(sorted(values, key=_strictness)) for quantity, values in found.items()}


def _strictness(limit: Limit) -> tuple[int, int]:
    return limit.above_permille, limit.for_seconds


def _usual_seconds(quantity: str) -> int:
    return STEP_SECONDS if quantity in _MEANS else 0


def readings_needed(limits_now: Limits, every_seconds: float) -> int:
    """How many readings the longest mean takes, and some more."""
    longest = max((limit.for_seconds for values in limits_now.values() for limit in values), default=0)
    return int(max(longest, STEP_SECONDS) / every_seconds) + UNSEEN_READINGS + 5


def busy_permille(before: CpuTimes | None, after: CpuTimes) -> int | None:
    """How busy the processors were between two looks; None when nothing can be told."""
    if before is None or after.total <= before.total:
        return None
    idle = min(max(after.idle - before.idle, 0), after.total - before.total)
    return 1000 - 1000 * idle // (after.total - before.total)


def is_due(last: Reading | None, mono_seconds: float, every_seconds: float) -> bool:
    """Whether it is time for the next look."""
    return last is None or not 0 <= mono_seconds - last.mono_seconds < every_seconds


def is_complete(readings: Sequence[Reading], following: Reading) -> bool:
    """Whether these readings are one roll-up and the following one begins the next."""
    if not readings:
        return False
    slept = (following.at - readings[-1].at).total_seconds()
    elapsed = following.mono_seconds - readings[0].mono_seconds
    return not 0 <= slept <= GAP_SECONDS or elapsed < 0 or elapsed >= STEP_SECONDS * STEPS


def covers_a_step(readings: Sequence[Reading]) -> bool:
    """Whether there is a whole step to tell of; less is not worth a record."""
    return len(readings) > 1 and readings[-1].mono_seconds - readings[0].mono_seconds >= STEP_SECONDS


def roll_up(
    readings: Sequence[Reading], limits_now: Limits = MappingProxyType({}), above: Iterable[Excursion] = ()
) -> SampleRollup:
    """The evidence of readings that belong together, each with a processor figure; there must be one at least.

    `above` is what is above one of the limits at their end.
    """
    steps = list(_steps(readings))
    last = readings[-1]
    busy = [[each.cpu_permille for each in step if each.cpu_permille is not None] or [0] for step in steps]
    memory = [[each.memory_permille for each in step] for step in steps]
    return SampleRollup(
        began_at=_text(readings[0].at),
        ended_at=_text(last.at),
        step_seconds=STEP_SECONDS,
        readings=len(readings),
        cpu_permille=tuple(map(_mean, busy)),
        cpu_highest_permille=tuple(map(max, busy)),
        memory_permille=tuple(map(_mean, memory)),
        memory_highest_permille=tuple(map(max, memory)),
        swap_permille=tuple(_mean([each.swap_permille for each in step]) for step in steps),
        load_centi=tuple(_mean([each.load_centi for each in step]) for step in steps),
        processors=last.processors,
        memory_bytes=last.memory_bytes,
        file_systems=tuple(_file_systems(readings)),
        silent=tuple(sorted({place for each in readings for place in each.silent})),
        limits=tuple(
            LimitFollowed(quantity=quantity, limit_permille=limit.above_permille, for_seconds=limit.for_seconds)
            for quantity, values in sorted(limits_now.items())
            for limit in values
        ),
        above=tuple(
            map(_still_above, sorted(above, key=lambda each: (each.quantity, each.place, _strictness(each.limit))))
        ),
        databases=databases_rolled_up(
            [looked for each in readings for looked in each.databases],
            [asset for each in readings for asset in each.unanswered],
        ),
    )


def excursions(
    open_now: Mapping[Key, Excursion], recent: Sequence[Reading], limits_now: Limits
) -> tuple[Mapping[Key, Excursion], tuple[SampleExcursion, ...]]:
    """What is above its limit after the last of the `recent` readings, and what there is to record.

    A figure that was not seen this time neither begins nor ends anything. What is held to no limit any more, or stands
    on a file system that is no longer there, is let go.
    """
    found = dict(open_now)
    events = []
    for key, seen in _figures(recent, limits_now):
        running, limit = found.get(key), key[2]
        if running is None:
            if seen <= limit.above_permille:
                continue
            running = Excursion(quantity=key[0], place=key[1], limit=limit, began_at=recent[-1].at, peak_permille=seen)
            events.append(_event(running, "began", seen))
        running = replace(running, peak_permille=max(running.peak_permille, seen))
        found[key] = running
        if seen <= limit.above_permille - BACK_BELOW_PERMILLE:
            events.append(_event(running, "ended", seen))
            del found[key]
    unwatched = [key for key in found if _is_unwatched(key, recent, limits_now)]
    events += [_event(found.pop(key), "unwatched", 0) for key in unwatched]
    return found, tuple(events)


def _is_unwatched(key: Key, recent: Sequence[Reading], limits_now: Limits) -> bool:
    quantity, place, limit = key
    if limit not in limits_now.get(quantity, ()):
        return True
    last = recent[-UNSEEN_READINGS:]
    if not place or len(last) < UNSEEN_READINGS or any(each.silent for each in last):
        return False
    return all(system.place != place for each in last for system in each.file_systems)


def still_open(recorded: Iterable[SampleExcursion], before: Iterable[StillAbove] = ()) -> Mapping[Key, Excursion]:
    """The excursions that have not ended, from what was recorded, newest first; `before` is what was open then."""
    newest: dict[Key, SampleExcursion | StillAbove] = {}
    told: list[SampleExcursion | StillAbove] = [*recorded, *before]
    for each in told:
        limit = Limit(above_permille=each.limit_permille, for_seconds=each.for_seconds)
        newest.setdefault((each.quantity, each.place, limit), each)
    return {
        key: Excursion(
            quantity=each.quantity,
            place=each.place,
            limit=key[2],
            began_at=datetime.fromisoformat(each.began_at),
            peak_permille=each.peak_permille,
        )
        for key, each in newest.items()
        if isinstance(each, StillAbove) or each.state == "began"
    }


def _figures(recent: Sequence[Reading], limits_now: Limits) -> Iterator[tuple[Key, int]]:
    """Each figure that can be told now, with its limit."""
    last = recent[-1]
    series: dict[tuple[str, str], list[tuple[float, int | None]]] = {
        ("cpu", ""): [(each.mono_seconds, each.cpu_permille) for each in recent],
        ("memory", ""): [(each.mono_seconds, each.memory_permille) for each in recent],
    }
    for place in [system.place for system in last.file_systems]:
        seen = [(each, system) for each in recent for system in each.file_systems if system.place == place]
        series["disk", place] = [(each.mono_seconds, system.used_permille) for each, system in seen]
        series["inodes", place] = [(each.mono_seconds, system.inodes_permille) for each, system in seen]
    for (quantity, place), values in series.items():
        for limit in limits_now.get(quantity, ()):
            value = values[-1][1] if not limit.for_seconds else _mean_over(values, last.mono_seconds, limit.for_seconds)
            if value is not None:
                yield (quantity, place, limit), value


def _mean_over(values: Sequence[tuple[float, int | None]], now: float, seconds: int) -> int | None:
    """The mean of the last `seconds`; None while too little of them was seen."""
    within = [(at, value) for at, value in values if value is not None and now - seconds <= at <= now]
    if not within or now - within[0][0] < seconds * LEAST_SHARE_OF_WINDOW:
        return None
    return _mean([value for _, value in within])


def _steps(readings: Sequence[Reading]) -> Iterator[list[Reading]]:
    step: list[Reading] = []
    ends = readings[0].mono_seconds + STEP_SECONDS
    for each in readings:
        if each.mono_seconds >= ends and step:
            yield step
            step = []
            ends = max(ends + STEP_SECONDS, each.mono_seconds + 1)
        step.append(each)
    yield step


def _file_systems(readings: Sequence[Reading]) -> Iterator[FileSystemRolledUp]:
    latest: dict[str, FileSystem] = {}
    highest: dict[str, int] = {}
    for each in readings:
        for system in each.file_systems:
            latest[system.place] = system
            highest[system.place] = max(highest.get(system.place, 0), system.used_permille)
    for place, system in sorted(latest.items()):
        yield FileSystemRolledUp(
            place=place,
            used_permille=system.used_permille,
            highest_used_permille=highest[place],
            inodes_permille=system.inodes_permille,
            size_bytes=system.size_bytes,
        )


def _event(running: Excursion, state: str, seen: int) -> SampleExcursion:
    return SampleExcursion(
        quantity=running.quantity,
        place=running.place,
        state=state,
        began_at=_text(running.began_at),
        limit_permille=running.limit.above_permille,
        for_seconds=running.limit.for_seconds,
        seen_permille=seen,
        peak_permille=max(running.peak_permille, seen),
    )


def _still_above(running: Excursion) -> StillAbove:
    return StillAbove(
        quantity=running.quantity,
        place=running.place,
        began_at=_text(running.began_at),
        limit_permille=running.limit.above_permille,
        for_seconds=running.limit.for_seconds,
        peak_permille=running.peak_permille,
    )


def _mean(values: Sequence[int]) -> int:
    return round(sum(values) / len(values))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
