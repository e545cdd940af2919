"""One statement for thousands of rows of values, for each dialect: SQLite's driver takes a list of them, PostgreSQL one
JSON text that it takes apart. Both cost a manager a fraction of what a statement made anew for each row does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from intendance.fleet.database.plain import Speaks
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Many:
    """A statement by dialect; its rows have their values in the order of the columns that it was made of."""

    sqlite: str
    postgresql: str

    def run(self, connection: Speaks, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run it with these rows, in this order."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(self.sqlite, list(rows))
        else:
            connection.exec_driver_sql(self.postgresql, (msgspec.json.encode(rows).decode(),))


def insert_many(table: str, columns: Mapping[str, str], conflict: str = "") -> Many:
    """Insert rows. `columns` have their types in PostgreSQL; `conflict` says what becomes of those that are there."""
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    into = f"INSERT INTO {table} ({names})"
    return Many(
        sqlite=f"{into} VALUES ({marks}) {conflict}",
        postgresql=f"{into} {given(columns)} {conflict}",
    )


def update_many(table: str, key: str, columns: Mapping[str, str]) -> Many:
    """Change the row of each value of `key`, which comes first; a row that is not there stays away."""
    names = [name for name in columns if name != key]
    sets = ", ".join(f"{name} = ?{place}" for place, name in enumerate(names, 2))
    taken = ", ".join(f"{name} = given.{name}" for name in names)
    return Many(
        sqlite=f"UPDATE {table} SET {sets} WHERE {key} = ?1",  # noqa: S608 -- fixed words
        postgresql=f"UPDATE {table} SET {taken} FROM ({given({key: columns[key], **columns})}) AS given "  # noqa: S608 -- fixed words
        f"WHERE {table}.{key} = given.{key}",
    )


def given(columns: Mapping[str, str]) -> str:
    """What PostgreSQL reads of a JSON text that is the statement's one parameter: its rows, in their order there."""
    members = [f"(row->>{place})::{kind} AS {name}" for place, (name, kind) in enumerate(columns.items())]
    return f"SELECT {', '.join(members)} FROM json_array_elements(%s::json) AS row"  # noqa: S608 -- fixed words
