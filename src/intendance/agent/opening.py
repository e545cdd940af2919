"""Opening a state folder's ledger, where a lost one is told from one that never was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intendance.ledger.book import Book
from intendance.model.errors.state import LedgerLost, NoState
from intendance.system.clock import Clock
from intendance.system.reading import refused_writing


def open_book(state: Path, clock: Clock) -> Book:
    """The ledger of a state folder. Raises NoState, LedgerLost, and what `Book.open` raises."""
    with telling_lost(state):
        return Book.open(state, clock)


@contextmanager
def telling_lost(state: Path) -> Iterator[None]:
    """Raise LedgerLost in place of NoState where the ledger's other files say that there was one."""
    try:
        yield
    except NoState:
        if (state / "agent" / "ledger" / "checkpoint").exists():
            raise LedgerLost(database=state / "agent" / "state.db", state=state) from None
        raise


def why_unwritable(state: Path) -> str | None:
    """What the system says to writes in a state folder, in its words; None where it takes them, or is not there."""
    try:
        refused = refused_writing(state / "agent")
    except OSError:
        return None
    return None if refused is None else refused.strerror
