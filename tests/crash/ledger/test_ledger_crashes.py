"""kill -9 at every step of creating, appending and sealing: nothing committed is lost, nothing looks tampered."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from intendance.ledger import source as ledger_source
from intendance.ledger.book import Book
from intendance.ledger.source import Unreadable, open_source
from intendance.ledger.verify import verify
from intendance.model.errors.state import NoState
from tests.crash.ledger.victim import NEVER, Outcome, fresh, killed_at
from tests.support.ledger_material import Ticking, begin, ended, fill

Acknowledge = Callable[[int], None]
SHARES = 6


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is going to sign what a dead process left, so verification need not wait for it."""
    monkeypatch.setattr(ledger_source, "_SETTLING_ATTEMPTS", 0)


def life(state: Path) -> Callable[[Acknowledge], None]:
    """A ledger's first days: creation, single records, a group that fills a tile, one more."""

    def scenario(acknowledge: Acknowledge) -> None:
        book = begin(state)
        acknowledge(book.size())
        for number in range(2):
            book.append(ended(f"single {number}"), actor="person:anne")
            acknowledge(book.size())
        fill(book, 260)
        acknowledge(book.size())
        book.attach(b"manifest", "application/json")
        book.append(ended("last"), actor="person:anne")
        acknowledge(book.size())

    return scenario


def next_day(state: Path) -> Callable[[Acknowledge], None]:
    def scenario(acknowledge: Acknowledge) -> None:
        try:
            book = Book.open(state, Ticking())
        except NoState:
            book = begin(state)
        book.append(ended("next day"), actor="person:anne")
        acknowledge(book.size())

    return scenario


def checked(state: Path, outcome: Outcome) -> int:
    """What must hold after any crash; returns how many records there are."""
    assert outcome.committed >= outcome.acknowledged
    try:
        with open_source(state) as found:
            assert verify(found).exit_code in (0, 3)  # at worst unsigned yet: never tampered, never unreadable
    except (NoState, Unreadable):
        assert outcome.committed == 0
    try:
        book = Book.open(state, Ticking())
    except NoState:
        assert outcome.committed == 0
        book = begin(state)
    with book:
        size = book.size()
        assert size >= outcome.committed
        assert [record.seq for record in book.records()] == list(range(size))
        book.append(ended("after"), actor="person:anne")
        with open_source(state) as found:
            report = verify(found)
        assert (report.exit_code, report.size) == (0, size + 1)
    strays = [*(state / "agent/ledger").rglob(".*"), *(state / "agent/keys").glob(".*")]
    assert all(stray.parent.suffix == ".p" for stray in strays), strays  # these go with the partial tiles
    return size


def test_a_life_without_a_crash_is_the_measure(tmp_path: Path) -> None:
    outcome = killed_at(NEVER, life(fresh(tmp_path, 0)))
    assert (outcome.killed, outcome.committed, outcome.acknowledged) == (False, 264, 264)
    assert outcome.steps > 150
    assert checked(fresh(tmp_path, 0), outcome) == 264


@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_every_step(tmp_path: Path, share: int) -> None:
    steps = killed_at(NEVER, life(fresh(tmp_path, 0))).steps
    for step in range(1 + share, steps + 1, SHARES):
        state = fresh(tmp_path, step)
        outcome = killed_at(step, life(state))
        assert outcome.killed, step
        checked(state, outcome)
        shutil.rmtree(state)


@pytest.mark.parametrize("share", range(2))
def test_killed_again_while_mending(tmp_path: Path, share: int) -> None:
    steps = killed_at(NEVER, life(fresh(tmp_path, 0))).steps
    for step in range(5 + 9 * share, steps + 1, 18):
        state = fresh(tmp_path, step)
        first = killed_at(step, life(state))
        second = killed_at(1 + step % 23, next_day(state))
        checked(state, max(first, second, key=lambda outcome: outcome.committed))
        shutil.rmtree(state)
