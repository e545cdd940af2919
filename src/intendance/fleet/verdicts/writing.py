"""What judging changed, written: verdicts, their history, and how far each node was judged.

By the driver's own words, the same for both databases but for the mark of a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from intendance.fleet.database.instants import to_us
from intendance.fleet.database.plain import Speaks
from intendance.fleet.verdicts import decide, rows
from intendance.model.frozen import dataclass


def _put(table: str, keys: Sequence[str], values: Sequence[str]) -> str:
    """The statement for rows that are new, or take the place of those with the same key."""
    names, marks = ", ".join([*keys, *values]), ", ".join("?" * (len(keys) + len(values)))
    replaced = ", ".join(f"{name} = excluded.{name}" for name in values)
    insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 -- fixed words
    return f"{insert} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {replaced}"


_KEY = ("node", "rule", "asset")
_PUT = _put("verdict", _KEY, [name for name in rows.COLUMNS if name not in _KEY])
_PUT_JUDGED = _put("judged", ("node",), ("incarnation", "size", "words", "again_us", "program"))
_THIS = "node = ? AND rule = ? AND asset = ?"
_GONE = f"DELETE FROM verdict WHERE {_THIS}"  # noqa: S608 -- fixed words
_OPEN = "SELECT node, rule, asset FROM verdict_interval WHERE to_us IS NULL AND node IN (%s)"
_NEVER_WAS = f"DELETE FROM verdict_interval WHERE {_THIS} AND to_us IS NULL AND from_us >= ?"  # noqa: S608 -- fixed words
_CLOSE = f"UPDATE verdict_interval SET to_us = ? WHERE {_THIS} AND to_us IS NULL"  # noqa: S608 -- fixed words
_BEGIN = (
    "INSERT INTO verdict_interval (node, rule, asset, from_us, state, reason) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
"""Another manager that judged at the same time has begun the same."""
_WEAKER = (
    "INSERT INTO finding (node, incarnation, kind, subject, detail, exhibit, found_us, settled_by, settled_why) "
    "SELECT ?, ?, 'weaker', ?, ?, '', ?, '', '' WHERE "
    "(SELECT count(*) FROM finding WHERE node = ? AND kind = 'weaker' AND settled_us IS NULL) < 20 "
    "ON CONFLICT DO NOTHING"
)
"""Once for each plan; of one node so many that nobody settled: a node that adopts plan after plan fills nothing."""
_columns = itemgetter(*_KEY, *[name for name in rows.COLUMNS if name not in _KEY])


@dataclass(frozen=True, slots=True)
class Weaker:
    """That a node's plan, by record `seq`, asks less of it than the one before: which rules are gone."""

    seq: int
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A node as it was judged: up to which record of which ledger and which word of others, when time alone may change
    that, what changed."""

    node: str
    incarnation: int
    size: int
    words: int = 0
    again_at: datetime
    changes: decide.Changes
    weaker: Weaker | None = None


def write(connection: Speaks, found: Sequence[Judged], program: str, now_us: int) -> None:
    """Write what was found of some nodes, in the order of their names: no two managers wait for each other."""
    ordered = sorted(found, key=lambda each: each.node)
    write_changes(connection, [each.changes for each in ordered], now_us)
    _run(connection, _PUT_JUDGED, [_row(each, program) for each in ordered])
    weaker = [(each, each.weaker) for each in ordered if each.weaker is not None]
    _run(connection, _WEAKER, [_finding(each, found_now, now_us) for each, found_now in weaker])


def write_changes(connection: Speaks, changes: Sequence[decide.Changes], now_us: int) -> None:
    """Write verdicts and their history alone."""
    written = [_columns(rows.to_row(this, now_us)) for each in changes for this in each.written]
    turned = [this for each in changes for this in each.turned]
    gone = [key for each in changes for key in each.gone]
    _run(connection, _PUT, written)
    _run(connection, _GONE, gone)
    _close(connection, [*gone, *map(decide.key, turned)], now_us)
    _run(connection, _BEGIN, [(*decide.key(each), now_us, each.state.value, each.reason.code) for each in turned])


def ask(connection: Speaks, words: str, *values: Sequence[str]) -> Iterable[Any]:
    """What a statement finds in which each `%s` stands for as many values as there are."""
    sqlite = connection.dialect.name == "sqlite"
    marks = tuple(", ".join(["?" if sqlite else "%s"] * len(some)) for some in values)
    given = tuple(value for some in values for value in some)
    found: Iterable[Any] = connection.connection.driver_connection.execute(words % marks, given).fetchall()
    return found


def _row(found: Judged, program: str) -> tuple[Any, ...]:
    return found.node, found.incarnation, found.size, found.words, to_us(found.again_at), program


def _finding(found: Judged, weaker: Weaker, now_us: int) -> tuple[Any, ...]:
    subject, detail = f"record {weaker.seq}", ", ".join(weaker.rules)
    return found.node, found.incarnation, subject, detail, now_us, found.node


def _run(connection: Speaks, words: str, values: Sequence[tuple[Any, ...]]) -> None:
    if values:
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(words.replace("?", mark), list(values))


def _close(connection: Speaks, keys: Sequence[decide.Key], now_us: int) -> None:
    """End the intervals that are open; one that began at this very instant never was."""
    some = sorted({node for node, _, _ in keys})
    stand = {tuple(row) for row in ask(connection, _OPEN, some)} if some else set()
    keys = [each for each in keys if each in stand]
    _run(connection, _NEVER_WAS, [(*key, now_us) for key in keys])
    _run(connection, _CLOSE, [(now_us, *key) for key in keys])
