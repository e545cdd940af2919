"""Arbitrary SQLite databases survive a backup and a restore, row by row."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intendance.engines.sqlite import SqliteEngine
from intendance.model.plan import SqliteAsset
from tests.support import engines

# SQLite takes the two last signs of a plane for U+FFFD when it reads a name that it keeps as UTF-16.
LETTERS = st.characters(exclude_characters="\0\ufffe\uffff", codec="utf-8")
NAMES = st.text(LETTERS, min_size=1, max_size=12).filter(lambda name: not name.lower().startswith("sqlite_"))
VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=2000)
    | st.text(st.characters(codec="utf-8"), max_size=60)
)


@dataclass(frozen=True)
class Table:
    """Columns without types keep every value as it is."""

    name: str
    width: int
    indexed: bool
    rows: list[tuple[Any, ...]]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.tuples(*[VALUES] * width), max_size=12))
    return Table(name=draw(NAMES), width=width, indexed=draw(st.booleans()), rows=rows)


@dataclass(frozen=True)
class Database:
    page_size: int
    encoding: str
    journal: str
    auto_vacuum: str
    user_version: int
    tables: list[Table]
    emptied: bool
    vacuumed: bool


DATABASES = st.builds(
    Database,
    page_size=st.sampled_from([512, 1024, 4096, 65536]),
    encoding=st.sampled_from(["UTF-8", "UTF-16le", "UTF-16be"]),
    journal=st.sampled_from(["wal", "delete", "truncate", "persist"]),
    auto_vacuum=st.sampled_from(["NONE", "FULL", "INCREMENTAL"]),
    user_version=st.integers(-(2**31), 2**31 - 1),
    # SQLite folds the case of ASCII letters only.
    tables=st.lists(tables(), max_size=4, unique_by=lambda table: _ascii_lower(table.name)),
    emptied=st.booleans(),
    vacuumed=st.booleans(),
)


def _ascii_lower(name: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def build(file: Path, wanted: Database) -> sqlite3.Connection:
    """The database, with the connection that made it still open: in WAL mode its content stands in the -wal."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in (
        f"page_size = {wanted.page_size}", f"encoding = '{wanted.encoding}'", f"auto_vacuum = {wanted.auto_vacuum}",
        f"journal_mode = {wanted.journal}", f"user_version = {wanted.user_version}", "synchronous = OFF",
    ):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE always (a)")
    for table in wanted.tables:
        if _ascii_lower(table.name) == "always":
            continue
        columns = ", ".join(f"c{number}" for number in range(table.width))
        connection.execute(f"CREATE TABLE {_quoted(table.name)} ({columns})")
        if table.indexed:
            connection.execute(
                f"CREATE INDEX {_quoted('longer than a table ' + table.name)} ON {_quoted(table.name)} (c0)"
            )
        marks = ", ".join("?" * table.width)
        connection.executemany(f"INSERT INTO {_quoted(table.name)} VALUES ({marks})", table.rows)
        if wanted.emptied:
            connection.execute(f"DELETE FROM {_quoted(table.name)} WHERE rowid % 2")
    if wanted.vacuumed:
        connection.execute("VACUUM")
    return connection


def content(connection: sqlite3.Connection) -> list[Any]:
    """Everything that can be asked of a database: pragmas, schema, and each row with its types."""
    pragmas = ("page_size", "encoding", "auto_vacuum", "user_version", "application_id", "freelist_count")
    found: list[Any] = [connection.execute(f"PRAGMA {pragma}").fetchone() for pragma in pragmas]
    schema = connection.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master ORDER BY rowid")
    found += (listed := schema.fetchall())
    for kind, name, *_ in listed:
        if kind == "table":
            rows = connection.execute(f"SELECT rowid, * FROM {_quoted(name)} ORDER BY rowid").fetchall()
            found += [[(type(value), value) for value in row] for row in rows]
    return found


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=DATABASES)
def test_every_database_survives_row_by_row(wanted: Database) -> None:
    room = Path(tempfile.mkdtemp(prefix="sq-", dir="/tmp"))
    try:
        file, copy = room / "a.db", room / "b.db"
        engine = SqliteEngine(SqliteAsset(name="a", path=str(file), backup=None))
        with closing(build(file, wanted)) as application:
            before = content(application)
            taken = engines.take(engine.back_up("full", room))
            session = engine.restore(taken.in_set, taken.source.details, str(copy), room)
            assert engines.failed(engines.load(session, taken)) == []
            assert content(application) == before, "the original is as it was"
        with closing(sqlite3.connect(copy)) as restored:
            assert content(restored) == before
            assert restored.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        shutil.rmtree(room)
