"""A time line drawn by the server: where instants stand on a lane, what its axis says, and a figure over days. Pure.

Places are shares of the width, in thousandths, so that a page of any width draws the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from intendance.language import dates
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass

DAY = timedelta(days=1)
SPANS = (7, 14, 30, 90)
"""How many days a line may show."""
_APART = 170
"""Thousandths of the width between the middle of a day's name and either end, where other words stand."""
_APART_NARROW = 350
"""The same on a page as narrow as a telephone, which has room for one name between the ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something at one instant; `told` says it in words."""

    left: str
    shape: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    name: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A word of the axis; `anchor` says on which side of its place it stands, `less`: a narrow page leaves it out."""

    left: str
    text: str
    anchor: str
    less: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """A figure over days in a square of 100 by 40: its line, and the height of its bound, if that is in sight."""

    points: str
    bound: str
    label: str
    first: str
    last: str
    peak: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time that a line shows."""

    begin: datetime
    end: datetime

    def place(self, at: datetime) -> str:
        """Where an instant stands, in percent."""
        share = (at - self.begin) / (self.end - self.begin)
        return f"{max(0.0, min(1.0, share)) * 100:.2f}%"

    def holds(self, at: datetime) -> bool:
        """Whether it shows an instant."""
        return self.begin <= at <= self.end


def span(oldest: datetime | None, now: datetime) -> Span:
    """The shortest span that shows everything since `oldest`, at most ninety days."""
    age = timedelta() if oldest is None else now - oldest
    days = next((each for each in SPANS if age <= each * DAY), SPANS[-1])
    return Span(begin=now - days * DAY, end=now)


def axis(shown: Span, zone: str, _: Translator) -> tuple[Tick, ...]:
    """The days that an axis names: its begin, some midnights, and now."""
    days = round((shown.end - shown.begin) / DAY)
    step = max(1, days // 6)
    local = dates.local(shown.begin, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + step * DAY
    found = [Tick(left="0%", text=short_day(shown.begin, zone, _), anchor="start", less=False)]
    narrow = False
    while midnight < shown.end:
        share = (midnight - shown.begin) / (shown.end - shown.begin) * 1000
        if _APART < share < 1000 - _APART:
            less = narrow or not _APART_NARROW < share < 1000 - _APART_NARROW
            narrow = narrow or not less
            text = short_day(midnight, zone, _)
            found.append(Tick(left=shown.place(midnight), text=text, anchor="middle", less=less))
        midnight += step * DAY
    return (*found, Tick(left="100%", text=_("now"), anchor="end", less=False))


def short_day(at: datetime, zone: str, _: Translator) -> str:
    """`21 November`: without its year."""
    return dates.day(dates.local(at, zone).date(), _.language).rpartition(dates.FIXED_SPACE)[0]


def line(values: Sequence[int], bound: int | None) -> tuple[str, str]:
    """The points of a line from the oldest value to the newest, and the height of the bound; the highest is at 2."""
    top = max([*values, bound or 0, 1])

    def height(value: int) -> str:
        return f"{38 - value / top * 36:.1f}"

    width = max(1, len(values) - 1)
    points = " ".join(f"{at / width * 100:.1f},{height(value)}" for at, value in enumerate(values))
    return points, "" if bound is None else height(bound)
