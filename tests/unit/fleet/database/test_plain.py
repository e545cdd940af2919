"""SQLite by its driver alone: transactions and errors are those of the manager's own connections."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from intendance.fleet.database.connect import open_database
from intendance.fleet.database.plain import Plain
from intendance.model.errors.fleet import DatabaseUnreachable


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "manager.db"
    with Plain(path) as database, database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE kept (name TEXT PRIMARY KEY, times INTEGER)")
    return path


def _kept(path: Path) -> list[tuple[str, int]]:
    with open_database(path) as database, database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT name, times FROM kept ORDER BY name")]


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_written_is_there_for_other_connections(path: Path, *, durable: bool) -> None:
    with Plain(path) as database:
        with database.begin(durable=durable) as connection:
            connection.exec_driver_sql("INSERT INTO kept VALUES (?, ?)", [("a", 1), ("b", 2)])
            assert _kept(path) == []
        assert _kept(path) == [("a", 1), ("b", 2)]


def test_nothing_stays_of_a_transaction_that_failed(path: Path) -> None:
    with Plain(path) as database:
        with pytest.raises(sqlite3.IntegrityError), database.begin() as connection:
            connection.exec_driver_sql("INSERT INTO kept VALUES (?, ?)", [("a", 1), ("a", 2)])
        with database.begin() as connection:
            connection.exec_driver_sql("INSERT INTO kept VALUES (?, ?)", ("b", 2))
    assert _kept(path) == [("b", 2)]


def test_one_view_is_read_whatever_others_write(path: Path) -> None:
    with Plain(path) as database, open_database(path) as other:
        with database.read() as connection:
            asked = connection.connection.driver_connection.execute
            assert asked("SELECT count(*) FROM kept").fetchall() == [(0,)]
            with other.begin() as writing:
                writing.exec_driver_sql("INSERT INTO kept VALUES ('a', 1)")
            assert asked("SELECT count(*) FROM kept").fetchall() == [(0,)]
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT name FROM kept").fetchall() == [("a",)]


def test_a_file_that_cannot_be_read_is_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable):
        Plain(tmp_path / "nowhere" / "manager.db")
    (tmp_path / "damaged").write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseUnreachable):
        Plain(tmp_path / "damaged")


def test_a_wrong_statement_stays_what_it_is(path: Path) -> None:
    wrong = pytest.raises(sqlite3.OperationalError, match="no such table")
    with Plain(path) as database, wrong, database.read() as connection:
        connection.exec_driver_sql("SELECT name FROM lost")


def test_whoever_judges_a_share_begins_without_what_makes_statements() -> None:
    asked = "import sys, intendance.fleet.verdicts.share; print('sqlalchemy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True, text=True)
    assert said.stdout == "False\n"
