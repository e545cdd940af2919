"""Ledgers of nodes as a manager received them, for `./dev bench fleet`: one life, under each node's name.

Of the hourly samples only those of the last four days are written: judging reads no older ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, insert, update

from benchmarks.cli import PastClock, lived
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import evidence_head, evidence_record
from intendance.ledger.book import Book
from intendance.system.clock import SystemClock, rfc3339

_SAMPLES = timedelta(days=4)


def give(database: Database, names: Sequence[str], folder: Path, days: int) -> tuple[int, int]:
    """Write the evidence of so many days for each node; how many records each has, and how many assets."""
    now = SystemClock().read().at
    state = lived(folder, days)
    with Book.open(state, PastClock(now)) as book:
        own, size = book.node, book.size()
        rows = list(_rows(book, rfc3339(now - _SAMPLES)))
        assets = len(book.facts("plan.adopted", latest=1)[0].data.assets)
    changed = to_us(now)
    for name in names:
        told = f'"node":"{name}"'.encode()
        mine = [
            row | {"node": name, "content": row["content"].replace(f'"node":"{own}"'.encode(), told)} for row in rows
        ]
        with database.begin(durable=False) as connection:
            connection.execute(insert(evidence_record), mine)
    with database.begin() as connection:
        whole = {"size": size, "signed_size": size, "changed_us": changed}
        this = evidence_head.c.node == bindparam("of")
        connection.execute(update(evidence_head).where(this).values(**whole), [{"of": name} for name in names])
    return len(rows), assets


def _rows(book: Book, since: str) -> Iterator[dict[str, Any]]:
    for seq in range(book.size()):
        record = book.record(seq)
        if record.kind != "sample.rollup" or record.ts >= since:
            yield {
                "incarnation": 1, "seq": seq, "kind": record.kind, "asset": record.asset, "ts": record.ts,
                "content": book.content(seq), "received_us": 1,
            }  # fmt: skip
