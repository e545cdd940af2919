"""A share of many nodes, judged by a process of its own: what it is told on its standard input, and what it does.

It imports no more than judging needs, and begins in a quarter of the time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from intendance.fleet.database.instants import from_us
from intendance.fleet.database.plain import Plain, Readable, is_file
from intendance.fleet.verdicts.judging import Judging
from intendance.model.errors import IntendanceError
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one process is told, on its standard input: an address may hold a password. `program` is the manager's mark:
    files that were replaced under it would otherwise be another's."""

    address: str
    program: str
    names: tuple[str, ...]
    now_us: int


def main(read: Callable[[], bytes], say: Callable[[str], object]) -> int:
    """Judge the share that is read; 1 when the database or a program failed, which is said."""
    share = msgspec.json.decode(read(), type=Share)
    try:
        with _open(share.address) as database:
            Judging(database, say, share.program).judge(share.names, from_us(share.now_us))
    except IntendanceError as error:
        say(error.message)
        return 1
    return 0


def _open(address: str) -> AbstractContextManager[Readable]:
    """The database at an address as `Database.address` gives it."""
    if is_file(address):
        return Plain(Path(address))
    from intendance.fleet.database.connect import (
        open_database,
    )  # SQLAlchemy, to speak to PostgreSQL as the manager does

    return open_database(address)


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer.read, lambda sentence: sys.stderr.write(f"{sentence}\n")))
