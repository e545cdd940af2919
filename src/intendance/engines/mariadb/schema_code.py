"""What a database has beside tables, as text that makes it again elsewhere: triggers, views, routines, events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from intendance.engines.mariadb import heads, survey
from intendance.engines.mariadb.client import MAX_PACKET, Client, literal
from intendance.engines.mariadb.privileges import quoted
from intendance.model.frozen import dataclass
from intendance.system import process

DUMP_DEADLINE_SECONDS = 600.0
MARKED = "SLAVESIDE_DISABLED"
"""How a restore beside leaves an event that ran in the original (`silencing.py`)."""
_NAMES = """
SELECT 'schema', DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA
 WHERE SCHEMA_NAME = {name};
SELECT IF(TABLE_TYPE = 'VIEW', 'view', 'table'), TABLE_NAME, '' FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = {name} ORDER BY TABLE_NAME;
SELECT 'event', EVENT_NAME, STATUS FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {name} ORDER BY EVENT_NAME;
SELECT 'routine', ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES
 WHERE ROUTINE_SCHEMA = {name} ORDER BY ROUTINE_TYPE, ROUTINE_NAME;
"""
# A routine of a dump stands between two DELIMITER lines; what such a line follows is the beginning of a statement.
_ROUTINE = re.compile(rb"(?<=DELIMITER ;;\n)CREATE (?=DEFINER=)")
_VIEW = re.compile(r"\ACREATE (?!OR REPLACE )")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A database, or one table of it, as it is before anything is done. `enabled` are events to be switched on at the
    end; `defaults` its character set and collation, empty where it does not exist; `unreadable` are views that rest on
    what is not there."""

    defaults: str
    tables: tuple[str, ...]
    views: tuple[str, ...]
    routines: tuple[tuple[str, str], ...]
    events: tuple[str, ...]
    enabled: tuple[str, ...]
    code: str

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Side:
        """A side as `asdict` wrote it."""
        found = {each.name: values[each.name] for each in fields(cls)}
        lists = {name: tuple(value) for name, value in found.items() if isinstance(value, list)}
        routines = tuple((str(kind), str(name)) for kind, name in found["routines"])
        return cls(**{**found, **lists, "routines": routines})


def read_side(client: Client, database: str, table: str | None) -> Side:
    """A database as it is now, or one of its tables with its triggers; nothing where it does not exist."""
    rows = client.query(_NAMES.format(name=literal(database)))
    named: dict[str, list[tuple[str, str]]] = {}
    for kind, name, more in rows:
        named.setdefault(kind, []).append((name, more))
    if "schema" not in named:
        return Side(defaults="", tables=(), views=(), routines=(), events=(), enabled=(), code="")
    ((charset, collation),) = named["schema"]
    tables = [name for name, _ in named.get("table", ()) if table in (None, name)]
    views = [name for name, _ in named.get("view", ())]
    defaults = f"CHARACTER SET {charset} COLLATE {collation}"
    if table is not None:
        code = _dumped(client, database, views, tables) if tables else ""
        return Side(defaults=defaults, tables=tuple(tables), views=(), routines=(), events=(), enabled=(), code=code)
    events = named.get("event", ())
    # Views stand on tables and functions, triggers may use any of them.
    code = _dumped(client, database, views, None) + "".join(_views(client, database, charset, collation, views))
    return Side(
        defaults=defaults,
        tables=tuple(tables),
        views=tuple(views),
        routines=tuple((kind, name) for name, kind in named.get("routine", ())),
        events=tuple(name for name, _ in events),
        enabled=tuple(name for name, status in events if status == MARKED),
        code=code,
    )


def _dumped(client: Client, database: str, views: Iterable[str], tables: list[str] | None) -> str:
    """Triggers, routines and events as mariadb-dump writes them; of some tables, their triggers alone."""
    options = [
        "--default-character-set=utf8mb4", MAX_PACKET, "--no-data", "--no-create-info", "--skip-opt", "--skip-comments",
        "--no-tablespaces", "--triggers", *(f"--ignore-table={database}.{view}" for view in views),
    ]  # fmt: skip
    options += ["--routines", "--events"] if tables is None else []
    done = process.run(
        client.argv("mariadb-dump", *options, "--", database, *(tables or ())),
        deadline_seconds=DUMP_DEADLINE_SECONDS,
        pass_fds=client.pass_fds,
        accept=range(256),
    )
    if done.code != 0:
        raise client.fault(done.stderr, done.code)
    text = _ROUTINE.sub(b"CREATE OR REPLACE ", heads.without_sandbox(done.stdout))
    return text.decode("utf-8", "surrogateescape")


def _views(client: Client, database: str, charset: str, collation: str, views: list[str]) -> Iterator[str]:
    """Views, each after those that it rests on. One that rests on what is not there cannot be made again by anybody."""
    if not views:
        return
    described = survey.describe(client, {database: (charset, collation)}, numbers=False)[database]
    order = [name for name in described.listed_for_dump() if name in views] or views
    for name in (*order, *(view for view in views if view not in order)):
        show = f"USE {quoted(database)};\nSHOW CREATE VIEW {quoted(name)};"
        ((_, statement, _, connection),) = client.query(show)
        names = f"SET NAMES utf8mb4 COLLATE {connection}" if connection.startswith("utf8mb4_") else "SET NAMES utf8mb4"
        yield f"{names};\n{_VIEW.sub('CREATE OR REPLACE ', statement)};\n"
