"""Numbers that the manager remembers under a name."""

from __future__ import annotations

from sqlalchemy import Connection, select

from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import setting


def read_setting(connection: Connection, name: str) -> int | None:
    """A number that was written, if it was."""
    found = connection.execute(select(setting.c.value).where(setting.c.name == name)).scalar()
    return None if found is None else int(found)


def write_setting(connection: Connection, name: str, value: int) -> None:
    """Write a number in the place of the former one."""
    made = insert_into(connection, setting).values(name=name, value=str(value))
    connection.execute(made.on_conflict_do_update(index_elements=[setting.c.name], set_={"value": made.excluded.value}))
