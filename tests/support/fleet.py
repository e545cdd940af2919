"""The manager's database for tests, on SQLite and on PostgreSQL: the same test runs on both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import select

from intendance.fleet.acts.writing import noted
from intendance.fleet.database.connect import Database, open_database
from intendance.fleet.database.migrate import bring_up_to_date, newest_revision
from intendance.fleet.database.tables import act, metadata
from intendance.model.evidence import Evidence
from tests.support.postgresql import PostgresServer

BOTH = ("sqlite", "postgresql")
BEGAN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the manager's tables, to copy."""
    folder = tmp_path_factory.mktemp("manager-db")
    with open_database(folder / "template.db") as database:
        bring_up_to_date(database, backups=folder, now=BEGAN)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder / "template.db"


@cache
def _postgresql_address(server: PostgresServer) -> str:
    """One database for all tests of a worker: emptying it is ten times as quick as making another."""
    address = server.address(server.new_database())
    with open_database(address) as database:
        bring_up_to_date(database, backups=Path("/nonexistent"), now=BEGAN)
    return address


_WRITTEN_TO = "SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > 0"
_COUNT_ANEW = """
    SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL
"""


def _empty(address: str) -> None:
    """As after the migrations. A table without a page is as it was made: its files are not made anew."""
    with open_database(address) as database, database.begin() as connection:
        found = connection.exec_driver_sql(_WRITTEN_TO).scalars()
        if written_to := sorted(metadata.tables.keys() & set(found)):
            connection.exec_driver_sql(f"TRUNCATE {', '.join(written_to)} CASCADE")
        connection.exec_driver_sql(_COUNT_ANEW)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = %s", (newest_revision(),))


@pytest.fixture(params=BOTH)
def fleet_address(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> Iterator[str | Path]:
    """The address of an empty database with the manager's tables: one after the other, of both kinds."""
    if request.param == "sqlite":
        path = tmp_path / "données à 20%25.db"  # what an address would write otherwise
        shutil.copy(sqlite_template, path)
        yield path
        return
    address = _postgresql_address(request.getfixturevalue("postgresql"))
    _empty(address)
    yield address


@pytest.fixture
def fleet_database(fleet_address: str | Path) -> Iterator[Database]:
    """The same, opened."""
    with ExitStack() as stack:
        yield stack.enter_context(open_database(fleet_address))


def noted_acts(database: Database) -> list[tuple[Evidence, str]]:
    """What people did that is to go to the fleet log, with its actors, in order."""
    with database.read() as connection:
        rows = connection.execute(select(act).order_by(act.c.id)).all()
    return [(noted(row.kind, row.data), row.actor) for row in rows]
