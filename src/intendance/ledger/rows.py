"""Reading records from the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from intendance.system.reading import connect_for_reading, refused_writing

BUSY_SECONDS = 30
_BLOCK_ROWS = 256


class Row(NamedTuple):
    """A record as the database holds it: its bytes, and the columns by which it is found."""

    seq: int
    kind: str
    asset: str | None
    ts: str
    content: bytes


Block = Sequence[tuple[int, str, str | None, str, bytes]]
"""Rows that stand together, as plain tuples: making a Row of each costs as much as reading it."""


def connect(database: Path) -> sqlite3.Connection:
    """A connection whose commits survive power loss; transactions are begun by hand."""
    connection = sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def connect_as_possible(database: Path) -> tuple[sqlite3.Connection, OSError | None]:
    """As `connect`; where the folder takes no writes, a connection for reading, and what the system says to writes."""
    refused = refused_writing(database.parent)
    return (connect(database), None) if refused is None else (connect_for_reading(database), refused)


def size(connection: sqlite3.Connection) -> int:
    """How many records there are, gaps aside: the last one's number plus one."""
    (last,) = connection.execute("SELECT max(seq) FROM record").fetchone()
    return 0 if last is None else int(last) + 1


def contents(connection: sqlite3.Connection, first: int, end: int) -> Iterator[bytes]:
    """The bytes of records [first, end) in order."""
    cursor = connection.execute("SELECT content FROM record WHERE seq >= ? AND seq < ? ORDER BY seq", (first, end))
    for (content,) in cursor:
        yield content


def rows(connection: sqlite3.Connection, first: int, end: int) -> Iterator[Row]:
    """Records [first, end) with their columns, in order; columns of a damaged file may hold anything but `content`."""
    for block in blocks(connection, first, end):
        yield from map(Row._make, block)


def blocks(connection: sqlite3.Connection, first: int, end: int) -> Iterator[Block]:
    """As `rows`, 256 together and the last ones."""
    cursor = connection.execute(
        "SELECT seq, kind, asset, ts, ifnull(CAST(content AS BLOB), x'') FROM record"
        " WHERE seq >= ? AND seq < ? ORDER BY seq",
        (first, end),
    )
    while block := cursor.fetchmany(_BLOCK_ROWS):
        yield block


def selected(
    connection: sqlite3.Connection,
    *,
    kind: str | None,
    asset: str | None,
    since: str | None,
    newest_first: bool,
    limit: int | None,
    before: int | None = None,
) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of the records that match, in order of their numbers; `since` compares `ts` as text, `before` is
    a number that none of them reaches."""
    wanted: list[tuple[str, str | int | None]] = [
        ("kind = ?", kind), ("asset = ?", asset), ("ts >= ?", since), ("seq < ?", before),
    ]  # fmt: skip
    given = [(condition, value) for condition, value in wanted if value is not None]
    where = " WHERE " + " AND ".join(condition for condition, _ in given) if given else ""
    order = "DESC" if newest_first else "ASC"
    statement = f"SELECT seq, content FROM record{where} ORDER BY seq {order} LIMIT ?"  # noqa: S608 -- fixed words only
    yield from connection.execute(statement, (*(value for _, value in given), -1 if limit is None else limit))


def newest(connection: sqlite3.Connection, kind: str, asset: str, limit: int) -> list[tuple[int, str]]:
    """Number and `ts` of the newest records of a kind about an asset, newest first."""
    statement = "SELECT seq, ts FROM record WHERE kind = ? AND asset = ? ORDER BY seq DESC LIMIT ?"
    return connection.execute(statement, (kind, asset, limit)).fetchall()


def marks(connection: sqlite3.Connection, first: int) -> Iterator[tuple[str, str | None, str]]:
    """Kind, asset and `ts` of the records from number `first` on, in order."""
    yield from connection.execute("SELECT kind, asset, ts FROM record WHERE seq >= ? ORDER BY seq", (first,))
