"""The fleet log: what the manager itself records, signed and chained as a node's ledger is."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from intendance import __version__
from intendance.fleet.layout import ManagerLayout
from intendance.ledger.book import Book
from intendance.ledger.failures import failures
from intendance.ledger.layout import Layout
from intendance.ledger.note import VerifierKey
from intendance.ledger.origin import FLEET_LOG
from intendance.ledger.proof import Proof
from intendance.ledger.report import Report
from intendance.ledger.source import open_source
from intendance.ledger.verify import verify
from intendance.model.errors.ledger import LedgerExists
from intendance.model.errors.state import NoState
from intendance.model.evidence import Evidence
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact
from intendance.system.clock import Clock

_CARRIED_SQL = Path(__file__).with_name("log.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is to be recorded once, however often it is asked: `key` is no other's."""

    key: str
    evidence: Evidence
    actor: str


class FleetLog:
    """Appends to the log from any thread, and from commands on the manager's machine: each time it is opened anew.

    It is written when people come and accounts change, not with each beat: an opening of some milliseconds is cheap.
    """

    def __init__(self, state: Path, fleet: str, clock: Clock) -> None:
        self.folder = ManagerLayout(state).log
        self._fleet = fleet
        self._clock = clock
        self._lock = threading.Lock()

    def append(self, evidence: Evidence, actor: str) -> int:
        """Record, sign, and say under which number. Raises what opening and writing a ledger raises."""
        with self._lock, self._book() as book:
            return book.append(evidence, actor=actor).seq

    def append_about(self, evidence: Evidence, actor: str, *, asset: str, run: str) -> int:
        """The same, about an asset of a node that the evidence names."""
        with self._lock, self._book() as book:
            return book.append(evidence, actor=actor, asset=asset, run=run).seq

    def append_with(self, evidence: Evidence, actor: str, content: bytes, media: str) -> int:
        """The same, with an attachment."""
        with self._lock, self._book() as book:
            return book.append(evidence, actor=actor, attachments=(book.attach(content, media),)).seq

    def append_once(self, told: Iterable[Told]) -> int:
        """Record what was not recorded under its key yet, in one transaction, and sign it; how many were new.

        Raises what opening and writing a ledger raises.
        """
        count = 0
        with self._lock, self._book() as book:
            with book.transaction() as transaction:
                transaction.execute(_CARRIED_SQL)
                for each in told:
                    known = transaction.execute("SELECT seq FROM carried WHERE key = ?", (each.key,)).fetchone()
                    if known is None:
                        record = transaction.append(each.evidence, actor=each.actor)
                        row = (each.key, record.seq)
                        transaction.execute("INSERT INTO carried (key, seq) VALUES (?, ?)", row)
                        count += 1
            book.seal()  # also what somebody recorded who was killed before it was signed
        return count

    def newest(self, kind: str) -> Fact[Any] | None:
        """The newest record of a kind, if there is one. Raises what opening and reading a ledger raises."""
        with self._lock, self._book() as book:
            return next(iter(book.facts(kind, latest=1)), None)

    def contents(self, first: int, end: int) -> tuple[tuple[int, bytes], ...]:
        """The canonical bytes of records [first, end), as far as there are any, each with its number."""
        with self._lock, self._book() as book:
            return tuple((seq, book.content(seq)) for seq in range(max(0, first), min(end, book.size())))

    def latest(self, *, kind: str | None, before: int | None, limit: int) -> tuple[tuple[int, bytes], ...]:
        """The canonical bytes of its newest records of a kind, or of all, below a number, each with its own."""
        with self._lock, self._book() as book:
            return book.latest(kind=kind, before=before, limit=limit)

    def proved(self, seq: int) -> tuple[bytes, Proof | None, VerifierKey] | None:
        """A record's canonical bytes, its proof (None: not signed yet) and the key of the log, whose name is the
        log's origin; None where there is no such record."""
        with self._lock, self._book() as book:
            if seq >= book.size():
                return None
            return book.content(seq), book.proof(seq), book.key

    def note(self) -> str:
        """Its signed checkpoint."""
        with self._lock, self._book() as book:
            return book.layout.checkpoint.read_text(encoding="utf-8")

    def verify(self) -> Report:
        """What verifying all of it says; it changes nothing there, and whoever writes meanwhile does not wait. Raises
        NoState, Unreadable."""
        with open_source(self.folder) as source:
            return verify(source)

    def size(self) -> int:
        """How many records there are; the log is begun if it was not."""
        with self._lock, self._book() as book:
            return book.size()

    def open(self) -> Book:
        """The log itself, begun if it was not; the caller closes it. Raises what opening a ledger raises."""
        return self._open()

    @contextmanager
    def _book(self) -> Iterator[Book]:
        """It, opened anew: a disk that is full is one known error, whoever of SQLite and the system says so."""
        with failures(Layout(self.folder)), self._open() as book:
            yield book

    def _open(self) -> Book:
        try:
            return Book.open(self.folder, self._clock)
        except NoState:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                return Book.create(
                    self.folder,
                    fleet=self._fleet,
                    node=FLEET_LOG,
                    openpgp_fingerprint="",
                    software=f"intendance {__version__}",
                    clock=self._clock,
                )
            except LedgerExists:
                return Book.open(self.folder, self._clock)
