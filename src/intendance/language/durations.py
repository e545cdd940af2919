"""Lengths of time as people read them: `26 h 30`, `3 d 4 h` (`3 j 4 h`), `1 min 40 s`.

Nothing is rounded across a bound: what holds is rounded down, what is broken is rounded up, and every bound of the
rules is itself written exactly.
"""

from __future__ import annotations

from typing import Literal

Language = Literal["fr", "en"]

MINUTE = 60
HOUR = 3600
DAY = 86_400
FIXED_SPACE = "\u00a0"
"""Between a figure and its unit, so that no line ends there."""


def write(seconds: int, language: Language = "en", *, up: bool = False) -> str:
    """A length of time in two units at most, rounded down, or `up`; below 0 it is 0."""
    length = max(0, seconds)
    while (rounded := _round(length, _grain(length), up=up)) != length:
        length = rounded
    return _spell(length, "j" if language == "fr" else "d")


def _grain(seconds: int) -> int:
    """The smallest step that is shown for a length of this size."""
    if seconds < 10 * MINUTE:
        return 1
    if seconds < 2 * DAY:
        return MINUTE
    return HOUR if seconds < 100 * DAY else DAY


def _round(seconds: int, grain: int, *, up: bool) -> int:
    return -(-seconds // grain) * grain if up else seconds // grain * grain


def _spell(seconds: int, day: str) -> str:
    if seconds < MINUTE:
        return _join(seconds, "s")
    if seconds < HOUR:
        minutes, rest = divmod(seconds, MINUTE)
        return _join(minutes, "min", rest, "s") if rest else _join(minutes, "min")
    if seconds < 2 * DAY:
        hours, rest = divmod(seconds, HOUR)
        return _join(hours, "h", f"{rest // MINUTE:02}") if rest else _join(hours, "h")
    days, rest = divmod(seconds, DAY)
    return _join(days, day, rest // HOUR, "h") if rest else _join(days, day)


def _join(*words: int | str) -> str:
    return FIXED_SPACE.join(str(word) for word in words)
