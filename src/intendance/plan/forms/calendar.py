"""Time zones, schedules, instants and recurrences. Pure but for the time zone data that `zoneinfo` reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from intendance.plan.forms.misform import Misform, closest
from intendance.plan.saying import Said, say


def timezone(text: str) -> Misform | None:
    """A time zone of the IANA data base."""
    try:
        if text and not text.startswith(("posix/", "right/")) and text not in ("localtime", "posixrules", "Factory"):
            ZoneInfo(text)
            return None
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; OSError: a folder's name
        pass
    near = _near_zone(text)
    fix = say("write `{example}`", example=near) if near else say("write one such as `Europe/Brussels`")
    return Misform("timezone", say("this is not a time zone of the IANA data base"), fix)


def _near_zone(text: str) -> str | None:
    from zoneinfo import available_timezones  # reads a folder tree; only when something is wrong

    zones = sorted(available_timezones())
    cities: dict[str, str] = {}
    for zone in zones:
        cities.setdefault(zone.rpartition("/")[2], zone)
    by_city = closest(text.rpartition("/")[2].replace(" ", "_"), cities)
    return closest(text, zones) or (cities[by_city] if by_city else None)


_CRON_WORDS: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 2 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 3 * * SUN",
    "@monthly": "0 3 1 * *",
    "@yearly": "0 3 1 1 *",
    "@annually": "0 3 1 1 *",
}
_CRON_FIELDS = 5
# Any instant does: whether a line ever fires does not depend on where one begins, within the 50 years cronsim looks.
_CRON_ORIGIN = datetime(2024, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=256)
def cron(text: str) -> Misform | None:
    """A cron line of five fields that fires at all."""
    if text.lower() in _CRON_WORDS:
        said = say("a schedule has five fields: minute, hour, day of the month, month, day of the week")
        return Misform("cron-word", said, say('write "{example}"', example=_CRON_WORDS[text.lower()]))
    fields = text.split()
    if len(fields) != _CRON_FIELDS:
        said = say(
            "a schedule has five fields: minute, hour, day of the month, month, day of the week; this has {count}",
            count=len(fields),
        )
        return Misform("cron-fields", said, say('write "{example}"', example=_completed(text, fields)))
    if _fires(text):
        return None
    for index, value in enumerate(fields):
        alone = ["*"] * _CRON_FIELDS
        alone[index] = value
        if not _fires(" ".join(alone)):
            name, allowed = _field(index)
            said = say("`{field}` is no {name}", field=value, name=name)
            fix = say("write {allowed}; ranges go upwards, `*/n` is every n-th, `,` separates", allowed=allowed)
            return Misform("cron-field", said, fix)
    said = say("this schedule never fires: no month has that day")
    return Misform("cron-never", said, say("write a day that the month has"))


def _field(index: int) -> tuple[Said, Said]:
    """A field's name and what it takes."""
    return (
        (say("minute"), say("0 to 59")),
        (say("hour"), say("0 to 23")),
        (say("day of the month"), say("1 to 31")),
        (say("month"), say("1 to 12 or JAN to DEC")),
        (say("day of the week"), say("0 to 7 or SUN to SAT, Sunday being 0 and 7")),
    )[index]


def _fires(text: str) -> bool:
    try:
        next(CronSim(text, _CRON_ORIGIN))
    except (CronSimError, ValueError, StopIteration):  # ValueError: a number of thousands of digits
        return False
    return True


def _completed(text: str, fields: list[str]) -> str:
    clock = re.fullmatch(r"([01]?\d|2[0-3])[:h]([0-5]\d)?", text.strip())
    if clock:
        return f"{int(clock[2] or 0)} {int(clock[1])} * * *"
    padded = " ".join([*fields, *["*"] * 5][:5])
    return padded if 2 <= len(fields) < 5 and _fires(padded) else "0 2 * * *"


def instant(text: str) -> Misform | None:
    """A moment with its distance from UTC: `2027-01-31T00:00:00+01:00`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        said = say("this is not a date and time")
        return Misform("instant", said, say('write it as "2027-01-31T00:00:00+01:00"'))
    if found.tzinfo is None:
        day = f"{found:%Y-%m-%dT%H:%M:%S}"
        said = say("the zone is missing, so nobody knows which moment this is")
        fix = say('write "{example}" for Brussels in winter, or end it with `Z` for UTC', example=f"{day}+01:00")
        return Misform("instant-without-zone", said, fix)
    return None


_PARTS = frozenset(
    ("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYHOUR", "BYMINUTE", "BYSETPOS", "WKST", "COUNT", "UNTIL")
)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


def recurrence(text: str) -> Misform | None:
    """When something comes back (RFC 5545): `FREQ=WEEKLY;BYDAY=SA;BYHOUR=22;BYMINUTE=0`."""
    parts = dict(part.partition("=")[::2] for part in text.split(";"))
    fix = say('write it such as "{example}"', example="FREQ=WEEKLY;BYDAY=SA;BYHOUR=22;BYMINUTE=0")
    unknown = next((name for name in parts if name not in _PARTS), None)
    if unknown is not None:
        said = say("a recurrence has no part `{part}`", part=unknown[:40])
        return Misform("recurrence-part", said, fix)
    if parts.get("FREQ") not in _FREQUENCIES:
        said = say("a recurrence begins with `FREQ=` and how often: {often}", often=", ".join(_FREQUENCIES))
        return Misform("recurrence-frequency", said, fix)
    if text.count(";") != len(parts) - 1 or parts.get("INTERVAL", "1").strip("0") == "":
        return Misform("recurrence", say("this is not a recurrence (RFC 5545)"), fix)
    return None if _recurs(text) else Misform("recurrence", say("this is not a recurrence (RFC 5545)"), fix)


def _recurs(text: str) -> bool:
    from dateutil.rrule import rrulestr  # 40 ms, needed by plans with windows alone

    zone = UTC if "UNTIL" in text else None
    try:
        rrulestr(text, dtstart=_CRON_ORIGIN.replace(tzinfo=zone))
    except (ValueError, TypeError, KeyError, OverflowError):
        return False
    return True
