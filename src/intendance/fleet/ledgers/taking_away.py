"""A node's ledger as its manager keeps it, for somebody who trusts neither: with the head that the node signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import select

from intendance import __version__
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_attachment, evidence_head, evidence_record, node_key
from intendance.ledger import note
from intendance.ledger.export import Exported, export
from intendance.ledger.layout import Layout
from intendance.ledger.note import VerifierKey
from intendance.ledger.rows import Row
from intendance.ledger.tlog import Tile
from intendance.model.errors.fleet import NodeNotEnrolled
from intendance.model.errors.ledger import RangeEmpty

_AT_ONCE = 1024


class Copy:
    """The records of one ledger of a node that are here."""

    def __init__(self, database: Database, node: str, incarnation: int) -> None:
        self._database = database
        self._place = (evidence_record.c.node == node) & (evidence_record.c.incarnation == incarnation)

    def rows(self, first: int, end: int) -> Iterator[Row]:
        """Records [first, end), in order, some at a time."""
        at = evidence_record.c
        for start in range(first, end, _AT_ONCE):
            wanted = self._place & (at.seq >= start) & (at.seq < min(end, start + _AT_ONCE))
            asked = select(at.seq, at.kind, at.asset, at.ts, at.content).where(wanted).order_by(at.seq)
            with self._database.read() as connection:
                found = connection.execute(asked).all()
            for row in found:
                yield Row(row.seq, row.kind, row.asset, row.ts, bytes(row.content))

    def tile(self, tile: Tile) -> bytes | None:
        """None is kept here: they follow from the records."""
        del tile
        return None

    def attachment(self, sha256: str) -> bytes | None:
        """An attachment, if the node sent it."""
        asked = select(evidence_attachment.c.content).where(evidence_attachment.c.sha256 == sha256)
        with self._database.read() as connection:
            found = connection.execute(asked).scalar_one_or_none()
        return None if found is None else bytes(found)

    def kept(self) -> Sequence[tuple[str, bytes]]:
        """Witnesses cosign the fleet log, which binds the heads of nodes."""
        return ()


def take_away(database: Database, state: Path, node: str, path: Path, *, incarnation: int | None = None) -> Exported:
    """Write what is here of a node's ledger, its newest or that of an `incarnation`, as `ledger export` does there: as
    much as a head covers that the node signed.

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
    return export(copy, Layout(state), head, VerifierKey.parse(row.ledger_key), path=path, software=__version__)
