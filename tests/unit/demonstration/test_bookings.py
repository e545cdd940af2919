"""The demonstration's book of rooms: the same everywhere, whole or absent, and compared for what it holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from demonstration import bookings
from demonstration.comparison import NotTheSame, compare_bookings


@pytest.fixture
def book(tmp_path: Path) -> Path:
    bookings.build(tmp_path / "one" / "book.sqlite", size=0.02)
    return tmp_path / "one" / "book.sqlite"


def test_it_is_the_same_on_every_machine_and_sound(book: Path, tmp_path: Path) -> None:
    bookings.build(tmp_path / "two" / "book.sqlite", size=0.02)
    said = compare_bookings(book, tmp_path / "two" / "book.sqlite")
    assert int(said.split()[0].replace(",", "")) > 480
    with closing(sqlite3.connect(book)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM income").fetchone() == (len(bookings.ROOMS),)


def test_it_is_made_once(book: Path) -> None:
    before = book.read_bytes()
    bookings.build(book, size=0.04)
    assert book.read_bytes() == before


def test_what_an_interrupted_start_left_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "book.sqlite.draft").write_bytes(b"half")
    (tmp_path / "book.sqlite.draft-wal").write_bytes(b"half")
    bookings.build(tmp_path / "book.sqlite", size=0.02)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.sqlite"]


def test_one_changed_row_is_seen(book: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    bookings.build(other, size=0.02)
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("UPDATE bookings SET hours = hours % 12 + 1 WHERE id = 17")
    with pytest.raises(NotTheSame, match="differs from"):
        compare_bookings(book, other)
