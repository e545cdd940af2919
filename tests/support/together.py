"""Two at one database at the same time: the second waits for what the first has written and not committed yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, text

from intendance.fleet.database.connect import Database

Work = Callable[[Connection], object]
PATIENCE_SECONDS = 120


def together(database: Database, first: Work, second: Callable[[], object]) -> Any:
    """Let `second` write while the transaction of `first` is open; what `second` gives."""
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as connection:
            first(connection)
            work = pool.submit(second)
            _wait_until_held_up(database, work)
        return work.result(PATIENCE_SECONDS)


def writing(database: Database, work: Work) -> Callable[[], object]:
    """A work in a transaction of its own."""

    def done() -> object:
        with database.begin() as connection:
            return work(connection)

    return done


def _wait_until_held_up(database: Database, work: Future[object]) -> None:
    """On SQLite it waits before its first statement: it may as well begin later."""
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    end = time.monotonic() + PATIENCE_SECONDS
    while database.dialect == "postgresql" and not work.done() and time.monotonic() < end:
        with database.read() as connection:
            if connection.execute(asked).scalar_one():
                return
