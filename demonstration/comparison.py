"""Whether what was restored is what there was: computed by MariaDB and from the files, not by the product."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

from demonstration.website import fingerprints
from intendance.engines.private_mariadb import PrivateServer


class NotTheSame(Exception):
    """What was restored differs from the original."""


def compare_databases(server: PrivateServer, original: str, restored: str) -> str:
    """Every table's `CHECKSUM TABLE … EXTENDED` and row count on both sides. Raises NotTheSame."""
    here, there = _tables(server, original), _tables(server, restored)
    if here != there:
        different = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        raise NotTheSame(f"database {restored} differs from {original} in {', '.join(different)}")
    rows = sum(count for _, count in here.values())
    return f"{len(here)} tables with {rows:,} rows, every checksum equal"


def compare_trees(original: Path, restored: Path) -> str:
    """Every path's kind, mode, time and content on both sides. Raises NotTheSame."""
    here, there = fingerprints(original), fingerprints(restored)
    if here != there:
        different = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        raise NotTheSame(f"{restored} differs from {original} in {len(different)} paths, {different[0]} first")
    return f"{len(here):,} paths, every content, mode, time and link equal"


def compare_bookings(original: Path, restored: Path) -> str:
    """All that SQL can say of both files, row by row. Raises NotTheSame."""
    here, there = _said(original), _said(restored)
    if here != there:
        first = next((mine or theirs for mine, theirs in zip_longest(here, there) if mine != theirs), "")
        raise NotTheSame(f"{restored} differs from {original}: {first[:80]}")
    rows = sum(line.startswith("INSERT INTO") for line in here)
    return f"{rows:,} rows, each one equal"


def _said(file: Path) -> list[str]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return list(connection.iterdump())


def _tables(server: PrivateServer, database: str) -> dict[str, tuple[str, int]]:
    names = server.execute(
        "SELECT table_name FROM information_schema.tables"
        f" WHERE table_schema = '{database}' AND table_type = 'BASE TABLE' ORDER BY table_name"
    ).split()
    if not names:
        raise NotTheSame(f"database {database} holds no table")
    listed = ", ".join(f"`{database}`.`{name}`" for name in names)
    sums = server.execute(f"CHECKSUM TABLE {listed} EXTENDED").split()
    counts = server.execute(" UNION ALL ".join(f"SELECT COUNT(*) FROM `{database}`.`{name}`" for name in names)).split()
    return {name: (sums[2 * i + 1], int(counts[i])) for i, name in enumerate(names)}
