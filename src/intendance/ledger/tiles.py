"""The log's tiles as files: read, written durably in batches, and enumerated."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from intendance.ledger.tlog import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Edge, Tile, parse_path
from intendance.system.publish import make_folder, sync_directory

_BATCH = 64
_TEMPORARY = ".tmp"


def read(log: Path, tile: Tile) -> bytes | None:
    """A tile's bytes, or None when there is no such file."""
    try:
        return (log / tile.path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_edge(log: Path, size: int) -> Edge | None:
    """The right edge of the tree of `size` leaves from its tiles, unchecked; None when a tile is missing or short."""
    edge = Edge(size)
    level = 0
    while size >> (TILE_HEIGHT * level):
        index, width = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
        row: list[bytes] = []
        if width:
            content = read(log, Tile(level, index, width)) or read(log, Tile(level, index)) or b""
            row = [content[i : i + HASH_BYTES] for i in range(0, width * HASH_BYTES, HASH_BYTES)]
            if len(content) < width * HASH_BYTES:
                return None
        edge.levels.append(row)
        level += 1
    return edge


def write(log: Path, tiles: Iterable[tuple[Tile, bytes]]) -> None:
    """Write tiles so that all of them survive power loss on return; those already there unchanged are left alone.

    One process at a time: whoever holds the ledger's lock.
    """
    batch: list[tuple[Path, bytes]] = []
    for tile, content in tiles:
        path = log / tile.path
        if read(log, tile) != content:
            batch.append((path, content))
        if len(batch) == _BATCH:
            _write_batch(batch)
            batch = []
    _write_batch(batch)


def replace(path: Path, content: bytes) -> None:
    """Put `content` under a name of the log's folder, durably and at once; for whoever holds the ledger's lock."""
    _write_batch([(path, content)])


def _write_batch(batch: list[tuple[Path, bytes]]) -> None:
    directories: set[Path] = set()
    renames: list[tuple[Path, Path]] = []
    for path, content in batch:
        make_folder(path.parent)
        temporary = path.with_name(f".{path.name}{_TEMPORARY}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        renames.append((temporary, path))
    for temporary, path in renames:
        os.replace(temporary, path)
        directories.add(path.parent)
    for directory in directories:
        sync_directory(directory)


def drop_partial(log: Path, tile: Tile) -> None:
    """Remove the partial tiles that a full one has replaced."""
    path = log / tile.path
    import shutil  # for what is done once in 256 records: it brings every kind of archive with it

    shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)


def present(log: Path) -> Iterator[tuple[str, Tile | None]]:
    """Every file below `tile/` as a path relative to the log, with the tile it is named for, if any.

    What an interrupted `write` left under a temporary name is passed over; the next one writes over it.
    """
    for folder, _, names in os.walk(log / "tile"):
        for name in names:
            if name.startswith(".") and name.endswith(_TEMPORARY):
                continue
            path = os.path.relpath(os.path.join(folder, name), log)
            yield path, parse_path(path)
