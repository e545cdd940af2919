"""A set of a SQLite database opened by RESTORE.sh, and by the commands of `docs/sets.md`, without Intendance."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from intendance.model.plan import SqliteAsset
from tests.support.sqlite import dump, members
from tests.support.workshop import Workshop
from tests.system.sets.test_by_hand import SYSTEM_PATH, Stranger, flip, one_key, stranger

pytestmark = pytest.mark.gnupg
__all__ = ["one_key"]


@pytest.fixture
def database(workshop: Workshop, one_key: Path) -> Stranger:
    """A set of a database that is written to while it is backed up, in WAL mode."""
    file = members(workshop.base / "members.sqlite")
    workshop.declare(SqliteAsset(name="members", path=str(file), backup=workshop.backup_plan("full")))
    with closing(sqlite3.connect(file, isolation_level=None)) as application:
        application.execute("INSERT INTO members (name) VALUES ('only in the -wal')")
        assert (workshop.base / "members.sqlite-wal").stat().st_size > 0
        made = workshop.back_up("members")
    return stranger(workshop, one_key, made.set, "members")


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_database_comes_back(workshop: Workshop, database: Stranger, shell: str) -> None:
    database.shell = shell
    assert database.works("check").startswith("db-00000.zst.gpg: OK\n")
    assert "sh RESTORE.sh raw db > FILE" in database.works("list")
    assert database.run("raw", "db", pipe="> back.sqlite").returncode == 0
    assert dump(database.place / "back.sqlite") == dump(workshop.base / "members.sqlite")


def test_the_commands_of_the_manual(workshop: Workshop, database: Stranger) -> None:
    script = 'set -e; for part in db-*.zst.gpg; do gpg --quiet --decrypt "$part"; done | zstd -dc > "$HOME/back.sqlite"'
    environment = {"PATH": SYSTEM_PATH, "HOME": str(database.place), "GNUPGHOME": str(database.home)}
    subprocess.run(["sh", "-c", script], cwd=database.folder, env=environment, check=True)
    with closing(sqlite3.connect(database.place / "back.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert dump(database.place / "back.sqlite") == dump(workshop.base / "members.sqlite")


def test_it_is_not_mistaken_for_sql(database: Stranger) -> None:
    assert "raw db" in database.refused("sql", "db", code=2)


def test_a_damaged_part_is_told(database: Stranger) -> None:
    part = database.folder / "db-00000.zst.gpg"
    part.chmod(0o600)
    flip(part)
    assert "damaged" in database.refused("check")
    assert "not complete; do not use it" in database.refused("raw", "db")
