"""Instants and days as people read them: local time with its zone, day before month, 24 hours. JSON has ISO, UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Language = Literal["fr", "en"]

FIXED_SPACE = "\u00a0"
_SAME_YEAR_DAYS = 180
"""Further away a day and a month may be of another year."""
MONTHS = {
    "en": (
        ("January", "February", "March", "April", "May", "June"),
        ("July", "August", "September", "October", "November", "December"),
    ),
    "fr": (
        ("janvier", "février", "mars", "avril", "mai", "juin"),
        ("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
}

SHORT_MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec"),
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
}


def local(at: datetime, zone: str) -> datetime:
    """An instant as clocks there show it; in UTC where that would lie beyond the years that there are. Evidence may
    hold any instant, and one that a node invented must not keep a page from being drawn.

    Raises ZoneInfoNotFoundError when `zone` is none.
    """
    try:
        return at.astimezone(ZoneInfo(zone))
    except OverflowError:
        return at.astimezone(UTC)


def iso(at: datetime) -> str:
    """`2026-11-21T08:00:00.123456Z`: for machines."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def day(at: date, language: Language = "en") -> str:
    """`21 November 2026`, `1er novembre 2026`."""
    first, second = MONTHS[language]
    month = (first + second)[at.month - 1]
    number = "1er" if language == "fr" and at.day == 1 else str(at.day)
    return FIXED_SPACE.join((number, month, str(at.year)))


def moment(at: datetime, zone: str, language: Language = "en", *, seconds: bool = False) -> str:
    """`21 November 2026, 22:14 CET`, `21 novembre 2026 à 22:14 CET`.

    Raises ZoneInfoNotFoundError when `zone` is none.
    """
    there = local(at, zone)
    clock = f"{there:%H:%M:%S}" if seconds else f"{there:%H:%M}"
    joint = f" à{FIXED_SPACE}" if language == "fr" else ", "
    return f"{day(there.date(), language)}{joint}{clock}{FIXED_SPACE}{there:%Z}"


def brief(at: datetime, now: datetime, zone: str, language: Language = "en", *, seconds: bool = False) -> str:
    """`22:14` on the day of `now`, else `18 Nov, 22:14`, `18 nov., 22:14`: among others that say the year and the zone.

    Raises ZoneInfoNotFoundError when `zone` is none.
    """
    there, here = local(at, zone), local(now, zone)
    clock = f"{there:%H:%M:%S}" if seconds else f"{there:%H:%M}"
    if there.date() == here.date():
        return clock
    number = "1er" if language == "fr" and there.day == 1 else str(there.day)
    shown = FIXED_SPACE.join((number, SHORT_MONTHS[language][there.month - 1]))
    if abs((there.date() - here.date()).days) > _SAME_YEAR_DAYS:
        shown = FIXED_SPACE.join((shown, str(there.year)))
    return f"{shown},{FIXED_SPACE}{clock}"
