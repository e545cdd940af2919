"""Where a verification reads from: a node's state folder, or any other place that holds the same things."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import field
from pathlib import Path
from typing import Protocol

from intendance.ledger import rows, tiles, witnessed
from intendance.ledger.layout import Layout
from intendance.ledger.rows import Block, Row
from intendance.ledger.tlog import TILE_WIDTH, Tile
from intendance.model.errors.state import NoState
from intendance.model.frozen import dataclass
from intendance.system import lock
from intendance.system.clock import wait
from intendance.system.reading import connect_for_reading


class Unreadable(Exception):
    """Part of the ledger cannot be read at all; the message says why."""


class Source(Protocol):
    """The bytes of one ledger at one instant. Methods raise Unreadable."""

    def size(self) -> int:
        """The number of the last record plus one."""

    def rows(self, first: int, end: int) -> Iterator[Row]:
        """Records [first, end) that are there, in order."""

    def blocks(self, first: int, end: int) -> Iterator[Block]:
        """As `rows`; 256 together, so that those from a multiple of 256 on are a bundle's, unless some are missing."""

    def checking(self) -> AbstractContextManager[Callable[[], tuple[str, str]]]:
        """Check what holds the records, meanwhile where that can be done; inside, and once all were read, ask for it.

        The answer: what it is (`database`, `bundle`), and what is wrong with it around the records, or nothing.
        """

    def checkpoint(self) -> bytes | None:
        """The signed checkpoint."""

    def witnessed(self) -> list[bytes]:
        """Checkpoints that witnesses cosigned, kept beside it."""

    def present(self) -> list[tuple[str, Tile | None]]:
        """Every file below `tile/`."""

    def tile(self, tile: Tile) -> bytes | None:
        """A tile's bytes."""

    def attachment(self, sha256: str) -> bytes | None:
        """An attachment's bytes."""


@dataclass(slots=True)
class StateSource:
    """A state folder as it stood when it was opened: what is appended meanwhile is not seen."""

    layout: Layout
    connection: sqlite3.Connection
    signed: bytes | None
    listed: list[tuple[str, Tile | None]]
    partial: dict[Tile, bytes | None] = field(default_factory=dict)

    def size(self) -> int:
        with _reading():
            return rows.size(self.connection)

    def rows(self, first: int, end: int) -> Iterator[Row]:
        with _reading():
            yield from rows.rows(self.connection, first, end)

    def blocks(self, first: int, end: int) -> Iterator[Block]:
        with _reading():
            yield from rows.blocks(self.connection, first, end)

    @contextmanager
    def checking(self) -> Iterator[Callable[[], tuple[str, str]]]:
        """SQLite checks its pages and indexes on the other core: it works while other threads of ours do."""
        with _reading():
            connection = _connect(self.layout)
        with closing(connection), ThreadPoolExecutor(1) as thread:
            damage = thread.submit(_damage, connection)
            try:
                yield lambda: ("database", damage.result())
            finally:
                connection.interrupt()  # of no effect once it is done

    def checkpoint(self) -> bytes | None:
        return self.signed

    def witnessed(self) -> list[bytes]:
        return [content for _, content in self.kept()]

    def kept(self) -> list[tuple[str, bytes]]:
        """What witnesses cosigned, by the names of its files."""
        with _reading():
            return witnessed.kept(self.layout)

    def present(self) -> list[tuple[str, Tile | None]]:
        return self.listed

    def tile(self, tile: Tile) -> bytes | None:
        with _reading():
            return self.partial[tile] if tile in self.partial else tiles.read(self.layout.log, tile)

    def attachment(self, sha256: str) -> bytes | None:
        with _reading():
            path = self.layout.attachment(sha256)
            return path.read_bytes() if path.is_file() else None


_SETTLING_ATTEMPTS = 20
_SETTLING_SECONDS = 0.05


@contextmanager
def open_source(state: Path) -> Iterator[StateSource]:
    """A state folder's ledger, held still; changes nothing there. Raises NoState, Unreadable.

    A record that another process has committed but not signed yet is waited for, one second at most.
    """
    layout = Layout(state)
    if not layout.database.exists():
        raise NoState(state=state)
    with _reading():
        connection = _connect(layout)
    try:
        if not layout.checkpoint.exists() and _never_begun(connection):
            raise NoState(state=state)
        source = _still(layout, connection)
        for _ in range(_SETTLING_ATTEMPTS):
            if _settled(source):
                break
            connection.execute("ROLLBACK")
            wait(_SETTLING_SECONDS)
            source = _still(layout, connection)
        yield source
    finally:
        connection.close()


def _connect(layout: Layout) -> sqlite3.Connection:
    return connect_for_reading(layout.database, any_thread=True)


def _damage(connection: sqlite3.Connection) -> str:
    with _reading():
        problems = connection.execute("PRAGMA integrity_check('record')").fetchmany(3)
    return "" if problems == [("ok",)] else "; ".join(str(problem) for (problem,) in problems)


def _never_begun(connection: sqlite3.Connection) -> bool:
    """Whether the database is that of a creation that was interrupted before its first record."""
    with _reading():
        table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone()
        return table is None or rows.size(connection) == 0


def _still(layout: Layout, connection: sqlite3.Connection) -> StateSource:
    """One view of the database and, of the log, whatever a later seal could replace."""
    with _reading(), _unsealed(layout):
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # the view begins with the first read
        signed = layout.checkpoint.read_bytes() if layout.checkpoint.is_file() else None
        source = StateSource(layout, connection, signed, list(tiles.present(layout.log)))
        for _, tile in source.listed:
            if tile is not None and tile.width < TILE_WIDTH:
                source.partial[tile] = tiles.read(layout.log, tile)
    return source


def _settled(source: StateSource) -> bool:
    lines = (source.signed or b"").split(b"\n")
    return len(lines) > 1 and lines[1] == str(source.size()).encode()


@contextmanager
def _unsealed(layout: Layout) -> Iterator[None]:
    """Keep other processes from sealing, where we may."""
    with ExitStack() as stack:
        if layout.lock.exists():
            with suppress(OSError):  # a reader without the right to lock takes its chance
                stack.enter_context(lock.waiting(layout.lock))
        yield


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a damaged file may make SQLite complain in broken UTF-8
        raise Unreadable(f"the database cannot be read: {error}") from None
    except OSError as error:
        raise Unreadable(f"{error.filename or 'a file'} cannot be read: {error.strerror}") from None
