"""The beats' own SQL, one statement for each dialect: they are written four times a second, thousands at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, unquote

import msgspec
from sqlalchemy import and_, func, select

from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.database.connect import Database
from intendance.fleet.database.many import given
from intendance.fleet.database.tables import evidence_head, node, node_key, node_state

_STATE = ("node", "incarnation", "last_seen_us", "deadline_us", "boot", "seq", "skew_ms", "streak", "spooled",
          "former_boots", "software")  # fmt: skip
_TYPES = ("text", "int", "bigint", "bigint", "text", "bigint", "bigint", "bigint", "bigint", "text", "text")

# Only where the row is: a node that was decommissioned meanwhile has none, and none comes back.
_STATE_SQLITE = (
    f"UPDATE node_state SET {', '.join(f'{name} = ?{place}' for place, name in enumerate(_STATE[2:], 3))} "  # noqa: S608 -- fixed words
    "WHERE node = ?1 AND incarnation = ?2 AND last_seen_us <= ?3"
)
_STATE_POSTGRESQL = (
    f"UPDATE node_state SET {', '.join(f'{name} = given.{name}' for name in _STATE[2:])} "  # noqa: S608 -- fixed words
    f"FROM ({given(dict(zip(_STATE, _TYPES, strict=True)))}) AS given "
    "WHERE node_state.node = given.node AND node_state.incarnation = given.incarnation "
    "AND node_state.last_seen_us <= given.last_seen_us"
)
_HEARD_SQLITE = (
    "INSERT INTO beat_slot (node, hour_us, heard) SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM node WHERE node = ?1) "
    "ON CONFLICT (node, hour_us) DO UPDATE SET heard = beat_slot.heard | excluded.heard"
)
_HEARD_POSTGRESQL = (
    "INSERT INTO beat_slot (node, hour_us, heard) "  # noqa: S608 -- fixed words
    "SELECT given.node, given.hour_us, given.heard "
    f"FROM ({given({'node': 'text', 'hour_us': 'bigint', 'heard': 'bigint'})}) AS given JOIN node USING (node) "
    "ON CONFLICT (node, hour_us) DO UPDATE SET heard = beat_slot.heard | excluded.heard"
)
# Before the state is written, and only where no other manager heard the node in between.
_SILENT_SQLITE = (
    "INSERT INTO beat_silence (node, from_us, to_us) SELECT ?1, ?2, ?3 "
    "WHERE EXISTS (SELECT 1 FROM node_state WHERE node = ?1 AND last_seen_us <= ?2) "
    "ON CONFLICT (node, from_us) DO NOTHING"
)
_SILENT_POSTGRESQL = (
    "INSERT INTO beat_silence (node, from_us, to_us) "  # noqa: S608 -- fixed words
    "SELECT given.node, given.from_us, given.to_us "
    f"FROM ({given({'node': 'text', 'from_us': 'bigint', 'to_us': 'bigint'})}) AS given "
    "JOIN node_state ON node_state.node = given.node AND node_state.last_seen_us <= given.from_us "
    "ON CONFLICT (node, from_us) DO NOTHING"
)


class KnownNode(NamedTuple):
    """A node that may speak."""

    node: str
    incarnation: int
    token_sha256: str
    ledger_key: str
    boot: str
    seq: int
    former_boots: tuple[str, ...]
    last_seen_us: int
    streak: int
    software: str
    evidence_size: int
    note: str


class Seen(Protocol):
    """What is written of a node."""

    node: str
    incarnation: int
    last_seen_us: int
    boot: str
    seq: int
    skew_ms: int
    streak: int
    spooled: int
    former_boots: tuple[str, ...]
    software: str


def known_nodes(database: Database) -> Iterator[KnownNode]:
    """Every node that may speak. Raises DatabaseUnreachable."""
    key = and_(node_key.c.node == node.c.node, node_key.c.incarnation == node.c.incarnation)
    head = and_(evidence_head.c.node == node.c.node, evidence_head.c.incarnation == node.c.incarnation)
    asked = (
        select(
            node.c.node, node.c.incarnation, node.c.token_sha256, node_key.c.ledger_key, node_state.c.boot,
            node_state.c.seq, node_state.c.former_boots, node_state.c.last_seen_us, node_state.c.streak,
            node.c.software, evidence_head.c.size, evidence_head.c.note,
        )
        .join(node_key, key)
        .join(node_state, node_state.c.node == node.c.node)
        .outerjoin(evidence_head, head)
        .where(node.c.token_sha256.is_not(None))
    )  # fmt: skip
    with database.read() as connection:
        for row in connection.execute(asked):
            words: list[Any] = list(row)
            words[6] = tuple(map(unquote, words[6].split()))
            words[10], words[11] = words[10] or 0, words[11] or ""
            yield KnownNode(*words)


def state_of(seen: Seen) -> tuple[Any, ...]:
    """A row of `node_state`, without what only detection writes."""
    return (
        seen.node, seen.incarnation, seen.last_seen_us, seen.last_seen_us + MISSING_US, seen.boot, seen.seq,
        seen.skew_ms, seen.streak, seen.spooled, " ".join(map(quote, seen.former_boots)), seen.software,
    )  # fmt: skip


def write(
    database: Database,
    states: Sequence[tuple[Any, ...]],
    minutes: Sequence[tuple[str, int, int]],
    silences: Sequence[tuple[str, int, int]] = (),
) -> None:
    """All of it in one transaction, in the order of the nodes, so that replicas do not wait for each other in a ring. A
    silence is the node, its last beat, and the one that ended it.

    Raises DatabaseUnreachable.
    """
    with database.begin(durable=False) as connection:
        if database.dialect == "sqlite":
            driver: Any = connection.connection.driver_connection
            driver.executemany(_SILENT_SQLITE, silences)
            driver.executemany(_STATE_SQLITE, states)
            driver.executemany(_HEARD_SQLITE, minutes)
        else:
            if silences:
                connection.exec_driver_sql(_SILENT_POSTGRESQL, (msgspec.json.encode(silences).decode(),))
            connection.exec_driver_sql(_STATE_POSTGRESQL, (msgspec.json.encode(states).decode(),))
            connection.exec_driver_sql(_HEARD_POSTGRESQL, (msgspec.json.encode(minutes).decode(),))


def stamp(database: Database) -> tuple[int | None, ...]:
    """What changes whenever a node is let in or put out. Raises DatabaseUnreachable."""
    asked = select(func.count(), func.max(node.c.enrolled_us), func.max(node.c.decommissioned_us)).select_from(node)
    with database.read() as connection:
        return tuple(connection.execute(asked).one())
