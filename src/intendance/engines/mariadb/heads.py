"""The head of a database's stream: the only lines that name the database, written by us. Pure.

`mariadb-dump --databases X` would write them too, but it writes `USE X` a second time, after the data, before it drops
and makes the views: loaded under another name, such a dump replaces the views of the original (seen on 10.11.19;
`tests/system/engines/test_mariadb_round_trip.py`). So the dump itself names no database.
"""

from __future__ import annotations

import re

from intendance.engines.mariadb.privileges import quoted

# The client reads this line of a dump as a command; clients that do not know it refuse it.
_SANDBOX = re.compile(rb"^/\*M?!999999\\- [^\n]*\*/ ?;?\n", re.MULTILINE)


class HeadUnexpected(ValueError):
    """The stream does not begin with the head of that database; loaded as it is, it might write elsewhere."""


def head(database: str, character_set: str, collation: str) -> str:
    """What stands before a dump of `database`: it makes the database when it is not there, and enters it."""
    name = quoted(database)
    return (
        "-- One database, read by Intendance; only these lines name it.\n"
        "/*!40101 SET NAMES utf8mb4 */;\n"
        f"CREATE DATABASE /*!32312 IF NOT EXISTS*/ {name} "
        f"/*!40100 DEFAULT CHARACTER SET {character_set} COLLATE {collation} */;\n"
        f"USE {name};\n\n"
    )


def renamed(first: bytes, old: str, new: str) -> bytes:
    """The first bytes of a stream with the head of `new` instead of that of `old`. Raises HeadUnexpected."""
    wanted = re.escape(head(old, "\1", "\1").encode()).replace(b"\1", rb"(\w+)")
    found = re.match(wanted, first)
    if found is None:
        raise HeadUnexpected(f"the stream does not begin with the head of a dump of {old}")
    return head(new, found[1].decode(), found[2].decode()).encode() + first[found.end() :]


def without_sandbox(first: bytes) -> bytes:
    """The first bytes of a stream without the line that switches the client's sandbox mode on."""
    return _SANDBOX.sub(b"", first, count=1)
