"""What judging changed, written: verdicts, their history, and how far each node was judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from intendance.fleet.database.connect import to_us
from intendance.fleet.database.tables import judged, verdict, verdict_interval
from intendance.fleet.verdicts import decide, rows
from intendance.model.frozen import dataclass
from intendance.model.verdict import Verdict


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


def write(connection: Connection, found: Sequence[Judged], program: str, now_us: int) -> None:
    """Write what was found of some nodes, in the order of their names: no two managers wait for each other."""
    ordered = sorted(found, key=lambda each: each.node)
    write_changes(connection, [each.changes for each in ordered], now_us)
    _put(connection, judged, [_row(each, program) for each in ordered])


def write_changes(connection: Connection, changes: Sequence[decide.Changes], now_us: int) -> None:
    """Write verdicts and their history alone."""
    written = [rows.to_row(this, now_us) for each in changes for this in each.written]
    turned = [this for each in changes for this in each.turned]
    gone = [key for each in changes for key in each.gone]
    _put(connection, verdict, written)
    _delete(connection, gone)
    _close(connection, [*gone, *map(decide.key, turned)], now_us)
    begun = [_begun(each, now_us) for each in turned]
    if begun:  # another manager that judged at the same time has begun the same
        connection.execute(_insert(connection, verdict_interval).on_conflict_do_nothing(), begun)


def _begun(turned: Verdict, now_us: int) -> dict[str, Any]:
    name, rule, asset = decide.key(turned)
    values = {"node": name, "rule": rule, "asset": asset, "from_us": now_us}
    return values | {"state": turned.state.value, "reason": turned.reason.code}


def _row(found: Judged, program: str) -> dict[str, Any]:
    return {
        "node": found.node,
        "incarnation": found.incarnation,
        "size": found.size,
        "words": found.words,
        "again_us": to_us(found.again_at),
        "program": program,
    }


def _put(connection: Connection, table: Table, values: Sequence[dict[str, Any]]) -> None:
    """Rows that are new, or take the place of those with the same key."""
    if not values:
        return
    new = _insert(connection, table)
    keys = {column.name for column in table.primary_key}
    replaced = {column.name: new.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(new.on_conflict_do_update(index_elements=sorted(keys), set_=replaced), values)


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


def _delete(connection: Connection, keys: Sequence[decide.Key]) -> None:
    if keys:
        connection.execute(delete(verdict).where(_these(verdict)), _named(keys))


def _close(connection: Connection, keys: Sequence[decide.Key], now_us: int) -> None:
    """End the intervals that are open; one that began at this very instant never was."""
    interval = verdict_interval.c
    asked = select(interval.node, interval.rule, interval.asset).where(interval.to_us.is_(None))
    some = sorted({node for node, _, _ in keys})
    stand = {tuple(row) for row in connection.execute(asked.where(interval.node.in_(some)))} if some else set()
    keys = [each for each in keys if each in stand]
    if not keys:
        return
    this = _these(verdict_interval) & verdict_interval.c.to_us.is_(None)
    connection.execute(delete(verdict_interval).where(this, verdict_interval.c.from_us >= now_us), _named(keys))
    connection.execute(update(verdict_interval).where(this).values(to_us=now_us), _named(keys))


def _these(table: Table) -> Any:
    return (
        (table.c.node == bindparam("of_node"))
        & (table.c.rule == bindparam("of_rule"))
        & (table.c.asset == bindparam("of_asset"))
    )


def _named(keys: Sequence[decide.Key]) -> list[dict[str, str]]:
    return [{"of_node": node, "of_rule": rule, "of_asset": asset} for node, rule, asset in keys]
