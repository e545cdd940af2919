"""The ledgers of the fleet, read: heads, findings and records, as the manager received and verified them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, select

from intendance.fleet.database.connect import Database, from_us
from intendance.fleet.database.tables import evidence_head, evidence_record, finding, node, node_key
from intendance.fleet.ledgers.decide import PAGE, Doubt, HeldLedger, RecordBrief, worst_first


class Ledgers:
    """What the pages show of ledgers. Each method raises DatabaseUnreachable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[HeldLedger, ...]:
        """The present ledger of every node of the fleet, the worst first."""
        with self._database.read() as connection:
            doubts = _by_node(map(doubt_of, connection.execute(_newest_findings())))
            return worst_first(_held(row, doubts) for row in connection.execute(_heads()))

    def one(self, name: str) -> HeldLedger | None:
        """The present ledger of a node; None where there is no such node."""
        with self._database.read() as connection:
            row = connection.execute(_heads().where(node.c.node == name)).one_or_none()
            found = map(doubt_of, connection.execute(_newest_findings().where(finding.c.node == name)))
            return None if row is None else _held(row, _by_node(found))

    def records(self, held: HeldLedger, *, before: int | None = None) -> tuple[RecordBrief, ...]:
        """The latest records of a ledger, or those before one of them; newest first, one page."""
        record = evidence_record.c
        wanted = select(record.seq, record.kind, record.asset, record.ts)
        wanted = wanted.where(record.node == held.node, record.incarnation == held.incarnation)
        if before is not None:
            wanted = wanted.where(record.seq < before)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(record.seq.desc()).limit(PAGE)).all()
        return tuple(
            RecordBrief(seq=row.seq, kind=row.kind, asset=row.asset, at=row.ts, covered=row.seq < held.signed_size)
            for row in rows
        )


def open_doubts(connection: Connection) -> tuple[Doubt, ...]:
    """The findings about the present ledgers of the fleet that nobody settled, the oldest first."""
    present = (node.c.node == finding.c.node) & (node.c.incarnation == finding.c.incarnation)
    asked = select(finding).join(node, present).where(node.c.decommissioned_us.is_(None))
    rows = connection.execute(asked.where(finding.c.settled_us.is_(None)).order_by(finding.c.found_us, finding.c.id))
    return tuple(map(doubt_of, rows))


def _heads() -> Select[Any]:
    head, key = evidence_head.c, node_key.c
    joined = node.join(node_key, (key.node == node.c.node) & (key.incarnation == node.c.incarnation)).join(
        evidence_head, (head.node == node.c.node) & (head.incarnation == node.c.incarnation), isouter=True
    )
    columns = (node.c.node, node.c.incarnation, key.origin, key.fingerprint)
    here = (head.size, head.signed_size, head.note, head.changed_us, head.bound_size, head.bound_seq, head.bound_us)
    asked = select(*columns, *here).select_from(joined)
    return asked.where(node.c.decommissioned_us.is_(None), ~node.c.node.startswith(".", autoescape=True))


def _newest_findings() -> Select[Any]:
    return select(finding).order_by(finding.c.found_us.desc(), finding.c.id.desc())


def _held(row: Any, doubts: dict[str, list[Doubt]]) -> HeldLedger:
    return HeldLedger(
        node=row.node,
        incarnation=row.incarnation,
        origin=row.origin,
        fingerprint=row.fingerprint,
        size=row.size or 0,
        signed_size=row.signed_size or 0,
        note=row.note or "",
        received_at=from_us(row.changed_us) if row.size else None,
        bound_size=row.bound_size or 0,
        bound_seq=row.bound_seq or 0,
        bound_at=None if row.bound_us is None else from_us(row.bound_us),
        doubts=tuple(doubts.get(row.node, ())),
    )


def _by_node(doubts: Iterable[Doubt]) -> dict[str, list[Doubt]]:
    found: dict[str, list[Doubt]] = {}
    for each in doubts:
        found.setdefault(each.node, []).append(each)
    return found


def doubt_of(row: Any) -> Doubt:
    """A finding from its row."""
    return Doubt(
        node=row.node,
        incarnation=row.incarnation,
        kind=row.kind,
        subject=row.subject,
        detail=row.detail,
        exhibit=row.exhibit,
        found_at=from_us(row.found_us),
        settled_at=None if row.settled_us is None else from_us(row.settled_us),
        settled_by=row.settled_by,
        settled_why=row.settled_why,
        settled_seq=row.settled_seq,
        id=row.id,
    )
