"""Lengths of time as people write them in a plan: `90d`, `26h30`, `5min`, `60s`. Pure."""

from __future__ import annotations

import re

SECOND = 1
MINUTE = 60
HOUR = 3600
DAY = 86_400
WEEK = 7 * DAY
# A calendar year promised is never shorter than a leap year.
YEAR = 366 * DAY

_PARTS = re.compile(
    r"(?:(?P<years>\d{1,4})y)?(?:(?P<weeks>\d{1,5})w)?(?:(?P<days>\d{1,6})d)?"
    r"(?:(?P<hours>\d{1,6})h(?P<short_minutes>[0-5]\d)?)?(?:(?P<minutes>\d{1,7})min)?(?:(?P<seconds>\d{1,9})s)?",
    re.ASCII,
)
_FACTORS = {
    "years": YEAR,
    "weeks": WEEK,
    "days": DAY,
    "hours": HOUR,
    "short_minutes": MINUTE,
    "minutes": MINUTE,
    "seconds": SECOND,
}


def parse(text: str) -> int:
    """Seconds of a length of time; units from large to small, `26h30` is 26 hours 30 minutes, `1y` is 366 days.

    Raises ValueError when `text` is none.
    """
    found = _PARTS.fullmatch(text)
    parts = {} if found is None else {name: int(value) for name, value in found.groupdict().items() if value}
    if not parts or ("short_minutes" in parts and "minutes" in parts):
        raise ValueError(text)
    return sum(_FACTORS[name] * value for name, value in parts.items())


def write(seconds: int) -> str:
    """The shortest usual form of a length of time: `write(95400)` is `26h30`, `write(7776000)` is `90d`."""
    if seconds and seconds % DAY == 0:
        return f"{seconds // DAY}d"
    hours, rest = divmod(seconds, HOUR)
    minutes, left = divmod(rest, MINUTE)
    if hours and not left:
        return f"{hours}h{minutes:02d}" if minutes else f"{hours}h"
    parts = ((hours, "h"), (minutes, "min"), (left, "s"))
    return "".join(f"{value}{unit}" for value, unit in parts if value) or "0s"
