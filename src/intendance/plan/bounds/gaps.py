"""How long it takes at most from one occurrence of some schedules to the next, over five years. Pure.

Days are compared by the wall clock, and the days on which the clock changes, one by one, as the agent would start the
activities (`runs/decide.py`): a night with an hour more makes the gap of a daily backup 25 hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from heapq import merge
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from intendance.model.frozen import dataclass

YEARS_AHEAD = timedelta(days=5 * 365 + 2)
"""Five years: every month after every other, a leap day, ten changes of the clock."""
_DAY_MINUTES = 1440
_SPREAD_MINUTES = 180
"""Occurrences of one day that stand further apart are never all inside an hour that the clock leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The longest stretch without an occurrence: its length, and the occurrences around it (UTC).

    `before` is None when nothing fires before it, `after` when nothing fires within five years.
    """

    length: timedelta
    before: datetime | None
    after: datetime | None


@dataclass(frozen=True, slots=True)
class _Day:
    """A local day with occurrences: its ordinal, the minutes of the first and the last, the longest gap between."""

    ordinal: int
    first: int
    last: int
    inner: int


def within(crons: Sequence[str], zone: str, now: datetime, allowed: timedelta) -> bool:
    """Whether the gap between two occurrences of any of the schedules never exceeds `allowed`."""
    return _within(tuple(crons), zone, now, allowed)


@lru_cache(maxsize=256)
def _within(crons: tuple[str, ...], zone: str, now: datetime, allowed: timedelta) -> bool:
    """Assets of one plan mostly have the same schedules."""
    margin = _largest_change(zone, now.astimezone(UTC).date().toordinal())
    if any(_surely_daily(cron, margin, allowed) for cron in crons):
        return True
    days = _days(crons, now)
    if len(days) < 2:
        return False
    nominal = timedelta(minutes=max(_nominal(days), *(day.inner for day in days)))
    if nominal + margin <= allowed and not any(map(_may_skip_a_day, crons)):
        return True
    return nominal - margin <= allowed and longest(crons, zone, now).length <= allowed


def _may_skip_a_day(cron: str) -> bool:
    """Whether all occurrences of a day can fall into an hour that the clock leaves out, and no other is made for it."""
    minute, hour, *_ = cron.split()
    if not (minute.startswith("*") or hour.startswith("*")):
        return False
    times = _minutes(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)))
    return times[-1] - times[0] < _SPREAD_MINUTES


def _surely_daily(cron: str, margin: timedelta, allowed: timedelta) -> bool:
    """Whether a schedule that fires every day keeps within `allowed` by far, so that its days need no counting."""
    line = CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC))
    if len(_ordinals(_day_fields(cron), date(2024, 1, 1).toordinal())) <= YEARS_AHEAD.days:
        return False
    if _may_skip_a_day(cron):
        return False
    times = _minutes(line)
    longest_minutes = max(_DAY_MINUTES + times[0] - times[-1], *(b - a for a, b in pairwise([*times, times[-1]])))
    return timedelta(minutes=longest_minutes) + margin <= allowed


def longest(crons: Sequence[str], zone: str, now: datetime) -> Gap:
    """The longest gap between two occurrences of any of the schedules within five years from `now`."""
    days = _days(crons, now)
    place = ZoneInfo(zone)
    if len(days) < 2:
        only = next(iter(_occurrences(crons, place, now, now + YEARS_AHEAD)), None)
        return Gap(length=YEARS_AHEAD, before=only, after=None)
    changes = _changes(zone, days[0].ordinal, days[-1].ordinal)
    pairs = list(pairwise(days))
    near = [index for index, pair in enumerate(pairs) if _touches(changes, pair)]
    quiet = sorted(set(range(len(pairs))) - set(near), key=lambda index: _longest_minutes(pairs[index]))
    # A day whose only occurrence falls into an hour that the clock leaves out has none: its neighbours are looked at.
    spans = [(days[max(0, index - 1)], days[min(len(days) - 1, index + 2)]) for index in (*near, *quiet[-1:])]
    found = [gap for first, last in spans for gap in _exact(crons, place, first, last)]
    return max(found, key=lambda gap: gap.length)


def _days(crons: Sequence[str], now: datetime) -> list[_Day]:
    """The local days of the next five years with an occurrence, by the wall clock."""
    start = now.astimezone(UTC).date().toordinal()
    times = [_minutes(CronSim(cron, now.astimezone(UTC))) for cron in crons]
    firing: dict[int, tuple[int, ...]] = {}
    for index, cron in enumerate(crons):
        for ordinal in _ordinals(_day_fields(cron), start):
            firing[ordinal] = (*firing.get(ordinal, ()), index)
    known: dict[tuple[int, ...], tuple[int, int, int]] = {}
    for lines in set(firing.values()):
        union = sorted({minute for index in lines for minute in times[index]})
        known[lines] = union[0], union[-1], max((b - a for a, b in pairwise(union)), default=0)
    return [_Day(ordinal, *known[firing[ordinal]]) for ordinal in sorted(firing)]


def _minutes(line: CronSim) -> list[int]:
    """The minutes of the day at which a schedule fires."""
    return sorted(hour * 60 + minute for hour in line.hours for minute in line.minutes)


def _day_fields(cron: str) -> str:
    """The fields of a cron line that choose its days."""
    return " ".join(cron.split()[2:])


@lru_cache(maxsize=64)
def _ordinals(day_fields: str, start: int) -> tuple[int, ...]:
    """The ordinals of the days of five years from `start` on which a schedule fires."""
    line = CronSim(f"0 0 {day_fields}", datetime(2024, 1, 1, tzinfo=UTC))
    days = (date.fromordinal(start + offset) for offset in range(YEARS_AHEAD.days + 1))
    return tuple(day.toordinal() for day in days if day.month in line.months and line.match_day(day))


def _nominal(days: Sequence[_Day]) -> int:
    return max(_between(*pair) for pair in pairwise(days))


def _longest_minutes(pair: tuple[_Day, _Day]) -> int:
    return max(_between(*pair), pair[0].inner, pair[1].inner)


def _between(former: _Day, latter: _Day) -> int:
    return (latter.ordinal - former.ordinal) * _DAY_MINUTES + latter.first - former.last


@lru_cache(maxsize=8)
def _offsets(zone: str, first: int, last: int) -> tuple[timedelta, ...]:
    """How far a zone's clock is from UTC at the beginning of each local day, and of the day after the last."""
    place = ZoneInfo(zone)
    midnights = (datetime.combine(date.fromordinal(each), time(), place) for each in range(first, last + 2))
    return tuple(midnight.utcoffset() or timedelta() for midnight in midnights)


@lru_cache(maxsize=8)
def _largest_change(zone: str, start: int) -> timedelta:
    """By how much the clock changes at most within five years from a day."""
    offsets = _offsets(zone, start - 1, start + YEARS_AHEAD.days + 1)
    return max(abs(other - one) for one, other in pairwise(offsets))


def _changes(zone: str, first: int, last: int) -> list[int]:
    """The local days within which the clock changes."""
    return [first + index for index, (one, other) in enumerate(pairwise(_offsets(zone, first, last))) if one != other]


def _touches(changes: Iterable[int], pair: tuple[_Day, _Day]) -> bool:
    return any(pair[0].ordinal <= change <= pair[1].ordinal for change in changes)


def _exact(crons: Sequence[str], place: ZoneInfo, first: _Day, second: _Day) -> Iterable[Gap]:
    """Every gap from the first day's first occurrence to the second day's last, as the agent would start them."""
    begin = datetime.combine(date.fromordinal(first.ordinal), time(), place)
    end = datetime.combine(date.fromordinal(second.ordinal) + timedelta(days=1), time(), place)
    times = list(_occurrences(crons, place, begin - timedelta(seconds=1), end))
    return [Gap(length=after - before, before=before, after=after) for before, after in pairwise(times)]


def _occurrences(crons: Sequence[str], place: ZoneInfo, start: datetime, end: datetime) -> Iterable[datetime]:
    """All occurrences (UTC) after `start` and before `end`, in order, each once."""
    latest = start.astimezone(UTC)
    lines = [_line(cron, place, start) for cron in crons]
    for at in takewhile(lambda each: each < end, merge(*lines)):
        if at > latest:
            latest = at
            yield at


def _line(cron: str, place: ZoneInfo, start: datetime) -> Iterable[datetime]:
    for local in CronSim(cron, start.astimezone(place).replace(microsecond=0)):
        yield local.astimezone(UTC)
