"""A node's ledger as its manager keeps it, for somebody who trusts neither: with the head that the node signed."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from intendance import __version__
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_head, node_key
from intendance.fleet.ledgers.copy import Copy
from intendance.ledger import note
from intendance.ledger.export import Exported, export
from intendance.ledger.layout import Layout
from intendance.ledger.note import VerifierKey
from intendance.model.errors.fleet import NodeNotEnrolled
from intendance.model.errors.ledger import RangeEmpty


def take_away(
    database: Database,
    state: Path,
    node: str,
    path: Path,
    *,
    incarnation: int | None = None,
    bounds: tuple[int, int | None] | None = None,
) -> Exported:
    """Write what is here of a node's ledger, its newest or that of an `incarnation`, as `ledger export` does there: as
    much as a head covers that the node signed, or of that the records within `bounds` (both included).

    Raises NodeNotEnrolled, DatabaseUnreachable, BundleTaken, BundleUnwritable, RangeEmpty, LedgerContradicted.
    """
    joined = evidence_head.join(
        node_key, (node_key.c.node == evidence_head.c.node) & (node_key.c.incarnation == evidence_head.c.incarnation)
    )
    asked = select(evidence_head, node_key.c.ledger_key).select_from(joined).where(evidence_head.c.node == node)
    if incarnation is not None:
        asked = asked.where(evidence_head.c.incarnation == incarnation)
    with database.read() as connection:
        row = connection.execute(asked.order_by(evidence_head.c.incarnation.desc()).limit(1)).one_or_none()
    if row is None:
        raise NodeNotEnrolled(node=node, suggestion=".")
    if not row.note:
        raise RangeEmpty(first=0, last=0, size=0)
    head, _ = note.read_checkpoint(row.note.encode())
    copy = Copy(database, node, row.incarnation)
    key = VerifierKey.parse(row.ledger_key)
    return export(copy, Layout(state), head, key, path=path, software=__version__, bounds=bounds)
