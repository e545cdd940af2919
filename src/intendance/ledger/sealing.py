"""From records to tiles to a signed checkpoint.

Everything here is derived from the records: a crash anywhere is mended by the next seal. Order: records are durable in
the database, then their tiles are durable, then the checkpoint that speaks of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from intendance.ledger import note, rows, tiles
from intendance.ledger.keys import load_key
from intendance.ledger.layout import Layout
from intendance.ledger.note import Checkpoint, VerifierKey
from intendance.ledger.tlog import TILE_WIDTH, Edge, Tile, bundle, leaf_hash, tiles_of
from intendance.model.errors.ledger import (
    CheckpointUnusable,
    LedgerContradicted,
    LedgerKeyUnusable,
    LedgerShortened,
    NoteMalformed,
)


def read_signed(layout: Layout, origin: str) -> tuple[Checkpoint, note.Note] | None:
    """The checkpoint on disk, its signature not yet verified; None when there is none. Raises CheckpointUnusable."""
    path = layout.checkpoint
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        checkpoint, signed = note.read_checkpoint(content)
    except NoteMalformed as error:
        raise CheckpointUnusable(path=path, detail=error.params["detail"], state=layout.state) from None
    if checkpoint.origin != origin:
        raise CheckpointUnusable(
            path=path, detail=f"it is of {checkpoint.origin}, this ledger is {origin}", state=layout.state
        )
    return checkpoint, signed


def check_tail(connection: sqlite3.Connection, layout: Layout, signed: Checkpoint) -> Edge:
    """The tree's right edge at the signed size, after seeing that database, tiles and checkpoint agree there.

    The last tile's records are hashed again; older ones only when the tiles do not add up to the signed root. Raises
    LedgerShortened, LedgerContradicted.
    """
    found = rows.size(connection)
    if found < signed.size:
        raise LedgerShortened(state=layout.state, found=found, signed=signed.size)
    edge = tiles.read_edge(layout.log, signed.size)
    first = signed.size - signed.size % TILE_WIDTH
    tail = [leaf_hash(content) for content in rows.contents(connection, first, signed.size)]
    if edge is not None and edge.root() == signed.root and edge.tail == tail:
        return edge
    return check_all(connection, layout, signed)


def check_all(connection: sqlite3.Connection, layout: Layout, signed: Checkpoint) -> Edge:
    """As `check_tail`, from every record and no tile. Raises LedgerContradicted."""
    edge = Edge()
    for content in rows.contents(connection, 0, signed.size):
        edge.append(leaf_hash(content))
    if edge.size != signed.size or edge.root() != signed.root:
        raise LedgerContradicted(state=layout.state, detail=f"its first {signed.size} records are not those signed")
    return edge


def grow(edge: Edge, pending: list[bytes], contents: Iterable[bytes]) -> Iterator[tuple[Tile, bytes]]:
    """The tiles and bundles that more records make, full ones as they fill and the partial ones at the end.

    `pending` are the records of the last, partial bundle at the edge's size.
    """
    for content in contents:
        pending.append(content)
        filled = edge.append(leaf_hash(content))
        if filled:
            yield Tile(None, filled[0][0].index), bundle(pending)
            pending.clear()
        for tile, row in filled:
            yield tile, b"".join(row)
    if pending:
        yield Tile(None, edge.size // TILE_WIDTH, len(pending)), bundle(pending)
    for tile, row in edge.partial_tiles():
        yield tile, b"".join(row)


def seal(connection: sqlite3.Connection, layout: Layout, key: VerifierKey, *, mend: bool = False) -> Checkpoint | None:
    """Write the tiles of all records and sign their tree; the caller holds the ledger's lock. None: no records.

    The tiles at the tree's right edge are written again when they are not as they should be; with `mend`, so are all
    when any is missing. Raises LedgerShortened, LedgerContradicted, CheckpointUnusable, LedgerKeyUnusable.
    """
    connection.execute("BEGIN")  # one view of the records for what is compared, written and signed
    try:
        size = rows.size(connection)
        if size == 0:
            return None
        signed = _signed_by(layout, key)
        edge = Edge() if signed is None else check_tail(connection, layout, signed)
        pending = list(rows.contents(connection, edge.size - edge.size % TILE_WIDTH, edge.size))
        if signed is not None:
            if _lacking(layout.log, edge, pending) or (mend and _any_missing(layout.log, signed.size)):
                check_all(connection, layout, signed)
                edge, pending = Edge(), []
            elif signed.size == size:
                return signed
        full: list[Tile] = []
        grown = grow(edge, pending, rows.contents(connection, edge.size, size))
        tiles.write(layout.log, _noting_full(grown, full))
        if edge.size != size:
            raise LedgerContradicted(state=layout.state, detail="the numbers of its records have gaps")
        checkpoint = _sign(layout, key, edge)
    finally:
        connection.execute("ROLLBACK")
    for tile in full:
        tiles.drop_partial(layout.log, tile)
    return checkpoint


def _signed_by(layout: Layout, key: VerifierKey) -> Checkpoint | None:
    on_disk = read_signed(layout, key.name)
    if on_disk is None:
        return None
    checkpoint, signed = on_disk
    if not note.verify_note(signed, key):
        raise CheckpointUnusable(
            path=layout.checkpoint, detail="it is not signed by this ledger's key", state=layout.state
        )
    return checkpoint


def _lacking(log: Path, edge: Edge, pending: list[bytes]) -> bool:
    """Whether a partial tile or bundle at the edge is not on disk as it should be."""
    expected = [(tile, b"".join(row)) for tile, row in edge.partial_tiles()]
    if pending:
        expected.append((Tile(None, edge.size // TILE_WIDTH, len(pending)), bundle(pending)))
    return any(tiles.read(log, tile) != content for tile, content in expected)


def _any_missing(log: Path, size: int) -> bool:
    return any(not (log / tile.path).is_file() for tile in tiles_of(size))


def _noting_full(grown: Iterable[tuple[Tile, bytes]], full: list[Tile]) -> Iterator[tuple[Tile, bytes]]:
    for tile, content in grown:
        if tile.width == TILE_WIDTH:
            full.append(tile)
        yield tile, content


def _sign(layout: Layout, key: VerifierKey, edge: Edge) -> Checkpoint:
    private = load_key(layout.key)
    if private.public_key().public_bytes_raw() != key.public:
        raise LedgerKeyUnusable(path=layout.key, detail="it is not the key that this ledger began with")
    root = edge.root()
    content = note.sign_note(note.checkpoint_text(key.name, edge.size, root), key.name, private)
    tiles.replace(layout.checkpoint, content)
    return Checkpoint(key.name, edge.size, root, content)
