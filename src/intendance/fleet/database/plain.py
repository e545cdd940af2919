"""The manager's database by the driver's own words alone: for processes that judge a thousand nodes and end.

Making statements of expressions takes four fifths of what such a process needs to begin, and it makes none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from intendance.model.errors.fleet import DatabaseUnreachable

BUSY_SECONDS = 30
PRAGMAS = ("journal_mode = WAL", "foreign_keys = ON", "synchronous = FULL")
"""How a connection to SQLite is set up. Transactions are begun by hand: the driver's own way begins none before DDL and
too late before writes."""
READ = "BEGIN"
WRITE: Mapping[bool, tuple[str, ...]] = MappingProxyType(
    {
        True: ("PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"),
        False: ("PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE"),
    }
)
"""How a transaction that writes begins on SQLite, by whether it is durable."""
_UNREACHABLE = (
    "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
)  # fmt: skip


class Speaks(Protocol):
    """A connection that takes the driver's own words: SQLAlchemy's, or one of `Plain`."""

    @property
    def dialect(self) -> Any: ...

    @property
    def connection(self) -> Any: ...

    def exec_driver_sql(self, statement: str, parameters: Any = None) -> Any:
        """Run a statement with one row of parameters, or with each of a list of them."""


class Readable(Protocol):
    """A database as whoever judges needs it."""

    def begin(self, *, durable: bool = True) -> AbstractContextManager[Speaks]:
        """A transaction that may write."""

    def read(self) -> AbstractContextManager[Speaks]:
        """One view of what is committed."""


class _Dialect:
    name: Literal["sqlite"] = "sqlite"


class _Spoken:
    """A connection as `Speaks` has it. It is its own holder of the driver's."""

    dialect = _Dialect()

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.driver_connection = driver

    @property
    def connection(self) -> _Spoken:
        return self

    def exec_driver_sql(self, statement: str, parameters: Any = None) -> sqlite3.Cursor:
        if isinstance(parameters, list):
            return self.driver_connection.executemany(statement, parameters)
        return self.driver_connection.execute(statement, () if parameters is None else parameters)


class Plain:
    """One connection to a SQLite file, for one thread. What `connect.Database` promises of its methods holds here."""

    def __init__(self, path: Path) -> None:
        """Raises DatabaseUnreachable."""
        self._path = path
        with self._reachable():
            self._driver = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            for pragma in PRAGMAS:
                self._driver.execute(f"PRAGMA {pragma}")

    @contextmanager
    def begin(self, *, durable: bool = True) -> Iterator[_Spoken]:
        """A transaction that may write. Raises DatabaseUnreachable."""
        with self._reachable(), self._transaction(WRITE[durable]) as spoken:
            yield spoken

    @contextmanager
    def read(self) -> Iterator[_Spoken]:
        """One view of what is committed, for reading. Raises DatabaseUnreachable."""
        with self._reachable(), self._transaction((READ,)) as spoken:
            yield spoken

    def close(self) -> None:
        """Close the connection."""
        self._driver.close()

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self, opening: Sequence[str]) -> Iterator[_Spoken]:
        for statement in opening:
            self._driver.execute(statement)
        try:
            yield _Spoken(self._driver)
            self._driver.execute("COMMIT")
        except BaseException:
            if self._driver.in_transaction:
                self._driver.execute("ROLLBACK")
            raise

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if not is_out_of_reach(error):
                raise
            raise DatabaseUnreachable(where=str(self._path), detail=str(error)) from error


def is_file(address: str) -> bool:
    """Whether an address, as `Database.address` gives it, is the path of a SQLite file."""
    return address.startswith("/")


def is_out_of_reach(error: sqlite3.Error) -> bool:
    """Whether it says that the file is locked, full, damaged or not there, and not that a statement is wrong."""
    return getattr(error, "sqlite_errorname", "").startswith(_UNREACHABLE)
