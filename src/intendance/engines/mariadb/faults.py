"""What the client programs of MariaDB say when they fail, as errors that a person can act on. Pure.

Numbers are those of the server and client error lists of MariaDB's documentation ("MariaDB Error Codes").
"""

from __future__ import annotations

import re

from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import AccessDenied, EngineFailed, SourceChanged, SourceMissing, SourceUnreachable

_NUMBER = re.compile(r"(?:ERROR|Error:?|error:)\s+(\d{4})\b|\((\d{4})\)\s*$", re.MULTILINE)
# In batch mode the client repeats the statement, with its rows, between two lines of dashes before it says what is
# wrong; of a long statement only the end may be at hand.
_ECHO = re.compile(r"\A.*^-{14}$", re.MULTILINE | re.DOTALL)
# What stands in single quotes may be a row of user data ("Duplicate entry 'x@y'"), and may hold quotes itself: all from
# the first quote to the last goes.
_QUOTED = re.compile(r"'.*'", re.DOTALL)

UNREACHABLE = frozenset({1040, 1053, 1077, 1203, 2002, 2003, 2005, 2006, 2013, 2026, 4031})
DENIED = frozenset({1044, 1045, 1095, 1141, 1142, 1143, 1227, 1370, 1396, 1410, 1524, 1698, 4151})
CHANGED = frozenset({1054, 1146, 1305, 1412})
DATABASE_EXISTS = 1007
DATABASE_MISSING = 1049
_NAMES_ONLY = UNREACHABLE | DENIED | frozenset({1049, 1054, 1146, 1194, 1195, 1305, 1356, 1412, 1449})


def number_of(stderr: str) -> int | None:
    """The first error number in what a client program wrote to stderr."""
    found = _NUMBER.search(stderr)
    return int(found.group(1) or found.group(2)) if found else None


def sentence_of(stderr: str, *, fallback: str = "it said nothing") -> str:
    """What it said, on one line of at most 400 characters, without a row of user data."""
    text = " ".join(_ECHO.sub("", stderr).split()) or fallback
    if number_of(stderr) not in _NAMES_ONLY:
        text = _QUOTED.sub("'…'", text)
    return text[:400].rstrip(". ")


def access_denied(asset: str, detail: str, grants: tuple[str, ...]) -> AccessDenied:
    """The refusal, with the statements that lift it."""
    if grants:
        remedy = "Give these rights as an administrator of the server: " + " ".join(grants)
    else:
        remedy = "Correct the user and password that the plan's `credentials` point to, then try again."
    return AccessDenied(asset=asset, detail=detail, remedy=remedy)


def from_stderr(asset: str, stderr: str, *, code: int, grants: tuple[str, ...] = ()) -> IntendanceError:
    """The error of the tree that fits a client program's failure."""
    number = number_of(stderr)
    detail = sentence_of(stderr, fallback=f"the program ended with code {code}")
    if number in UNREACHABLE:
        return SourceUnreachable(asset=asset, detail=detail)
    if number in DENIED:
        return access_denied(asset, detail, () if number in (1045, 1698) else grants)
    if number == DATABASE_MISSING:
        return SourceMissing(asset=asset, detail=detail)
    return EngineFailed(asset=asset, detail=_advised(number, detail))


def from_dump(asset: str, stderr: str, *, code: int, grants: tuple[str, ...] = ()) -> IntendanceError:
    """As `from_stderr`, for a dump that had begun: a table that is gone or different was altered meanwhile."""
    if number_of(stderr) in CHANGED:
        return SourceChanged(asset=asset, detail=sentence_of(stderr))
    return from_stderr(asset, stderr, code=code, grants=grants)


_ADVICE = {
    1194: "; repair the table with `REPAIR TABLE`",
    1195: "; repair the table with `REPAIR TABLE`",
    1356: "; mend or drop that view: a dump of the database stops at it",
    1449: "; the account that made it is gone: make it again or give the object another definer",
    1102: "; no such name is possible",
}


def _advised(number: int | None, detail: str) -> str:
    return detail + _ADVICE.get(number or 0, "") + "."
