"""The journal's version: made, brought up to date after a copy while a run is in flight, refused when newer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intendance.ledger.book import Book
from intendance.model.errors.runs import JournalNewer
from intendance.runs import versions
from intendance.runs.journal import Journal
from intendance.runs.rows import Submission
from tests.support.clock import MovableClock

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with Book.create(
        tmp_path, fleet="f", node="n", openpgp_fingerprint="A" * 40, software="intendance 0", clock=MovableClock(NOON)
    ) as book:
        yield book


def version(book: Book) -> int:
    return int(book.connection.execute("SELECT version FROM journal").fetchone()[0])


def test_a_new_journal_is_of_this_version_and_needs_no_copy(book: Book) -> None:
    Journal(book, MovableClock(NOON))
    Journal(book, MovableClock(NOON))
    assert version(book) == versions.VERSION
    assert not list(book.layout.agent.glob("*before*"))


def test_an_older_journal_is_brought_up_to_date_with_a_run_in_flight(book: Book) -> None:
    clock = MovableClock(NOON)
    former = Journal(book, clock)
    run = former.begin(Submission(asset="site", activity="inspect", occurrence=NOON, actor="person:root"))
    book.connection.execute("DROP TABLE journal")  # as the first version left it
    with Book.open(book.layout.state, clock) as again:
        journal = Journal(again, clock)
        assert version(again) == versions.VERSION
        assert journal.get(run.id) == run
        copy = versions.copy_of(again, 1)
        assert copy.stat().st_mode & 0o777 == 0o600
    kept = sqlite3.connect(copy)
    assert kept.execute("SELECT id, state FROM run").fetchall() == [(run.id, "running")]
    assert kept.execute("SELECT count(*) FROM record").fetchone() == (2,)
    assert kept.execute("SELECT count(*) FROM sqlite_master WHERE name = 'journal'").fetchone() == (0,)
    kept.close()
    former.succeed(run)  # the worker of the former version ends its run
    assert former.get(run.id).state == "succeeded"


def test_a_newer_journal_is_refused_and_left_alone(book: Book) -> None:
    Journal(book, MovableClock(NOON))
    book.connection.execute("UPDATE journal SET version = 99")
    with pytest.raises(JournalNewer, match=r"written by a newer Intendance \(version 99; this one knows 3\)"):
        Journal(book, MovableClock(NOON))
    assert version(book) == 99
