"""Times that people write: UTC, or local in the organisation's zone; what local time cannot say is refused. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from intendance.model.errors.runs import TimeAbsent, TimeAmbiguous, TimeUnreadable

_FORM = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})(?:[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?"
    r"(?P<zone>\s*(?:Z|UTC|[+-]\d{2}:?\d{2}))?",
    re.IGNORECASE,
)


def read_moment(text: str, zone: str) -> datetime:
    """The instant (UTC) that `text` names: `2026-11-21 08:30` in `zone`, or with `Z`, `UTC` or an offset.

    A date alone is its first instant. Raises TimeUnreadable, TimeAmbiguous, TimeAbsent.
    """
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise TimeUnreadable(text=text)
    suffix = (form["zone"] or "").strip().upper()
    offset = "+00:00" if suffix in {"Z", "UTC"} else suffix
    try:
        wall = datetime.fromisoformat(f"{form['date']}T{form['time'] or '00:00'}{offset}")
    except ValueError:
        raise TimeUnreadable(text=text) from None
    try:
        return wall.astimezone(UTC) if wall.tzinfo is not None else _local(wall, zone, text)
    except OverflowError:  # the first and the last day of the calendar, in another zone
        raise TimeUnreadable(text=text) from None


def _local(wall: datetime, zone: str, text: str) -> datetime:
    place = ZoneInfo(zone)
    first, second = (wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    if first.astimezone(place).replace(tzinfo=None) != wall:
        raise TimeAbsent(text=text, zone=zone, example=in_utc(max(first, second)))
    raise TimeAmbiguous(text=text, zone=zone, first=in_utc(first), second=in_utc(second))


def in_utc(at: datetime) -> str:
    """`2026-11-21T07:30:00Z`; fractions of a second only where there are some."""
    exact = at.astimezone(UTC)
    return exact.strftime("%Y-%m-%dT%H:%M:%S") + (f".{exact.microsecond:06}" if exact.microsecond else "") + "Z"


def in_zone(at: datetime, zone: str) -> str:
    """`2026-11-21 08:30:00 CET`, as people of that zone read it."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def whole_second(at: datetime) -> datetime:
    """The instant without its fraction: runs that people ask for are named by the second."""
    return at.replace(microsecond=0)
