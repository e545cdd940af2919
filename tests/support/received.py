"""Nodes whose ledgers arrived at a manager, for tests of what it makes of them."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert

from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import evidence_head, evidence_record, node, node_key, node_state
from intendance.ledger.book import Book
from intendance.system.clock import Clock


def receive(database: Database, state: Path, clock: Clock, name: str) -> None:
    """A node of that name, heard now, whose ledger arrived whole: what it would be if `state` were the node's."""
    _enrol(database, name, clock)
    with Book.open(state, clock) as book, database.begin() as connection:
        for seq in range(book.size()):
            record = book.record(seq)
            content = book.content(seq).replace(f'"node":"{book.node}"'.encode(), f'"node":"{name}"'.encode())
            row = {"node": name, "incarnation": 1, "seq": seq, "kind": record.kind, "asset": record.asset}
            values = row | {"ts": record.ts, "content": content, "received_us": 1}
            connection.execute(insert(evidence_record).values(**values))
        now = to_us(clock.read().at)
        values = {"node": name, "incarnation": 1, "size": book.size(), "edge": b"", "changed_us": now}
        connection.execute(insert(evidence_head).values(**values, signed_size=book.size()))


def _enrol(database: Database, name: str, clock: Clock) -> None:
    now = to_us(clock.read().at)
    with database.begin() as connection:
        connection.execute(insert(node).values(node=name, incarnation=1, site="liège", enrolled_us=now))
        key = {"origin": f"f/node/{name}/1", "ledger_key": "k", "fingerprint": "f", "began_us": now}
        connection.execute(insert(node_key).values(node=name, incarnation=1, **key))
        state = {"state": "up", "state_since_us": now, "last_seen_us": now, "deadline_us": now, "boot": "theirs"}
        connection.execute(insert(node_state).values(node=name, incarnation=1, **state))
