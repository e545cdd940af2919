"""Agent, worker and command line append at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from intendance.ledger import rows
from intendance.ledger.book import Book
from intendance.ledger.source import open_source
from intendance.ledger.verify import verify
from intendance.model.errors.ledger import LedgerBusy
from tests.support.ledger_material import Ticking, begin, ended

ROOT = Path(__file__).parents[3]
APPENDS = (
    "import sys; from pathlib import Path; from tests.unit.ledger.test_several_processes import append_some\n"
    "append_some(Path(sys.argv[1]), sys.argv[2])"
)
PROCESSES = 4
EACH = 25


def append_some(state: Path, name: str) -> None:
    with Book.open(state, Ticking()) as book:
        for number in range(EACH):
            if number % 5 == 0:
                with book.transaction() as transaction:
                    transaction.append(ended(f"{name} {number}"), actor=f"person:{name}")
                book.seal()
            else:
                book.append(ended(f"{name} {number}"), actor=f"person:{name}")


def test_every_record_of_every_process_is_there_once_and_in_order(tmp_path: Path) -> None:
    state = tmp_path / "state"
    begin(state).close()
    # Started and not forked: the process of the tests has threads, whose locks nobody lets go of in a copy.
    words = [sys.executable, "-c", APPENDS, str(state)]
    children = [subprocess.Popen([*words, f"p{name}"], cwd=ROOT) for name in range(PROCESSES)]
    assert [child.wait(600) for child in children] == [0] * PROCESSES
    with Book.open(state, Ticking()) as book:
        assert book.size() == 1 + PROCESSES * EACH
        for name in range(PROCESSES):
            said = [record.data["message"] for record in book.records() if record.actor == f"person:p{name}"]
            assert said == [f"p{name} {number}" for number in range(EACH)]
    with open_source(state) as source:
        report = verify(source)
    assert (report.exit_code, report.signed_size) == (0, 1 + PROCESSES * EACH)


def test_a_ledger_that_stays_locked_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BUSY_SECONDS", 0)
    with begin(tmp_path / "state") as book:
        other = sqlite3.connect(tmp_path / "state/agent/state.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy, match="stayed locked"):
            book.append(ended(), actor="person:anne")
        other.execute("COMMIT")
        other.close()
        assert book.append(ended(), actor="person:anne").seq == 1
