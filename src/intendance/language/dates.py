"""Instants and days as people read them: local time with its zone, day before month, 24 hours. JSON has ISO, UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Language = Literal["fr", "en"]

FIXED_SPACE = "\u00a0"
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
    local = at.astimezone(ZoneInfo(zone))
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    joint = " à " if language == "fr" else ", "
    return f"{day(local.date(), language)}{joint}{clock}{FIXED_SPACE}{local:%Z}"
