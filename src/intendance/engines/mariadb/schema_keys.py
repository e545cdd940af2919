"""Foreign keys that a RENAME of tables leads astray: the server lets them follow the table that went, not the name.

Seen on 10.11.19, whatever `foreign_key_checks` says: a key of a table that stays, or of another database, goes on to
refer to the table that was put aside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from intendance.engines.mariadb.client import literals
from intendance.engines.mariadb.privileges import quoted
from intendance.model.evidence.restore import Check
from intendance.model.frozen import dataclass

Query = Callable[[str], list[tuple[str, ...]]]

_KEYS = """
SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA,
       k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, r.UPDATE_RULE, r.DELETE_RULE
  FROM information_schema.KEY_COLUMN_USAGE k
  JOIN information_schema.REFERENTIAL_CONSTRAINTS r
    ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.TABLE_NAME = k.TABLE_NAME
   AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
 WHERE k.REFERENCED_TABLE_NAME IS NOT NULL
   AND (k.TABLE_SCHEMA IN ({names}) OR k.REFERENCED_TABLE_SCHEMA IN ({names}))
 ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """One foreign key, with the schemas of both ends."""

    schema: str
    table: str
    name: str
    columns: tuple[str, ...]
    to_schema: str
    to_table: str
    to_columns: tuple[str, ...]
    on_update: str
    on_delete: str

    @property
    def place(self) -> tuple[str, str, str]:
        return self.schema, self.table, self.name

    def drop(self) -> str:
        return f"ALTER TABLE {quoted(self.schema)}.{quoted(self.table)} DROP FOREIGN KEY {quoted(self.name)};"

    def add(self) -> str:
        columns, there = (", ".join(map(quoted, each)) for each in (self.columns, self.to_columns))
        return (
            f"ALTER TABLE {quoted(self.schema)}.{quoted(self.table)} ADD CONSTRAINT {quoted(self.name)}"
            f" FOREIGN KEY ({columns}) REFERENCES {quoted(self.to_schema)}.{quoted(self.to_table)} ({there})"
            f"{self._rule('DELETE', self.on_delete)}{self._rule('UPDATE', self.on_update)};"
        )

    @staticmethod
    def _rule(event: str, rule: str) -> str:
        """RESTRICT is what no rule means, and what the server then says of it."""
        return "" if rule == "RESTRICT" else f" ON {event} {rule}"

    def orphans(self) -> str:
        """Rows whose counterpart is not there."""
        pairs = " AND ".join(
            f"b.{quoted(there)} = a.{quoted(here)}" for here, there in zip(self.columns, self.to_columns, strict=True)
        )
        given = " AND ".join(f"a.{quoted(here)} IS NOT NULL" for here in self.columns)
        return (
            f"SELECT COUNT(*) FROM {quoted(self.schema)}.{quoted(self.table)} a WHERE {given} AND NOT EXISTS"  # noqa: S608 -- quoted
            f" (SELECT 1 FROM {quoted(self.to_schema)}.{quoted(self.to_table)} b WHERE {pairs});"
        )

    def moved(self, names: Mapping[str, str]) -> ForeignKey:
        """The same with other names of schemas."""
        return ForeignKey(
            schema=names.get(self.schema, self.schema), table=self.table, name=self.name, columns=self.columns,
            to_schema=names.get(self.to_schema, self.to_schema), to_table=self.to_table, to_columns=self.to_columns,
            on_update=self.on_update, on_delete=self.on_delete,
        )  # fmt: skip

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> ForeignKey:
        """A key as `asdict` wrote it."""
        return cls(**{**values, "columns": tuple(values["columns"]), "to_columns": tuple(values["to_columns"])})


def find(query: Query, schemas: Collection[str]) -> list[ForeignKey]:
    """The foreign keys with an end in one of the schemas."""
    found: dict[tuple[str, str, str], list[tuple[str, ...]]] = {}
    for row in query(_KEYS.format(names=literals(list(schemas)))):
        found.setdefault((row[0], row[1], row[2]), []).append(row)
    return [
        ForeignKey(
            schema=schema, table=table, name=name, columns=tuple(row[3] for row in rows), to_schema=rows[0][4],
            to_table=rows[0][5], to_columns=tuple(row[6] for row in rows), on_update=rows[0][7], on_delete=rows[0][8],
        )
        for (schema, table, name), rows in found.items()
    ]  # fmt: skip


def mending(
    now: Iterable[ForeignKey], wanted: Iterable[ForeignKey], live: str, aside: Collection[str]
) -> Iterator[str]:
    """The statements after which every key that production should have is there and none ties it to what is aside.

    Pure, and nothing to do the second time.
    """
    kept = set()
    for each in now:
        astray = each.to_schema in aside if each.schema not in aside else each.to_schema not in aside
        if astray:
            yield each.drop()
        else:
            kept.add(each.place)
        if astray and each.schema not in aside:
            yield each.moved(dict.fromkeys(aside, live)).add()
            kept.add(each.place)
    for each in wanted:
        if each.place not in kept:
            yield each.add()
            kept.add(each.place)


def checked(query: Query, keys: Iterable[ForeignKey]) -> Check:
    """What the keys say of the rows: a table of yesterday may miss what others of today refer to. Said, not refused."""
    lost = []
    count = 0
    for each in keys:
        count += 1
        rows = int(query(each.orphans())[0][0])
        if rows:
            lost.append(f"{rows} of {each.table} name a row of {each.to_table} that is not there")
    said = f"warning: {'; '.join(lost[:8])}" if lost else f"{count} kept, and every row finds its counterpart"
    return Check(name="foreign keys", ok=True, found=said)
