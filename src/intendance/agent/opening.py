"""Opening a state folder's ledger, where a lost one is told from one that never was."""

from __future__ import annotations

from pathlib import Path

from intendance.ledger.book import Book
from intendance.model.errors.state import LedgerLost, NoState
from intendance.system.clock import Clock


def open_book(state: Path, clock: Clock) -> Book:
    """The ledger of a state folder. Raises NoState, LedgerLost, and what `Book.open` raises."""
    try:
        return Book.open(state, clock)
    except NoState:
        if (state / "agent" / "ledger" / "checkpoint").exists():
            raise LedgerLost(database=state / "agent" / "state.db", state=state) from None
        raise
