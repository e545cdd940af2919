"""A record of a node's ledger as the manager holds it: what a verdict rests on, two clicks away."""

from __future__ import annotations

from sqlalchemy import select

from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_head, evidence_record
from intendance.ledger import envelope
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRecord:
    """A record's canonical bytes and their SHA-256; `covered`: a head that the node signed shows it."""

    node: str
    incarnation: int
    seq: int
    kind: str
    at: str
    content: bytes
    digest: str
    covered: bool


def held_record(database: Database, name: str, seq: int) -> HeldRecord | None:
    """A record of a node's present ledger; None where it is not here. Raises DatabaseUnreachable."""
    head, record = evidence_head.c, evidence_record.c
    joined = evidence_record.join(evidence_head, (head.node == record.node) & (head.incarnation == record.incarnation))
    asked = select(evidence_record, head.signed_size).select_from(joined)
    asked = asked.where(record.node == name, record.seq == seq).order_by(record.incarnation.desc()).limit(1)
    with database.read() as connection:
        row = connection.execute(asked).one_or_none()
    if row is None:
        return None
    content = bytes(row.content)
    return HeldRecord(
        node=name,
        incarnation=row.incarnation,
        seq=seq,
        kind=row.kind,
        at=row.ts,
        content=content,
        digest=envelope.digest(content),
        covered=seq < row.signed_size,
    )
