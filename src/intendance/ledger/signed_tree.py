"""The tree that a checkpoint signs, read from tiles of which each is checked against the signed root."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from intendance.ledger.note import Checkpoint
from intendance.ledger.report import Case, Report
from intendance.ledger.tlog import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Edge, Tile, range_hash, root_of

_KEPT_TILES = 64
ReadTile = Callable[[Tile], bytes | None]
"""Gives a tile's bytes, None when there are none."""


class SignedTree:
    """Rows of hashes that are known to be in the signed tree. What is not goes into the report, once, and is None."""

    def __init__(self, read: ReadTile, signed: Checkpoint, report: Report) -> None:
        self._read_tile = read
        self._signed = signed
        self._report = report
        self._edge: Edge | None = None
        self._edge_read = False
        self.row = lru_cache(_KEPT_TILES)(self._row)

    def has(self, tile: Tile) -> bool:
        """Whether a log of the signed size has this tile, at least in part."""
        height = TILE_HEIGHT * (tile.level or 0)
        return self._signed.size >> height > 0 and tile.index <= self._signed.size >> (height + TILE_HEIGHT)

    def leaf(self, seq: int) -> bytes | None:
        """The hash of entry `seq` as it was signed."""
        row = self.row(0, seq // TILE_WIDTH)
        return None if row is None else row[seq % TILE_WIDTH]

    def root_at(self, size: int) -> bytes | None:
        """The root that the signed tree had when it held `size` entries."""
        try:
            return range_hash(0, size, self.node)
        except LookupError:
            return None

    def node(self, height: int, index: int) -> bytes:
        """The hash of a complete subtree. Raises LookupError when the tiles do not give it."""
        level, above = divmod(height, TILE_HEIGHT)
        first = index << above
        row = self.row(level, first // TILE_WIDTH)
        if row is None:
            raise LookupError
        at = first % TILE_WIDTH
        return root_of(row[at : at + (1 << above)])

    def _row(self, level: int, index: int) -> list[bytes] | None:
        if self._signed.size >> (TILE_HEIGHT * (level + 1)) == index:
            edge = self._anchored_edge()
            return None if edge is None else edge.levels[level]
        tile = Tile(level, index)
        row = self._read(tile)
        above = self.row(level + 1, index // TILE_WIDTH)
        if row is None or above is None:
            return None
        if root_of(row) != above[index % TILE_WIDTH]:
            self._report.add(Case.TILE_DIFFERS, tile.path, "its hashes are not those of the signed tree")
            return None
        return row

    def _anchored_edge(self) -> Edge | None:
        if not self._edge_read:
            self._edge_read = True
            self._edge = self._read_edge()
        return self._edge

    def _read_edge(self) -> Edge | None:
        size = self._signed.size
        edge = Edge(size)
        level = 0
        while size >> (TILE_HEIGHT * level):
            index, width = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
            row = self._read(Tile(level, index, width)) if width else []
            if row is None:
                return None
            edge.levels.append(row)
            level += 1
        if edge.root() != self._signed.root:
            self._report.add(Case.TILE_DIFFERS, "tile", f"the tiles of {size} records do not add up to the signed root")
            return None
        return edge

    def _read(self, tile: Tile) -> list[bytes] | None:
        content = self._read_tile(tile)
        if content is None and tile.width < TILE_WIDTH:  # replaced by the full one
            content = self._read_tile(Tile(tile.level, tile.index))
            content = None if content is None else content[: tile.width * HASH_BYTES]
        if content is None:
            self._report.add(Case.FILE_MISSING, tile.path, "the file is missing")
            return None
        if len(content) != tile.width * HASH_BYTES:
            self._report.add(Case.TILE_DIFFERS, tile.path, f"it has {len(content)} bytes for {tile.width} hashes")
            return None
        return [content[i : i + HASH_BYTES] for i in range(0, len(content), HASH_BYTES)]
