"""Connections to the manager's database: SQLite in its own folder, or PostgreSQL. The same code speaks to both."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from intendance.model.errors.fleet import DatabaseAddressUnusable, DatabaseUnreachable

Dialect = Literal["sqlite", "postgresql"]

_BUSY_SECONDS = 30
_POOLED = 8
_OPENINGS: Mapping[tuple[Dialect, bool], tuple[str, ...]] = MappingProxyType(
    {
        ("sqlite", True): ("PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"),
        ("sqlite", False): ("PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE"),
        ("postgresql", True): (),
        ("postgresql", False): ("SET LOCAL synchronous_commit = off",),
    }
)
"""How a transaction that writes begins; the driver begins PostgreSQL's by itself."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """An instant as tables hold it: microseconds since 1970 in UTC."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """What `to_us` was given."""
    return _EPOCH + us * _MICROSECOND


class Database:
    """A pool of connections; any thread may ask it for one."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect: Dialect = "sqlite" if engine.dialect.name == "sqlite" else "postgresql"

    @contextmanager
    def begin(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that may write: committed at the end of the block, rolled back on an exception.

        On SQLite it holds the one write lock from its beginning. With `durable` off, power loss (not a killed process)
        may take back what was committed in the last moments: for beats. Raises DatabaseUnreachable.
        """
        with _reachable(self.engine), self.engine.connect() as connection, connection.begin():
            for statement in _OPENINGS[self.dialect, durable]:
                connection.exec_driver_sql(statement)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One view of what is committed, for reading. Raises DatabaseUnreachable."""
        with _reachable(self.engine), self.engine.connect() as connection, connection.begin():
            begin = (
                "BEGIN" if self.dialect == "sqlite" else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
            )
            connection.exec_driver_sql(begin)
            yield connection

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_database(address: str | Path) -> Database:
    """The database at an address: the path of a SQLite file, or `postgresql://USER@HOST/NAME`.

    Opens no connection yet, and knows nothing of tables: `migrate.bring_up_to_date` does. Raises
    DatabaseAddressUnusable.
    """
    url = _read(address)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, pool_size=_POOLED, max_overflow=_POOLED)
        event.listen(engine, "connect", _set_up_sqlite)
    else:
        engine = create_engine(url, pool_size=_POOLED, max_overflow=_POOLED, pool_pre_ping=True)
        event.listen(engine, "connect", _set_up_postgresql)
    return Database(engine)


def _read(address: str | Path) -> URL:
    if isinstance(address, Path):
        return URL.create("sqlite", database=str(address.absolute()))
    try:
        url = make_url(address)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise DatabaseAddressUnusable(detail="it is not an address") from None
    if backend not in {"postgresql", "postgres"}:
        raise DatabaseAddressUnusable(detail=f"`{backend}` is not PostgreSQL")
    return url.set(drivername="postgresql+psycopg")


def _set_up_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Transactions are begun by hand: the driver's own way begins none before DDL and too late before writes."""
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _set_up_postgresql(connection: Any, _: Any) -> None:
    """PostgreSQL's text holds no NUL. The doors refuse one; one that comes by another way is kept as U+FFFD, so that
    a sentence of one node never keeps what all others said from being written."""
    connection.adapters.register_dumper(str, _text_without_nul())


@cache
def _text_without_nul() -> type[Any]:
    from psycopg.types.string import StrDumperUnknown  # only where PostgreSQL is spoken to

    class Dumper(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\x00", "\ufffd"))

    return Dumper


@contextmanager
def _reachable(engine: Engine) -> Iterator[None]:
    """That the database cannot be spoken to now, as one error; a statement's own faults stay what they are."""
    try:
        yield
    except DBAPIError as error:
        if not _is_about_reaching(error):
            raise
        said = str(error.orig).strip().splitlines()
        where = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string()
        raise DatabaseUnreachable(where=where or "memory", detail=said[0] if said else "no answer") from error


def _is_about_reaching(error: DBAPIError) -> bool:
    """A connection that broke or was never made; a file that is locked, full or damaged. psycopg calls them alike."""
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        name = getattr(origin, "sqlite_errorname", "")
        return name.startswith(
            ("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CORRUPT",
             "SQLITE_NOTADB")
        )  # fmt: skip
    state = getattr(origin, "sqlstate", None)
    return (
        error.connection_invalidated
        or (type(origin).__name__ == "OperationalError" and state is None)
        or (state is not None and state[:2] in {"08", "53", "57", "58"})
    )
