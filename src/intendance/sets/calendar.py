"""The first set of each day, week, month or year, in a zone. Pure.

A set has two dates: when the store took it, and the instant that it says it recovers to. The first by either counts, so
that neither a node whose clock is wrong nor one that invents dates pushes older sets out of their place.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from typing import Literal, Protocol, TypeVar
from zoneinfo import ZoneInfo

Period = Literal["day", "week", "month", "year"]


class Dated(Protocol):
    """What has the two dates and a name."""

    @property
    def set(self) -> str: ...
    @property
    def stored_at(self) -> datetime: ...
    @property
    def recovers_to(self) -> datetime: ...


Each = TypeVar("Each", bound=Dated)


def in_order(each: Dated) -> tuple[datetime, datetime, str]:
    """The key that sorts sets as the store took them."""
    return (each.stored_at, each.recovers_to, each.set)


def representatives(sets: Sequence[Each], period: Period, zone: str) -> Iterable[Each]:
    """The first set of each period by the store's time, and the first by its own. Raises ZoneInfoNotFoundError."""
    place = ZoneInfo(zone)
    first: dict[tuple[str, Hashable], Each] = {}
    for each in sorted(sets, key=in_order):
        first.setdefault(("stored", _period(each.stored_at.astimezone(place), period)), each)
        first.setdefault(("recovers", _period(each.recovers_to.astimezone(place), period)), each)
    return {each.set: each for each in first.values()}.values()


def _period(at: datetime, period: Period) -> Hashable:
    match period:
        case "day":
            return at.date()
        case "week":
            return at.isocalendar()[:2]
        case "month":
            return (at.year, at.month)
        case "year":
            return at.year
