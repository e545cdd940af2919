"""A node with a ledger of its own that tells the manager what it records, for `./dev bench fleet`: how long until it is
judged. It joins and sends as an agent does; what it records are the hourly samples of a machine that is well.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from sqlalchemy import select

from benchmarks.cli import lived, rollup
from intendance.agent.joining import join
from intendance.agent.manager_link import Link
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import judged
from intendance.fleet.nodes.service import Nodes
from intendance.ledger.book import Book
from intendance.system.clock import SystemClock
from intendance.wire import messages
from intendance.wire.token import PLAIN

PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.01
_SENT_AT_ONCE = 500


class Speaker:
    """The node, once its whole ledger is with the manager."""

    def __init__(self, folder: Path, days: int, database: Database, url: str) -> None:
        self._clock = SystemClock()
        self._state = lived(folder, days)
        self._database = database
        with Book.open(self._state, self._clock) as book:
            fleet, name = book.origin.partition("/")[0], book.node
        token = Nodes(database, fleet, self._clock, lambda: (url,)).invite(name, by="bench", pin=PLAIN).token
        self._joined = join(self._state, url, token, self._clock)
        self._link = Link(self._joined.urls, bearer=self._joined.bearer)
        self._sent = 0
        self.told_ms: list[float] = []
        with Book.open(self._state, self._clock) as book:
            self._send(book)

    def tell(self) -> float:
        """Record, send, and wait until the node is judged up to there; how many milliseconds that took from sending."""
        with Book.open(self._state, self._clock) as book:
            book.append(rollup(self._clock.read().at, {}), actor="agent")
            began = time.perf_counter()
            self._send(book)
        end = began + PATIENCE_SECONDS
        while self._judged() < self._sent:
            if time.perf_counter() > end:
                raise TimeoutError("the manager judges nothing")
            time.sleep(_LOOK_SECONDS)
        self.told_ms.append((time.perf_counter() - began) * 1e3)
        return self.told_ms[-1]

    def go_on(self, per_second: float, ending: threading.Event) -> None:
        """Tell so often, until told to end."""
        due = time.perf_counter()
        while not ending.is_set():
            self.tell()
            due = max(due + 1 / per_second, time.perf_counter() - 1)
            ending.wait(max(0.0, due - time.perf_counter()))

    def close(self) -> None:
        self._link.close()

    def _send(self, book: Book) -> None:
        size = book.size()
        note = book.layout.checkpoint.read_text()
        while self._sent < size:
            last = min(size, self._sent + _SENT_AT_ONCE)
            batch = messages.EvidenceBatch(
                v=messages.VERSION,
                node=self._joined.node,
                incarnation=self._joined.incarnation,
                first_seq=self._sent,
                records=tuple(book.content(seq).decode() for seq in range(self._sent, last)),
                checkpoint=note,
            )
            answer = self._link.post("/api/v1/evidence", messages.encode(batch))
            self._sent = messages.decode(answer, messages.EvidenceAnswer).size

    def _judged(self) -> int:
        with self._database.read() as connection:
            asked = select(judged.c.size).where(judged.c.node == self._joined.node)
            return connection.execute(asked).scalar() or 0
