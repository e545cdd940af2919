"""Wrong tries to log in, counted alike for every name, so that no answer tells which names there are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from intendance.fleet.accounts import decide
from intendance.fleet.accounts.factors import digest
from intendance.fleet.database.connect import from_us, to_us
from intendance.fleet.database.tables import account, tried_name
from intendance.model.errors.accounts import AccountLocked

NAMES_MAX = 100_000
"""Names without an account whose tries are kept, some 10 MB; the first that came goes first. Each costs a hash of a
password: making the manager forget one takes a core for most of an hour, and tells of one name."""


def look(connection: Connection, name: str, now: datetime) -> RowMapping | None:
    """The account of a name, if there is one, where it may be tried now. Raises AccountLocked, for any name."""
    row = connection.execute(select(account).where(account.c.name == name)).mappings().one_or_none()
    kept = select(tried_name.c.locked_until_us).where(tried_name.c.name_sha256 == digest(name))
    until = connection.execute(kept).scalar_one_or_none()  # asked of every name: all take as long
    expect_open(until if row is None else row["locked_until_us"], now)
    return row


def count(connection: Connection, name: str, now: datetime) -> None:
    """Count a wrong try, after all that were counted meanwhile. Raises AccountLocked: then this one does not count."""
    held, mine = _counted_at(connection, name)
    asked = select(held.c.failures, held.c.locked_until_us).where(mine).with_for_update()
    failures, locked_until_us = connection.execute(asked).one()
    expect_open(locked_until_us, now)
    until = decide.lock_after(failures + 1, now)
    locked = {} if until is None else {"locked_until_us": to_us(until)}
    connection.execute(update(held).where(mine).values(failures=failures + 1, **locked))


def forgive(connection: Connection, number: int) -> None:
    """No try counts against an account any more."""
    connection.execute(update(account).where(account.c.id == number).values(failures=0, locked_until_us=None))


def expect_open(locked_until_us: int | None, now: datetime) -> None:
    """Raises AccountLocked while nobody may try."""
    until = None if locked_until_us is None else from_us(locked_until_us)
    if decide.locked(until, now):
        raise AccountLocked(until=until)


def _counted_at(connection: Connection, name: str) -> tuple[Table, ColumnElement[bool]]:
    """Where the tries of a name are counted: at its account, or in a row of its own, which then is there."""
    if connection.execute(select(account.c.id).where(account.c.name == name)).first() is not None:
        return account, account.c.name == name
    mine = tried_name.c.name_sha256 == digest(name)
    insert = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
    made = insert(tried_name).values(name_sha256=digest(name)).on_conflict_do_nothing()
    if connection.execute(made).rowcount:
        number = connection.execute(select(tried_name.c.id).where(mine)).scalar_one()
        connection.execute(delete(tried_name).where(tried_name.c.id <= number - NAMES_MAX))
    return tried_name, mine
