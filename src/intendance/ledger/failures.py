"""What SQLite and the file system refuse, as errors of the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from intendance.ledger import rows
from intendance.ledger.layout import Layout
from intendance.model.errors.ledger import LedgerBusy, LedgerFailed
from intendance.model.errors.state import StateUnusable


@contextmanager
def failures(layout: Layout) -> Iterator[None]:
    """What SQLite and the file system say, as errors that people can act on."""
    try:
        yield
    except sqlite3.Error as error:
        if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise LedgerBusy(state=layout.state, seconds=rows.BUSY_SECONDS) from None
        raise LedgerFailed(path=layout.database, detail=str(error)) from error
    except UnicodeDecodeError as error:  # SQLite complaining about a damaged file, in broken UTF-8
        raise LedgerFailed(path=layout.database, detail="the database is damaged") from error
    except PermissionError as error:
        raise StateUnusable(state=layout.state, detail=f"{error.strerror}: {error.filename}") from None
    except OSError as error:
        raise LedgerFailed(path=error.filename or layout.agent, detail=error.strerror or str(error)) from error
