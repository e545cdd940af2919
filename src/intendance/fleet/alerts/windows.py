"""Times in which people expect maintenance: whether one is open. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rruleset, rrulestr

from intendance.model.alerting import Window
from intendance.model.frozen import dataclass

_ORIGIN = datetime(2024, 1, 1)  # noqa: DTZ001 -- rules are read on the clock on the wall; a Monday


@dataclass(frozen=True, slots=True)
class Open:
    """A window that is open, and until when (UTC)."""

    name: str
    until: datetime


def open_window(windows: Iterable[Window], zone: str, now: datetime) -> Open | None:
    """The window that is open at `now`, of several the one that closes last."""
    found = [opened for window in windows if (opened := _opened(window, ZoneInfo(zone), now)) is not None]
    return max(found, key=lambda each: each.until, default=None)


def _opened(window: Window, zone: ZoneInfo, now: datetime) -> Open | None:
    """A window begins on the wall's clock and lasts by the real one: the change of clocks makes none longer."""
    lasts = timedelta(seconds=window.lasts_seconds)
    at = now.astimezone(zone).replace(tzinfo=None) + timedelta(hours=1)  # where the hour comes twice
    while True:
        begun = cast("datetime | None", _rule(window.rrule).before(at, inc=True))
        if begun is None:
            return None
        start = begun.replace(tzinfo=zone).astimezone(UTC)
        if start <= now:
            return Open(window.name, start + lasts) if now < start + lasts else None
        at = begun - timedelta(seconds=1)


@lru_cache(maxsize=64)
def _rule(text: str) -> rrule | rruleset:
    return rrulestr(_local(text), dtstart=_ORIGIN)


def _local(text: str) -> str:
    """An end is written in UTC and compared on the wall's clock here: off by hours, once, years from now."""
    return ";".join(part.removesuffix("Z") if part.startswith("UNTIL=") else part for part in text.split(";"))
