"""A node's ledger as its manager keeps it: its records, and the tree that grows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from sqlalchemy import select

from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_attachment, evidence_record
from intendance.ledger.rows import Row
from intendance.ledger.tlog import TILE_WIDTH, Tile, leaf_hash, root_of

_AT_ONCE = 1024
_SUBTREES = 4096
"""A ledger of a million records has as many tiles full."""


class Copy:
    """The records of one ledger of a node that are here. What a full tile adds up to is remembered: to prove one record
    again costs what its own tile holds, not the whole ledger."""

    def __init__(self, database: Database, node: str, incarnation: int) -> None:
        self._database = database
        self._place = (evidence_record.c.node == node) & (evidence_record.c.incarnation == incarnation)
        self._subtree = lru_cache(_SUBTREES)(self._grown)

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
        """A tile of hashes as the records give them; shorter where some are not here."""
        return b"".join(self._row(tile.level or 0, tile.index, tile.width))

    def attachment(self, sha256: str) -> bytes | None:
        """An attachment, if the node sent it."""
        asked = select(evidence_attachment.c.content).where(evidence_attachment.c.sha256 == sha256)
        with self._database.read() as connection:
            found = connection.execute(asked).scalar_one_or_none()
        return None if found is None else bytes(found)

    def kept(self) -> Sequence[tuple[str, bytes]]:
        """Witnesses cosign the fleet log, which binds the heads of nodes."""
        return ()

    def forget(self) -> None:
        """Read the records anew from now on."""
        self._subtree.cache_clear()

    def _row(self, level: int, index: int, width: int = TILE_WIDTH) -> list[bytes]:
        first = index * TILE_WIDTH
        if level == 0:
            return [leaf_hash(row.content) for row in self.rows(first, first + width)]
        return [self._subtree(level - 1, each) for each in range(first, first + width)]

    def _grown(self, level: int, index: int) -> bytes:
        return root_of(self._row(level, index))
