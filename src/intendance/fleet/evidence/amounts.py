"""How much one node fills here: counted as it arrives, refused beyond what a node may."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from intendance.fleet.database.connect import from_us
from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import evidence_amount, evidence_attachment
from intendance.fleet.evidence import decide
from intendance.fleet.evidence.decide import Amount, Found
from intendance.wire.messages import AttachmentBytes

_DAY_US = 24 * 3_600_000_000


def news(connection: Connection, attachments: Sequence[AttachmentBytes]) -> list[AttachmentBytes]:
    """Those attachments that are not here yet."""
    names = {each.sha256: each for each in attachments}
    here = evidence_attachment.c.sha256
    known = connection.execute(select(here).where(here.in_(names))).scalars().all() if names else ()
    return [each for name, each in names.items() if name not in set(known)]


def count(connection: Connection, node: str, more: Amount, now_us: int) -> Found | None:
    """Count what a node fills, once its head is locked; what is too much is not counted, and must not be kept."""
    day_us = now_us - now_us % _DAY_US
    column = evidence_amount.c
    rows = connection.execute(
        select(
            func.sum(column.records_bytes).filter(column.day_us == day_us),
            func.sum(column.attached_bytes).filter(column.day_us == day_us),
            func.sum(column.attached_bytes),
        ).where(column.node == node)
    ).one()
    records, attached, ever = (int(each or 0) for each in rows)
    found = decide.excess(from_us(day_us).date().isoformat(), Amount(records, attached), ever, more)
    if found is None and any(more):
        _add(connection, node, day_us, more)
    return found


def _add(connection: Connection, node: str, day_us: int, more: Amount) -> None:
    row = {"node": node, "day_us": day_us, "records_bytes": more.records, "attached_bytes": more.attached}
    made = insert_into(connection, evidence_amount).values(**row)
    added = {name: evidence_amount.c[name] + made.excluded[name] for name in ("records_bytes", "attached_bytes")}
    connection.execute(made.on_conflict_do_update(index_elements=["node", "day_us"], set_=added))
