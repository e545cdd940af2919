"""Part of a ledger: some records, record 0 for its key, and just those tiles that tie them to the signed head."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from intendance.ledger import envelope, note
from intendance.ledger.bound import BoundHead
from intendance.ledger.bundle import LOG, FilesSource, row_of, unbundled
from intendance.ledger.cosignature import WitnessKey
from intendance.ledger.examine import examine
from intendance.ledger.note import Checkpoint
from intendance.ledger.policy import Policy
from intendance.ledger.report import Case, Report
from intendance.ledger.rows import Block, Row
from intendance.ledger.saying import say_what_was_not_checked
from intendance.ledger.signed_tree import SignedTree
from intendance.ledger.source import Unreadable
from intendance.ledger.tlog import TILE_HEIGHT, TILE_WIDTH, Tile, leaf_hash
from intendance.ledger.verify import Verification
from intendance.model.errors.ledger import NoteMalformed

RECORDS = f"{LOG}records/"
"""`ledger/records/<number of the first>`: up to 256 records, framed as in a bundle, cut where bundles begin."""
_LARGEST = 2**63
_NUMBER = re.compile("0|[1-9][0-9]{0,18}")


def spans(first: int, last: int) -> Iterator[tuple[int, int]]:
    """The files of records [start, end) of a part: record 0, then those asked for."""
    if first > 0:
        yield 0, 1
    start = first
    while start <= last:
        end = min(start - start % TILE_WIDTH + TILE_WIDTH, last + 1)
        yield start, end
        start = end


def tiles_of(size: int, first: int, last: int) -> Iterator[Tile]:
    """The tiles that tie record 0 and records `first` to `last` to the root of a log of `size` records.

    At each level those on the way up, and the one at the right edge. They also give the roots that the log had at
    every size from `first` to `last + 1`: what RFC 6962 calls a proof of consistency.
    """
    level = 0
    while size >> (TILE_HEIGHT * level):
        full, width = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
        above = TILE_HEIGHT * (level + 1)
        for index in sorted({0, *range(first >> above, (last >> above) + 1)}):
            if index < full:
                yield Tile(level, index)
        if width:
            yield Tile(level, full, width)
        level += 1


class PartSource(FilesSource):
    """A bundle that holds part of a ledger; its ends are those of its files of records."""

    @cached_property
    def _starts(self) -> list[int]:
        """The numbers that files of records are named for, in order."""
        names = [name.removeprefix(RECORDS) for name in self.files.sizes if name.startswith(RECORDS)]
        numbered = {name for name in names if _NUMBER.fullmatch(name) and int(name) < _LARGEST}
        self._damage += [f"{RECORDS}{name} is not named for a record" for name in names if name not in numbered]
        return sorted(map(int, numbered))

    @cached_property
    def first(self) -> int:
        """The first record of the part; record 0, where it stands alone, is there for its key only."""
        alone = len(self._starts) > 1 and self._starts[0] == 0 and len(self._entries(0)) == 1
        return self._starts[1 if alone and self._starts[1] > 1 else 0] if self._starts else 0

    @cached_property
    def last(self) -> int:
        return self._starts[-1] + max(len(self._entries(self._starts[-1])), 1) - 1 if self._starts else 0

    def size(self) -> int:
        """As the checkpoint says, whose signature is verified elsewhere."""
        try:
            return note.read_checkpoint(self.checkpoint() or b"")[0].size
        except NoteMalformed:
            return self.last + 1

    def rows(self, first: int, end: int) -> Iterator[Row]:
        for start in self._starts:
            if start < end and start + TILE_WIDTH > first:
                for seq, content in enumerate(self._entries(start), start):
                    if first <= seq < end:
                        yield row_of(seq, content)

    def blocks(self, first: int, end: int) -> Iterator[Block]:
        for row in self.rows(first, end):
            yield [row]

    def _entries(self, start: int) -> list[bytes]:
        content = self.files.read(f"{RECORDS}{start}") or b""
        entries, whole = unbundled(content)
        if not whole or not entries or start % TILE_WIDTH + len(entries) > TILE_WIDTH:
            self._damage.append(f"{RECORDS}{start} is not a whole file of records")
        return entries[: TILE_WIDTH - start % TILE_WIDTH]


def verify_part(
    source: PartSource,
    *,
    first: int | None = None,
    last: int | None = None,
    pin: tuple[Path, bytes] | None = None,
    witnesses: Sequence[WitnessKey] = (),
    policy: Policy | None = None,
    bound: tuple[BoundHead, ...] | None = None,
) -> Report:
    """Verify the records of a part, or some of them, against the signed head. Raises RangeEmpty, PinUnusable."""
    report = Report(whole=False)
    try:
        verification = _PartVerification(source, report)
        known = verification.known_heads(pin, witnesses, policy, bound)
        begin = source.first if first is None else first
        end = min(source.last, report.size - 1) if last is None else last
        if source.last >= report.size:
            report.add(Case.RECORDS_UNSIGNED, "checkpoint", f"records from {report.size} on are not signed")
        if begin <= end or last is not None:
            verification.some_records(begin, end, known)
        verification.around(begin)
    except Unreadable as error:
        report.add(Case.UNREADABLE, "ledger", str(error))
    say_what_was_not_checked(report)
    if report.first is not None and report.first > 1:
        report.not_checked.append(f"Whether record {report.first} names the one before it, which is not in this part.")
    return report


class _PartVerification(Verification):
    """As of a range, with the tiles that there are; every one of them has to be of the signed tree."""

    source: PartSource

    def around(self, first: int) -> None:
        """Record 0, the tiles, and the files' own form."""
        tree = None if self.signed is None else SignedTree(self.source.tile, self.signed, self.report)
        if first > 0:
            self._record_0(tree)
        if tree is not None:
            self._tiles(tree)
        with self.source.checking() as checked:
            holder, damage = checked()
        if damage:
            self.report.add(Case.STORAGE_DAMAGED, holder, damage)

    def _record_0(self, tree: SignedTree | None) -> None:
        for row in self.source.rows(0, 1):
            seen = examine(row, self.report.node)
            if seen.case is not None:
                self.report.add(seen.case, "record 0", seen.detail)
            if row.kind != "genesis" or seen.prev not in (None, envelope.NO_PREVIOUS):
                self.report.add(Case.GENESIS_MISPLACED, "record 0", "it is not a genesis record")
            if tree is not None and self.report.size > 0:
                self._look_up(row, tree)

    def _tiles(self, tree: SignedTree) -> None:
        for path, tile in self.source.present():
            if tile is None or tile.level is None:
                self.report.add(Case.FILE_UNKNOWN, path, "no part of a ledger has such a file")
            elif not tree.has(tile):
                self.report.add(Case.FILE_AHEAD, path, "it speaks of records that are not signed")
            else:
                hashes = tree.row(tile.level, tile.index)
                self.report.tiles += hashes is not None
                if hashes is not None and self.source.tile(tile) != b"".join(hashes[: tile.width]):
                    self.report.add(Case.TILE_DIFFERS, path, "its hashes are not those of the signed tree")

    def _look_up(self, row: Row, tree: SignedTree) -> None:
        signed = tree.leaf(row.seq)
        if signed is not None and signed != leaf_hash(row.content):
            self.report.add(Case.RECORD_REPLACED, f"record {row.seq}", "it is not the record that was signed")

    def _root_at(self, size: int, signed: Checkpoint) -> bytes | None:
        found = SignedTree(self.source.tile, signed, Report()).root_at(size)
        if found is None:
            self.report.add(
                Case.PIN_NOT_COMPARED, "pin", f"this part does not hold what compares it: export again `--from {size}`"
            )
        return found
