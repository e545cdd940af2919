"""The fleet log: what the manager itself records, signed and chained as a node's ledger is."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from intendance import __version__
from intendance.fleet.layout import ManagerLayout
from intendance.ledger.book import Book
from intendance.ledger.origin import FLEET_LOG
from intendance.model.errors.ledger import LedgerExists
from intendance.model.errors.state import NoState
from intendance.model.evidence import Evidence
from intendance.model.verdict import Fact
from intendance.system.clock import Clock


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
        with self._lock, self._open() as book:
            return book.append(evidence, actor=actor).seq

    def append_about(self, evidence: Evidence, actor: str, *, asset: str, run: str) -> int:
        """The same, about an asset of a node that the evidence names."""
        with self._lock, self._open() as book:
            return book.append(evidence, actor=actor, asset=asset, run=run).seq

    def append_with(self, evidence: Evidence, actor: str, content: bytes, media: str) -> int:
        """The same, with an attachment."""
        with self._lock, self._open() as book:
            return book.append(evidence, actor=actor, attachments=(book.attach(content, media),)).seq

    def newest(self, kind: str) -> Fact[Any] | None:
        """The newest record of a kind, if there is one. Raises what opening and reading a ledger raises."""
        with self._lock, self._open() as book:
            return next(iter(book.facts(kind, latest=1)), None)

    def size(self) -> int:
        """How many records there are; the log is begun if it was not."""
        with self._lock, self._open() as book:
            return book.size()

    def open(self) -> Book:
        """The log itself, begun if it was not; the caller closes it. Raises what opening a ledger raises."""
        return self._open()

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
