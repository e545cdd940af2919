"""Durations to a tenth of a second, and instants with their UTC, as people read them in a line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

Language = Literal["fr", "en"]


def duration(seconds: float, language: Language = "en") -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`; in French `0,4 s`, with spaces where no line ends."""
    text = _spell(seconds)
    return text.replace(".", ",").replace(" ", "\u00a0") if language == "fr" else text


def _spell(seconds: float) -> str:
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def moment(at: datetime, zone: str) -> str:
    """`2026-11-21 08:30:00 CET (2026-11-21T07:30:00Z)`: local first, UTC to be sure."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M:%S %Z} ({at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ})"


def local(at: datetime, zone: str) -> str:
    """`2026-11-21 08:30:00 CET`."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %Z}"


def parse(text: str) -> datetime:
    """An RFC 3339 text of evidence as an instant."""
    return datetime.fromisoformat(text).astimezone(UTC)
