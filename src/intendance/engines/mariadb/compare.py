"""What was loaded against what the manifest says was there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from intendance.engines.mariadb.client import literal
from intendance.engines.mariadb.privileges import quoted
from intendance.engines.naming import counted
from intendance.model.evidence.restore import Check

Query = Callable[[str], list[tuple[str, ...]]]

# InnoDB guesses a table's rows from a few pages; a guess this many times the truth has been seen on tables with large
# rows, so only a table that falls far below its guess is suspicious.
ESTIMATE_FACTOR = 4
ESTIMATE_FLOOR = 100

_TABLES = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {name} AND TABLE_TYPE <> 'VIEW';"
_COUNTS = """
SELECT 'view', COUNT(*) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = {name};
SELECT 'trigger', COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {name};
SELECT 'routine', COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {name};
{events}
"""
EVENTS = "SELECT 'event', COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {name};"
EVENTS_AS_STORED = "SELECT 'event', COUNT(*) FROM mysql.event WHERE db = {name};"
"""For a server without its grant tables, which shows no events."""
_BODIES = """
SELECT 'view', TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = {name};
SELECT 'trigger', TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {name};
SELECT 'routine', ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {name};
SELECT 'event', EVENT_NAME, EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {name};
SELECT 'column', CONCAT(TABLE_NAME, '.', COLUMN_NAME), CONCAT_WS(' ', COLUMN_DEFAULT, GENERATION_EXPRESSION)
  FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {name};
"""


def database(query: Query, name: str, details: Mapping[str, Any], *, events: str = EVENTS) -> tuple[Check, ...]:
    """Tables present, rows plausible, other objects counted; `events` asks for the number of events."""
    tables: list[Mapping[str, Any]] = details["tables"]
    present = {row[0] for row in query(_TABLES.format(name=literal(name)))}
    lost = [table["name"] for table in tables if table["name"] not in present]
    counts = _rows(query, name, [table["name"] for table in tables if table["name"] in present])
    thin = [
        f"{table['name']} ({counts[table['name']]} of about {table['rows_estimated']})"
        for table in tables
        if table["name"] in counts and _implausible(counts[table["name"]], table["rows_estimated"])
    ]
    objects = {
        row[0]: int(row[1])
        for row in query(_COUNTS.format(name=literal(name), events=events.format(name=literal(name))))
    }
    wanted: Mapping[str, int] = details["objects"]
    short = [f"{objects[kind]} of {counted(wanted[kind], kind)}" for kind in wanted if objects[kind] != wanted[kind]]
    return (
        Check(
            name=f"{name}: tables",
            ok=not lost,
            found=f"missing: {', '.join(lost[:8])}" if lost else f"{counted(len(tables), 'table')}, as in the set",
        ),
        Check(
            name=f"{name}: rows",
            ok=not thin,
            found=f"too few: {', '.join(thin[:8])}"
            if thin
            else f"{counted(sum(counts.values()), 'row')}, plausible for each table",
        ),
        Check(
            name=f"{name}: other objects",
            ok=not short,
            found=", ".join(short) if short else ", ".join(counted(count, kind) for kind, count in objects.items()),
        ),
    )


def outside_references(query: Query, name: str, old: str) -> Check:
    """Objects of the copy `name` whose text still names the original database: they would act on it.

    They are reported, not refused: the copy is whole, and may well be wanted as it is.
    """
    mark = re.compile(rf"(?:{re.escape(quoted(old))}|(?<![\w$`]){re.escape(old)}(?![\w$`]))\s*\.", re.IGNORECASE)
    found = [
        f"{kind} {object_}" for kind, object_, body in query(_BODIES.format(name=literal(name))) if mark.search(body)
    ]
    said = f"warning: these still name the original database {old} and act on it: {', '.join(found[:8])}"
    return Check(name=f"{name}: references", ok=True, found=said if found else f"none to the original database {old}")


def _rows(query: Query, name: str, tables: list[str]) -> dict[str, int]:
    if not tables:
        return {}
    counts = [f"SELECT COUNT(*) FROM {quoted(name)}.{quoted(table)};" for table in tables]  # noqa: S608 -- quoted
    return {table: int(row[0]) for table, row in zip(tables, query("\n".join(counts)), strict=True)}


def _implausible(found: int, estimated: int) -> bool:
    return estimated >= ESTIMATE_FLOOR and found * ESTIMATE_FACTOR < estimated
