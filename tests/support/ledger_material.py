"""Ledgers to test with: a clock that ticks, small records, and a ledger held in memory whose bytes can be changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from intendance.ledger.book import Book
from intendance.ledger.rows import Block, Row
from intendance.ledger.source import open_source
from intendance.ledger.tlog import TILE_WIDTH, Tile, parse_path
from intendance.model.evidence.run import RunEnded
from intendance.system.clock import Instant

BEGINNING = datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)


@dataclass
class Ticking:
    """A clock that moves by `step` at each reading."""

    at: datetime = BEGINNING
    step: timedelta = timedelta(milliseconds=1)
    mono_ns: int = 5_000_000

    def read(self) -> Instant:
        self.at += self.step
        self.mono_ns += int(self.step / timedelta(microseconds=1)) * 1000
        return Instant(at=self.at, mono_ns=self.mono_ns, boot="11111111-2222-3333-4444-555555555555")


def ended(message: str = "", *, outcome: str = "crashed", attempt: int = 1) -> RunEnded:
    """A small piece of evidence."""
    return RunEnded(activity="inspect", outcome=outcome, attempt=attempt, message=message)


def begin(state: Path) -> Book:
    """A ledger with its genesis record only."""
    return Book.create(
        state, fleet="asbl", node="web-01", openpgp_fingerprint="AB" * 20, software="0.1.0", clock=Ticking()
    )


def fill(book: Book, count: int) -> None:
    """Append `count` records in one transaction and seal them."""
    with book.transaction() as transaction:
        for number in range(count):
            transaction.append(ended(f"n{number}"), actor="schedule:inspect", asset=f"asset-{number % 3}")
    book.seal()


def tamper(book: Book, sql: str, parameters: tuple[object, ...] = ()) -> None:
    """What somebody with the database file can do."""
    book.connection.execute("DROP TRIGGER record_is_never_changed")
    book.connection.execute("DROP TRIGGER record_is_never_deleted")
    book.connection.execute(sql, parameters)


@dataclass
class InMemory:
    """A ledger's bytes, to be changed at will; a `Source` for verification."""

    kept: list[Row]
    signed: bytes | None
    files: dict[str, bytes]
    attached: dict[str, bytes] = field(default_factory=dict)
    cosigned: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, state: Path) -> InMemory:
        """All of what a state folder's ledger is made of."""
        log = state / "agent" / "ledger"
        with open_source(state) as source:
            kept = list(source.rows(0, source.size()))
            signed = source.checkpoint()
        files = {str(path.relative_to(log)): path.read_bytes() for path in (log / "tile").rglob("*") if path.is_file()}
        attached = {path.name: path.read_bytes() for path in (state / "agent").glob("attachments/sha256/*/*")}
        return cls(kept, signed, files, attached)

    def copy(self) -> InMemory:
        return copy.deepcopy(self)

    def size(self) -> int:
        return self.kept[-1].seq + 1 if self.kept else 0

    def rows(self, first: int, end: int) -> Iterator[Row]:
        return (row for row in self.kept[first:end] if first <= row.seq < end)

    def blocks(self, first: int, end: int) -> Iterator[Block]:
        found = self.rows(first, end)
        while block := list(islice(found, TILE_WIDTH)):
            yield block

    @contextmanager
    def checking(self) -> Iterator[Callable[[], tuple[str, str]]]:
        yield lambda: ("memory", "")

    def checkpoint(self) -> bytes | None:
        return self.signed

    def witnessed(self) -> list[bytes]:
        return self.cosigned

    def present(self) -> list[tuple[str, Tile | None]]:
        return [(path, parse_path(path)) for path in self.files]

    def tile(self, tile: Tile) -> bytes | None:
        return self.files.get(tile.path)

    def attachment(self, sha256: str) -> bytes | None:
        return self.attached.get(sha256)
