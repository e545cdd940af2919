"""Connections to the manager's database: SQLite in its own folder, or PostgreSQL. The same code speaks to both."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoneFree

from intendance.fleet.database import server
from intendance.fleet.database.instants import from_us, to_us
from intendance.fleet.database.plain import BUSY_SECONDS, PRAGMAS, READ, WRITE, is_out_of_reach
from intendance.model.errors.fleet import DatabaseAddressUnusable, DatabaseUnreachable

__all__ = ["Database", "Dialect", "from_us", "open_database", "to_us"]

Dialect = Literal["sqlite", "postgresql"]

_POOLED = 8
_OPENINGS: Mapping[tuple[Dialect, bool], tuple[str, ...]] = MappingProxyType(
    {
        ("sqlite", True): WRITE[True],
        ("sqlite", False): WRITE[False],
        ("postgresql", True): (),
        ("postgresql", False): ("SET LOCAL synchronous_commit = off",),
    }
)
"""How a transaction that writes begins; the driver begins PostgreSQL's by itself."""


class Database:
    """A pool of connections; any thread may ask it for one."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect: Dialect = "sqlite" if engine.dialect.name == "sqlite" else "postgresql"

    @property
    def address(self) -> str:
        """By what another process opens it: the path of SQLite's file as it is, which an address would write otherwise
        where it holds more than plain letters; or PostgreSQL's address, which may hold a password."""
        url = self.engine.url
        if self.dialect == "sqlite":
            return url.database or ""
        return url.render_as_string(hide_password=False)

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
            begin = READ if self.dialect == "sqlite" else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
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
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, pool_size=_POOLED, max_overflow=_POOLED)
        event.listen(engine, "connect", _set_up_sqlite)
    else:
        line = server.line(url.query)
        engine = create_engine(
            url, connect_args=line, pool_size=_POOLED, max_overflow=_POOLED, pool_pre_ping=True,
        )  # fmt: skip
        event.listen(engine, "connect", server.set_up)
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
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def _reachable(engine: Engine) -> Iterator[None]:
    """That the database cannot be spoken to now, as one error; a statement's own faults stay what they are. What judges
    reads by the driver itself, whose errors nobody wraps."""
    try:
        yield
    except (DBAPIError, NoneFree, engine.dialect.loaded_dbapi.Error) as error:
        if not _is_about_reaching(error):
            raise
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()
        where = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string()
        raise DatabaseUnreachable(where=where or "memory", detail=said[0] if said else "no answer") from error


def _is_about_reaching(error: Exception) -> bool:
    """A connection that broke, was never made, or is not to be had for all that wait; a file that is locked, full or
    damaged; a server that has to be asked again."""
    if isinstance(error, NoneFree) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(origin, sqlite3.Error):
        return is_out_of_reach(origin)
    return server.is_away(origin)
