"""Brings the manager's tables up to date when it starts; a SQLite file is copied first."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from intendance.fleet.database.columns import metadata
from intendance.fleet.database.connect import Database
from intendance.model.errors.fleet import DatabaseTooNew

_LOCK = 0x696E74656E64  # one migration at a time: `pg_advisory_xact_lock`, any number that is always the same


def bring_up_to_date(database: Database, *, backups: Path, now: datetime) -> Path | None:
    """Apply every migration that this database has not had, all or none; returns the copy made before, if any.

    PostgreSQL is not copied: that is the business of whoever keeps it. Raises DatabaseTooNew, DatabaseUnreachable.
    """
    script = _script()
    newest = script.get_current_head()
    with database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found == newest:
        return None
    _refuse_newer(script, found)
    copy = _copied(database, backups, found, now)
    with database.begin() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        upgrade(connection)
    return copy


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).with_name("migrations")))


def newest_revision() -> str:
    """The number of the newest migration that this version knows."""
    return str(_script().get_current_head())


def _refuse_newer(script: ScriptDirectory, found: str | None) -> None:
    try:
        if found is not None:
            script.get_revision(found)
    except CommandError:
        raise DatabaseTooNew(revision=found) from None


def upgrade(connection: Connection, to: str = "head") -> None:
    """Apply the migrations that are missing up to one of them."""
    script = _script()

    def steps(revision: Any, _: MigrationContext) -> object:
        return script._upgrade_revs(to, revision)  # noqa: SLF001 -- what alembic's own `upgrade` command passes

    with EnvironmentContext(Config(), script, fn=steps, as_sql=False, destination_rev=to) as environment:
        environment.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
        environment.run_migrations()


def _copied(database: Database, backups: Path, found: str | None, now: datetime) -> Path | None:
    """A whole copy of a SQLite file that holds something, by SQLite's own backup."""
    path = database.engine.url.database
    if database.dialect != "sqlite" or found is None or path is None:
        return None
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = backups / f"manager-{found}-{now:%Y%m%dT%H%M%SZ}.db"
    partial = copy.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as target:
        source.backup(target)
    partial.chmod(0o600)
    partial.replace(copy)
    return copy
