"""What a server holds: its databases and the objects in them, without reading a row.

Two surveys of one database, before and after its dump, tell whether somebody altered it meanwhile. mariadb-dump by
itself misses some of that: tables that trade names, and columns added or dropped in place, leave it content
(seen on 10.11.19; `tests/system/engines/test_mariadb_ddl.py` holds the cases).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from intendance.engines.mariadb import privileges
from intendance.engines.mariadb.client import Client, literals
from intendance.model.errors.engine import SourceMissing
from intendance.model.frozen import dataclass
from intendance.model.plan import MariadbAsset

SYSTEM_DATABASES = frozenset({"mysql", "information_schema", "performance_schema", "sys"})
TRANSACTIONAL = frozenset({"InnoDB", ""})  # "" is a view

_SERVER = """
SELECT 'server', VERSION(), @@hostname, @@datadir, @@port, @@lower_case_table_names, @@innodb_page_size,
  @@event_scheduler, CURRENT_USER();
SELECT 'name', SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA;
SHOW GRANTS;
"""
_OBJECTS = """
SELECT 'table', TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, IFNULL(ENGINE, ''), IFNULL(TABLE_ROWS, 0),
  IFNULL(DATA_LENGTH, 0), IFNULL(INDEX_LENGTH, 0), IFNULL(CREATE_TIME, ''), IFNULL(TABLE_COLLATION, '')
  FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ({names});
SELECT 'columns', TABLE_SCHEMA, TABLE_NAME, MD5(GROUP_CONCAT(CONCAT_WS('\\t', COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE,
  IFNULL(COLLATION_NAME, ''), IFNULL(COLUMN_DEFAULT, ''), EXTRA) ORDER BY ORDINAL_POSITION SEPARATOR '\\n'))
  FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN ({names}) GROUP BY TABLE_SCHEMA, TABLE_NAME;
SELECT 'view', TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION, CHECK_OPTION
  FROM information_schema.VIEWS WHERE TABLE_SCHEMA IN ({names});
SELECT 'trigger', TRIGGER_SCHEMA, TRIGGER_NAME, MD5(CONCAT_WS('\\t', EVENT_OBJECT_TABLE, ACTION_STATEMENT)),
  DATABASE_COLLATION FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA IN ({names});
SELECT 'routine', ROUTINE_SCHEMA, CONCAT(ROUTINE_TYPE, ' ', ROUTINE_NAME), LAST_ALTERED, DATABASE_COLLATION
  FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA IN ({names});
SELECT 'event', EVENT_SCHEMA, EVENT_NAME, LAST_ALTERED, DATABASE_COLLATION
  FROM information_schema.EVENTS WHERE EVENT_SCHEMA IN ({names});
"""
# A table's number inside InnoDB tells two tables that traded names apart at once; reading it needs PROCESS.
_TABLE_NUMBERS = """
SELECT 'number', SUBSTRING_INDEX(NAME, '/', 1), SUBSTRING_INDEX(NAME, '/', -1), TABLE_ID
  FROM information_schema.INNODB_SYS_TABLES;
"""
_SERVER_UID = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_VARIABLES WHERE VARIABLE_NAME = 'SERVER_UID';\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or sequence. `rows_estimated` is the engine's own guess; sizes in bytes."""

    name: str
    type: str
    engine: str
    rows_estimated: int
    data_bytes: int
    index_bytes: int

    @property
    def transactional(self) -> bool:
        """Whether one snapshot holds it."""
        return self.engine in TRANSACTIONAL


@dataclass(slots=True, kw_only=True)
class Database:
    """One database: its tables, how many objects of other kinds, and a stamp for each object that DDL may change."""

    name: str
    character_set: str
    collation: str
    tables: list[Table] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"view": 0, "trigger": 0, "routine": 0, "event": 0})
    stamps: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    other_collations: bool = False
    views: dict[str, str] = field(default_factory=dict)

    @property
    def locked(self) -> tuple[str, ...]:
        """Tables that no snapshot holds."""
        return tuple(table.name for table in self.tables if not table.transactional)

    @property
    def versioned(self) -> bool:
        """Whether some table keeps the history of its rows."""
        return any(table.type == "SYSTEM VERSIONED" for table in self.tables)

    @property
    def data_bytes(self) -> int:
        return sum(table.data_bytes for table in self.tables)

    def listed_for_dump(self) -> tuple[str, ...]:
        """The tables and views in the order in which they must be dumped, or nothing where their names' order will do.

        mariadb-dump makes views in the order of their names, each above a stand-in for those that come later; one
        WITH CHECK OPTION above another then cannot be loaded at all (error 1368).
        """
        marks = {name: f"{privileges.quoted(self.name)}.{privileges.quoted(name)}" for name in self.views}
        below = {
            name: {other for other, mark in marks.items() if other != name and mark in definition}
            for name, definition in self.views.items()
        }
        if not any(below.values()):
            return ()
        try:
            views = list(TopologicalSorter(below).static_order())
        except CycleError:  # a name in a text constant looks like a view below
            views = sorted(self.views)
        sequences = [table.name for table in self.tables if table.type == "SEQUENCE"]
        return (*sequences, *(table.name for table in self.tables if table.type != "SEQUENCE"), *views)

    def details(self) -> dict[str, Any]:
        """For the manifest: what a restore compares itself with."""
        return {
            "database": self.name,
            "character_set": self.character_set,
            "collation": self.collation,
            "other_collations": self.other_collations,
            "objects": dict(self.counts),
            "tables": [
                {
                    "name": table.name,
                    "engine": table.engine,
                    "rows_estimated": table.rows_estimated,
                    "data_bytes": table.data_bytes,
                    "index_bytes": table.index_bytes,
                }
                for table in self.tables
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A server and the databases asked for."""

    version: str
    identity: str
    account: str
    grants: tuple[privileges.Grant, ...]
    lower_case_table_names: int
    page_size_bytes: int
    events_readable: bool
    databases: tuple[Database, ...]


def take(client: Client, asset: MariadbAsset) -> Survey:
    """Look at the server and the asset's databases. Raises SourceUnreachable, AccessDenied, SourceMissing."""
    rows = client.query(_SERVER)
    server = next(row for row in rows if row[0] == "server")
    grants = privileges.parse(row[0] for row in rows if len(row) == 1)
    _, version, host, folder, port, case, page, scheduler, account = server
    schemas = {row[1]: (row[2], row[3]) for row in rows if row[0] == "name"}
    names = _chosen(asset, list(schemas), fold=case != "0")
    client.grants = privileges.missing(grants, account, names)
    described = describe(client, {name: schemas[name] for name in names}, numbers=sees_numbers(grants))
    return Survey(
        version=version,
        identity=_identity(client, host, folder, port),
        account=account,
        grants=grants,
        lower_case_table_names=int(case),
        page_size_bytes=int(page),
        events_readable=scheduler != "DISABLED",
        databases=tuple(described.values()),
    )


def describe(client: Client, schemas: Mapping[str, tuple[str, str]], *, numbers: bool) -> dict[str, Database]:
    """The objects of some databases, given each one's default character set and collation."""
    found = {
        name: Database(name=name, character_set=charset, collation=collation)
        for name, (charset, collation) in schemas.items()
    }
    if not found:
        return found
    sql = _OBJECTS.format(names=literals(list(found)))
    for kind, schema, name, *rest in client.query(sql + (_TABLE_NUMBERS if numbers else "")):
        # The server compares names without regard to case; two databases may differ in nothing else.
        if schema in found:
            _note(found[schema], kind, name, rest)
    return found


def differences(before: Database, after: Database) -> tuple[str, ...]:
    """What was altered, dropped or renamed between two surveys. New objects are no difference: a dump is of the
    instant at which it began."""
    said = []
    for (kind, name), stamp in before.stamps.items():
        now = after.stamps.get((kind, name))
        if now is None:
            said.append(f"{kind} {name} is gone")
        elif now != stamp:
            said.append(f"{kind} {name} is another one")
    return tuple(said)


def _note(database: Database, kind: str, name: str, rest: Sequence[str]) -> None:
    if kind == "table":
        type_, engine, rows, data, index, *made = rest
        if type_ != "VIEW":
            table = Table(
                name=name,
                type=type_,
                engine=engine,
                rows_estimated=int(rows),
                data_bytes=int(data),
                index_bytes=int(index),
            )
            database.tables.append(table)
            database.stamps["table", name] = (type_, engine, *made)
    elif kind in ("columns", "number"):
        if ("table", name) in database.stamps:
            database.stamps["table", name] += tuple(rest)
    else:
        database.counts[kind] += 1
        if kind == "view":
            database.views[name] = rest[0]
        database.other_collations |= kind != "view" and rest[-1] != database.collation
        if kind != "event":  # events drop themselves when their time has passed
            database.stamps[kind, name] = tuple(rest)


def _chosen(asset: MariadbAsset, names: Sequence[str], *, fold: bool) -> list[str]:
    present = {(name.lower() if fold else name): name for name in names if name.lower() not in SYSTEM_DATABASES}
    if not asset.databases:
        if not present:
            raise SourceMissing(
                asset=asset.name, detail="the server shows this account no database besides the server's own"
            )
        return sorted(present.values())
    chosen = []
    for name in asset.databases:
        found = present.get(name.lower() if fold else name)
        if found is None:
            shown = ", ".join(sorted(present.values())[:10]) or "none"
            raise SourceMissing(
                asset=asset.name, detail=f"the server shows this account no database `{name}` (it shows: {shown})"
            )
        chosen.append(found)
    return chosen


def sees_numbers(grants: Sequence[privileges.Grant]) -> bool:
    """Whether InnoDB's own table numbers can be read, with which tables that traded names are told apart at once."""
    return any(grant.database is None and grant.rights & {"PROCESS", privileges.ALL} for grant in grants)


def _identity(client: Client, host: str, folder: str, port: str) -> str:
    """`server_uid` (10.11 and later: a hash of the machine's network card and the port) does not tell two servers of
    one machine apart; the data directory does. Without it, the machine's name and the port stand in."""
    uid = "".join(row[0] for row in client.query(_SERVER_UID))
    marks = (uid, folder) if uid else (host, folder, port)
    return "mariadb:" + hashlib.sha256("\n".join(marks).encode()).hexdigest()[:32]
