"""The forms that a plan's texts take: each function says what is wrong with a value and what to write, or None.

Pure but for the time zone data that `zoneinfo` reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from types import MappingProxyType
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from intendance.plan import durations


@dataclass(frozen=True, slots=True)
class Misform:
    """What is wrong with a text, as the rest of a sentence, and what to write instead."""

    message: str
    fix: str


Form = Callable[[str], Misform | None]

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None."""
    import difflib  # only when something is wrong

    folded = {name.lower().replace("_", "-"): name for name in known}
    found = difflib.get_close_matches(word.lower().replace("_", "-"), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def as_slug(text: str) -> str:
    """The nearest name that the form of names allows (`x` when nothing of `text` is usable)."""
    import unicodedata  # only when something is wrong

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "x"


def slug(text: str) -> Misform | None:
    """Names of fleets, nodes, assets and stores."""
    if _SLUG.fullmatch(text):
        return None
    return Misform(
        "names are made of lower-case letters, digits and hyphens, 40 at most, beginning with a letter or digit",
        f"write `{as_slug(text)}`",
    )


def line(text: str) -> Misform | None:
    """A text on one line."""
    if text.strip() and not _CONTROL.search(text):
        return None
    return Misform("this must be a text on one line, and not empty", "write it on one line")


def absolute_path(text: str) -> Misform | None:
    """A path from the root, without `..`."""
    if not text.startswith("/") or "\0" in text:
        return Misform(
            "a path from the root is needed, since the agent runs in no particular folder",
            f"write `/{text}` if that is the place",
        )
    if ".." in text.split("/"):
        return Misform("a path with `..` in it depends on links", "write the path without `..`")
    return None


def file_path(text: str) -> Misform | None:
    """A path, from the root or from the plan's folder."""
    return None if text.strip() and "\0" not in text else Misform("a path is needed", "write the file's path")


def variable(text: str) -> Misform | None:
    """The name of an environment variable."""
    if _VARIABLE.fullmatch(text):
        return None
    return Misform("this is not the name of an environment variable", "write its name alone, such as `DB_PASSWORD`")


def email(text: str) -> Misform | None:
    """An e-mail address."""
    return None if _EMAIL.fullmatch(text) else Misform("this is not an e-mail address", "write `name@example.org`")


def phone(text: str) -> Misform | None:
    """A telephone number in the international form."""
    digits = re.sub(r"[ ./()-]", "", text)
    if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits, re.ASCII):
        return None
    return Misform("a telephone number begins with `+` and the country's code", 'write it as "+32 2 123 45 67"')


def fingerprint(text: str) -> Misform | None:
    """The full fingerprint of an OpenPGP key; spaces and lower case are allowed."""
    digits = re.sub(r"\s", "", text).removeprefix("0x").upper()
    if re.fullmatch(r"[0-9A-F]{40}", digits, re.ASCII) and len(text) <= 80:
        return None
    read = "write the 40 digits that `gpg --show-keys --fingerprint FILE` prints"
    if re.fullmatch(r"[0-9A-F]{8}|[0-9A-F]{16}", digits, re.ASCII):
        return Misform("this is a key id, which others can imitate; the full fingerprint is needed", read)
    return Misform(f"a fingerprint has 40 hexadecimal digits; this has {len(digits)} characters", read)


def database(text: str) -> Misform | None:
    """The name of a database that people made."""
    if text.lower() in ("information_schema", "performance_schema", "sys"):
        return Misform("this database is computed by the server; there is nothing to keep of it", "remove it")
    if text.lower() == "mysql":
        return Misform("the server's own accounts are kept with every backup without being named", "remove it")
    if not text or len(text) > 64 or _CONTROL.search(text) or text.endswith(" "):
        return Misform("this is not the name of a database", "write the name as `SHOW DATABASES` prints it")
    return None


def exclusion(text: str) -> Misform | None:
    """A pattern as GNU tar excludes by; members are named from the asset's own folder."""
    if not text.strip() or "\0" in text:
        return Misform("this pattern is empty", "write a pattern such as `cache/*`, or remove it")
    if text.startswith("!"):
        return Misform(
            "`!` does not take back an exclusion here, as it would for git", "write patterns that exclude less"
        )
    if text.startswith("/"):
        return Misform(
            "patterns are read from inside the asset's folder, so this one matches nothing",
            f"write `.{text}` for that place, or `{text.lstrip('/')}` at any depth",
        )
    if text.endswith("/"):
        return Misform("a pattern that ends with `/` matches nothing", f"write `{text.rstrip('/')}`")
    if fnmatchcase(".", text):
        return Misform(
            "this matches the asset's own folder and so excludes everything",
            "write a pattern that names what to leave out",
        )
    return None


def duration(text: str) -> Misform | None:
    """A length of time with its unit."""
    try:
        durations.parse(text)
    except ValueError:
        unit = "months differ in length, and `m` could be minutes; " if re.fullmatch(r"\d+ ?m(o|onths?)?", text) else ""
        return Misform(
            f"{unit}a length of time is a number and its unit: s, min, h, d, w or y", f"write `{_guess(text)}`"
        )
    return None


def days(text: str) -> Misform | None:
    """A length of time in whole days, one at least."""
    wrong = duration(text)
    if wrong is not None:
        return wrong
    seconds = durations.parse(text)
    if seconds < durations.DAY or seconds % durations.DAY or not re.fullmatch(r"(\d+[ywdh])+", text, re.ASCII):
        return Misform(
            "this is counted in whole days, one at least", f"write `{max(1, -(-seconds // durations.DAY))}d`"
        )
    if seconds > 100 * durations.YEAR:
        return Misform("this is more than a hundred years", "write `100y` at most")
    return None


def deadline(text: str) -> Misform | None:
    """How long something may take: a minute at least, a week at most."""
    wrong = duration(text)
    if wrong is not None:
        return wrong
    seconds = durations.parse(text)
    if seconds < durations.MINUTE:
        return Misform("nothing can be done in less than a minute", "write `1min` at least")
    if seconds > durations.WEEK:
        return Misform("this is more than a week", "write `7d` at most")
    return None


def _guess(text: str) -> str:
    number = re.match(r"\d+", text.strip())
    lowered = text.lower()
    if number is None:
        return "90d"
    for words, unit in (
        (("day", "jour"), "d"),
        (("week", "sem"), "w"),
        (("hour", "heure"), "h"),
        (("year", "an"), "y"),
    ):
        if any(word in lowered for word in words):
            return f"{number[0]}{unit}"
    return f"{int(number[0]) * 30}d" if "m" in lowered else f"{number[0]}d"


def timezone(text: str) -> Misform | None:
    """A time zone of the IANA data base."""
    try:
        if text and not text.startswith(("posix/", "right/")) and text not in ("localtime", "posixrules", "Factory"):
            ZoneInfo(text)
            return None
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; OSError: a folder's name
        pass
    near = _near_zone(text)
    return Misform(
        "this is not a time zone of the IANA data base",
        f"write `{near}`" if near else "write one such as `Europe/Brussels`",
    )


def _near_zone(text: str) -> str | None:
    from zoneinfo import available_timezones  # reads a folder tree; only when something is wrong

    zones = sorted(available_timezones())
    cities: dict[str, str] = {}
    for zone in zones:
        cities.setdefault(zone.rpartition("/")[2], zone)
    by_city = closest(text.rpartition("/")[2].replace(" ", "_"), cities)
    return closest(text, zones) or (cities[by_city] if by_city else None)


_CRON_FIELDS: tuple[tuple[str, str], ...] = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT, Sunday being 0 and 7"),
)
_CRON_WORDS: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 2 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 3 * * SUN",
    "@monthly": "0 3 1 * *",
    "@yearly": "0 3 1 1 *",
    "@annually": "0 3 1 1 *",
}
_CRON_FORM = "a schedule has five fields: minute, hour, day of the month, month, day of the week"
# Any instant does: whether a line ever fires does not depend on where one begins, within the 50 years cronsim looks.
_CRON_ORIGIN = datetime(2024, 1, 1, tzinfo=UTC)


def cron(text: str) -> Misform | None:
    """A cron line of five fields that fires at all."""
    if text.lower() in _CRON_WORDS:
        return Misform(_CRON_FORM, f'write "{_CRON_WORDS[text.lower()]}"')
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS):
        return Misform(f"{_CRON_FORM}; this has {len(fields)}", f'write "{_completed(text, fields)}"')
    for index, (value, (name, allowed)) in enumerate(zip(fields, _CRON_FIELDS, strict=True)):
        alone = ["*"] * 5
        alone[index] = value
        if not _fires(" ".join(alone)):
            return Misform(
                f"`{value}` is no {name}", f"write {allowed}; ranges go upwards, `*/n` is every n-th, `,` separates"
            )
    if not _fires(text):
        return Misform("this schedule never fires: no month has that day", "write a day that the month has")
    return None


def _fires(text: str) -> bool:
    try:
        next(CronSim(text, _CRON_ORIGIN))
    except (CronSimError, StopIteration):
        return False
    return True


def _completed(text: str, fields: list[str]) -> str:
    clock = re.fullmatch(r"([01]?\d|2[0-3])[:h]([0-5]\d)?", text.strip())
    if clock:
        return f"{int(clock[2] or 0)} {int(clock[1])} * * *"
    padded = " ".join([*fields, *["*"] * 5][:5])
    return padded if 2 <= len(fields) < 5 and _fires(padded) else "0 2 * * *"


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "slug": slug,
        "line": line,
        "absolute-path": absolute_path,
        "file-path": file_path,
        "variable": variable,
        "email": email,
        "phone": phone,
        "fingerprint": fingerprint,
        "database": database,
        "exclusion": exclusion,
        "days": days,
        "deadline": deadline,
        "timezone": timezone,
        "cron": cron,
    }
)
