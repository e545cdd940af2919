"""The files of a log compared with what its records make of them."""

from __future__ import annotations

from collections.abc import Sequence

from intendance.ledger.report import LISTED, Case, Report
from intendance.ledger.source import Source
from intendance.ledger.tlog import HASH_BYTES, TILE_WIDTH, Edge, Tile, bundle, tiles_of, unbundle


class TileAudit:
    """Takes the tree as it is rebuilt from the records and compares every file below `tile/`, old partial ones too."""

    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._report = report
        self._widths: dict[tuple[int | None, int], list[int]] = {}
        self._differing: list[tuple[Tile, list[int]]] = []
        for path, tile in source.present():
            if tile is None:
                report.add(Case.FILE_UNKNOWN, path, "no tile has this name")
            else:
                self._widths.setdefault((tile.level, tile.index), []).append(tile.width)

    def require(self, size: int) -> None:
        """Note which files of a log of `size` entries are missing; of very many, as many as a report lists.

        `size` is only what a checkpoint says, whose signature may be anybody's: it must not make us count for ever.
        """
        missing = 0
        for tile in tiles_of(size):
            if missing == LISTED:
                return
            widths = self._widths.get((tile.level, tile.index), ())
            if tile.width not in widths and TILE_WIDTH not in widths:
                self._report.add(Case.FILE_MISSING, tile.path, "the file is missing")
                missing += 1

    def row(self, level: int, index: int, hashes: Sequence[bytes]) -> None:
        """Compare the tiles of one place with the hashes that stand there."""
        expected = b"".join(hashes)
        for tile, content in self._files(level, index, len(hashes)):
            if content != expected[: tile.width * HASH_BYTES]:
                first = index * TILE_WIDTH
                pieces = [content[i : i + HASH_BYTES] for i in range(0, len(content), HASH_BYTES)]
                self._differing.append((tile, _differences(pieces, hashes[: tile.width], first)))

    def entries(self, index: int, contents: Sequence[bytes]) -> None:
        """Compare the bundles of one place with the records that stand there."""
        for tile, content in self._files(None, index, len(contents)):
            if content != bundle(contents[: tile.width]):
                try:
                    pieces = unbundle(content)
                except ValueError:
                    pieces = []
                self._differing.append((tile, _differences(pieces, contents[: tile.width], index * TILE_WIDTH)))

    def edge(self, edge: Edge, contents: Sequence[bytes]) -> None:
        """Compare what the last records leave partly filled."""
        for tile, hashes in edge.partial_tiles():
            self.row(tile.level or 0, tile.index, hashes)
        if contents:
            self.entries(edge.size // TILE_WIDTH, contents)

    def finish(self, *, signed_root_holds: bool) -> None:
        """Say what differs: the files are wrong when the records give the signed root, the records otherwise."""
        for tile, numbers in self._differing:
            named = f"record {numbers[0]}" if len(numbers) == 1 else f"records {numbers[0]} to {numbers[-1]}"
            if signed_root_holds or tile.level is None:
                detail = "the file differs from the ledger's records"
                if numbers and not tile.level:
                    detail = f"the file differs from the ledger's records at {named}"
                self._report.add(Case.FILE_DIFFERS, tile.path, detail)
            elif tile.level == 0 and numbers:
                self._report.add(Case.RECORD_NOT_THE_HASHED, named, f"not what was hashed into {tile.path}")
            else:
                self._report.add(Case.TILE_DIFFERS, tile.path, "its hashes are not those of the ledger's records")
        for level, index in self._widths:
            path = Tile(level, index).path
            self._report.add(Case.FILE_AHEAD, path, "it speaks of records that the database does not hold")

    def _files(self, level: int | None, index: int, held: int) -> list[tuple[Tile, bytes]]:
        found: list[tuple[Tile, bytes]] = []
        for width in self._widths.pop((level, index), []):
            tile = Tile(level, index, width)
            content = self._source.tile(tile)
            if width > held:
                self._report.add(
                    Case.FILE_AHEAD, tile.path, f"it speaks of {width - held} records that the database does not hold"
                )
            elif content is None:
                self._report.add(Case.FILE_MISSING, tile.path, "the file is missing")
            else:
                self._report.tiles += 1
                found.append((tile, content))
        return found


def _differences(found: Sequence[bytes], expected: Sequence[bytes], first: int) -> list[int]:
    """The numbers of the entries that differ; `first` is the number of the first one."""
    compared = [first + i for i, piece in enumerate(expected) if i >= len(found) or found[i] != piece]
    return compared or [first + len(expected)]
