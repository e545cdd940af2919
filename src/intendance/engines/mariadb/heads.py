"""The head of a database's dump, given another name. Pure.

Only `CREATE DATABASE` and `USE` name the database in a dump of one; they stand before the first object, within the
first 64 KiB. A dump whose head is not as expected is refused: loaded as it is, it would write into the original.
"""

from __future__ import annotations

import re

from intendance.engines.mariadb.privileges import quoted

_SANDBOX = re.compile(rb"\A/\*M?!999999\\- [^\n]*\*/ ?;?\n")
_CREATE = re.compile(
    rb"^CREATE DATABASE /\*!32312 IF NOT EXISTS\*/ (?P<name>`(?:[^`]|``)+`)(?P<rest>[^\n]*;)$", re.MULTILINE
)
_USE = re.compile(rb"^USE (?P<name>`(?:[^`]|``)+`);$", re.MULTILINE)
_FIRST_OBJECT = re.compile(
    rb"^(?:DROP|CREATE (?!DATABASE)|INSERT|LOCK|-- (?:Table|Temporary|Dumping|Sequence))", re.MULTILINE
)


class HeadUnexpected(ValueError):
    """The stream does not begin as mariadb-dump's output of one database begins; the text says in what way."""


def renamed(head: bytes, old: str, new: str, *, sandbox: bool = True) -> bytes:
    """The first bytes of a dump of `old`, with CREATE DATABASE and USE naming `new`. Raises HeadUnexpected.

    `sandbox` false takes away the first line, which clients that know no sandbox mode refuse.
    """
    first = _FIRST_OBJECT.search(head)
    preamble, rest = (head[: first.start()], head[first.start() :]) if first else (head, b"")
    wanted = quoted(old).encode()
    for pattern, statement in ((_CREATE, "CREATE DATABASE"), (_USE, "USE")):
        names = [found["name"] for found in pattern.finditer(preamble)]
        if names != [wanted]:
            raise HeadUnexpected(f"its head does not hold exactly one {statement} for {old}")
    name = quoted(new).encode()
    preamble = _CREATE.sub(lambda found: b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ " + name + found["rest"], preamble)
    preamble = _USE.sub(lambda _: b"USE " + name + b";", preamble)
    return without_sandbox(preamble + rest) if not sandbox else preamble + rest


def without_sandbox(head: bytes) -> bytes:
    """The head without the line that switches the client's sandbox mode on."""
    return _SANDBOX.sub(b"", head, count=1)
