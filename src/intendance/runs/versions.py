"""The journal's tables have a version: a newer one is refused, an older one brought up to date after a copy.

A step from one version to the next only adds: a worker of the former version that still runs meanwhile finds what it
knows.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from intendance.ledger.book import Book
from intendance.model.errors.runs import JournalNewer
from intendance.system.publish import sync_directory

VERSION = 3
# The statements of `journal.sql` that lead from each version to the next.
_STEPS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        0: ("schema_run", "schema_run_state", "schema_step", "schema_due"),
        1: ("schema_journal",),
        2: ("schema_retry",),
    }
)


def bring_up_to_date(book: Book, sql: Mapping[str, str]) -> None:
    """Have the tables as this version knows them. Raises JournalNewer, and what the ledger refuses."""
    found = _version(book, sql)
    if found > VERSION:
        raise JournalNewer(state=book.layout.state, found=found, known=VERSION)
    if found == VERSION:
        return
    if found:
        _copy(book, sql, found)
    with book.transaction() as transaction:
        for version in range(_version(book, sql), VERSION):  # another process may have been faster
            for statement in _STEPS[version]:
                transaction.execute(sql[statement])
            if version + 1 > 1:
                transaction.execute(sql["forget_version"])
                transaction.execute(sql["write_version"], {"version": version + 1})


def copy_of(book: Book, version: int) -> Path:
    """Where the database is kept as it was under an older version."""
    return book.layout.database.with_name(f"state.db.before-journal-{version + 1}")


def _version(book: Book, sql: Mapping[str, str]) -> int:
    """0: no journal yet; the first version did not write its number down."""
    if book.connection.execute(sql["has_version"]).fetchone() is not None:
        return int(book.connection.execute(sql["read_version"]).fetchone()[0])
    return 0 if book.connection.execute(sql["has_schema"]).fetchone() is None else 1


def _copy(book: Book, sql: Mapping[str, str], version: int) -> None:
    """A whole and durable copy of the database, made once."""
    path = copy_of(book, version)
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        book.connection.execute(sql["copy_database"], {"path": str(temporary)})
        descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)
