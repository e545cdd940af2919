"""SQLite databases for tests: a believable one, one whose writer died, and what a database says when it is read."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

_DIES = (
    "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
    "c.execute('PRAGMA cache_size = 2'); c.execute('BEGIN');"
    "[c.execute('INSERT INTO t VALUES (zeroblob(3000))') for _ in range(200)]; os._exit(0)"
)


def make(file: Path, script: str, *, before: str = "") -> Path:
    """A database made by a script; `before` are pragmas that must come first."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(before)
        connection.executescript(script)
    return file


def members(file: Path, count: int = 200, *, journal: str = "wal") -> Path:
    """A small organisation's list of members, with accents, blobs and an index."""
    make(
        file,
        "CREATE TABLE members (id INTEGER PRIMARY KEY, name TEXT NOT NULL, photo BLOB);"
        "CREATE INDEX by_name ON members (name); CREATE TABLE dues (member INT, year INT, cents INT)",
        before=f"PRAGMA journal_mode = {journal}",
    )
    with closing(sqlite3.connect(file)) as connection, connection:
        rows = ((f"Membre n° {number}", bytes([number % 251]) * 300) for number in range(count))
        connection.executemany("INSERT INTO members (name, photo) VALUES (?, ?)", rows)
        connection.executemany(
            "INSERT INTO dues VALUES (?, 2026, ?)", ((number, number * 50) for number in range(count))
        )
    return file


def hot(folder: Path) -> Path:
    """A database whose writer died in the middle of a transaction that had reached the file."""
    file = make(folder / "hot.db", "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    subprocess.run([sys.executable, "-c", _DIES, str(file)], check=True)
    assert (folder / "hot.db-journal").stat().st_size > 512
    return file


def damage(file: Path) -> None:
    """Write over a page in the middle of the file."""
    content = bytearray(file.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    size = 65_536 if size == 1 else size
    at = size * (len(content) // size // 2)
    content[at : at + size] = bytes(range(256)) * (size // 256)
    file.write_bytes(content)


def dump(file: Path) -> list[str]:
    """All that SQL can say of a database."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())
