"""Real witnesses for tests: served on a free port, by the test's clock, ended with the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from intendance.fleet.log import FleetLog
from intendance.ledger.book import Book
from intendance.system.clock import Clock
from intendance.witness.keeping import open_witness
from intendance.witness.serve import Listening, WitnessServer


@dataclass(frozen=True, slots=True)
class Served:
    """Where a witness answers, and its verifier key."""

    url: str
    key: str


@contextmanager
def witness_of(state: Path, log: FleetLog, clock: Clock, name: str = "w/1") -> Iterator[Served]:
    """A witness that knows one fleet log."""
    log.size()  # begun, if it was not
    with Book.open(log.folder, clock) as book:
        vkey = book.key.text
    state.mkdir(exist_ok=True)
    logs = state / "logs"
    logs.write_text(f"{vkey}\n")
    with (
        open_witness(state, logs, name, clock) as witness,
        WitnessServer(witness, Listening(host="127.0.0.1", port=0), lambda _: None) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Served(f"http://127.0.0.1:{server.port}", witness.key.text)
        finally:
            server.shutdown()
            thread.join()
