"""Names of files are personal data: they stand encrypted in the set and in one file of this machine, nowhere else."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from intendance.activities.restore.decide import Wish
from tests.support.trees import fill_oddly
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg

TOKEN = b"Wy7hKq"
ODD = (
    b"plain",
    b"two words",
    b"new\nline",
    b"not utf-8 \xff\xfe",
    b"\xc3\xa9t\xc3\xa9",
    b"'quoted\"",
    b"tar: x: y",
    b"-dash",
)


def plant(tree: Path) -> sqlite3.Connection:
    """Odd names that all hold the token, among them what is warned about: databases in use, a socket, hard links."""
    fill_oddly(tree)
    for odd in ODD:
        folder = tree / os.fsdecode(odd + TOKEN)
        folder.mkdir()
        file = folder / os.fsdecode(TOKEN + odd)
        file.write_bytes(odd)
        os.link(file, folder / f"second {os.fsdecode(TOKEN)}")
        (folder / f"link {os.fsdecode(TOKEN)}").symlink_to(file.name)
    connection = sqlite3.connect(database(tree))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (a)")
    return connection


def database(tree: Path) -> Path:
    return tree / os.fsdecode(ODD[2] + TOKEN) / "members.db"


def holding(*places: Path) -> list[str]:
    """The files whose name or content holds the token in clear."""
    return sorted(
        str(path.relative_to(place))
        for place in places
        for folder, _, names in os.walk(place)
        for path in (Path(folder, name) for name in names)
        if TOKEN in os.fsencode(path.name) or (path.is_file() and TOKEN in path.read_bytes())
    )


def test_no_name_is_in_the_ledger_the_journal_the_progress_or_the_set(workshop: Workshop) -> None:
    connection = plant(workshop.tree)
    full = workshop.back_up()
    (workshop.tree / f"later {os.fsdecode(TOKEN)}").write_text("x")
    differential = workshop.back_up(kind="differential")
    connection.close()
    workshop.inspect(deep=True)
    workshop.restore(Wish(asset="site", into=str(workshop.base / "back")))
    workshop.book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert any(warning.startswith("SQLite databases") for warning in full.warnings)
    assert differential.kind == "differential"
    snapshots = "agent/snapshots"
    names = workshop.base / "state" / snapshots / "site.names"
    kept = [f"{snapshots}/site.names", f"{snapshots}/site/{full.set}.snar"]
    assert holding(workshop.base / "state") == kept  # tar's own notes for differentials, and what warnings count
    assert [stat.S_IMODE((workshop.base / "state" / name).stat().st_mode) for name in kept] == [0o600, 0o600]
    assert names.read_text().splitlines()[0] == differential.set
    assert holding(*(workshop.folder(done.set) for done in (full, differential))) == []
    assert not any(TOKEN.decode() in repr(each) for each in workshop.progress)

    database(workshop.tree).unlink()
    workshop.back_up()
    assert not names.exists()
