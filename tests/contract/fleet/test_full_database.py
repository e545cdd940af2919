"""SQLite itself says that there is no room: beats are kept, in one known error, and written once there is."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from intendance.fleet.beats.decide import HOUR_US
from intendance.fleet.database.connect import open_database, to_us
from intendance.fleet.database.tables import beat_slot
from intendance.fleet.manager import Manager
from intendance.model.errors.fleet import DatabaseUnreachable
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock

HOURS = 3000
"""Rows that no page that is there has room for."""
KEPT_HOURS = 26
"""Of the minutes: the last 25 hours, and the one that has begun. Nodes keep a day themselves."""


def test_beats_wait_for_room(sqlite_template: Path, tmp_path: Path, clock: MovableClock, stranger: MakeNode) -> None:
    path = tmp_path / "manager.db"
    shutil.copy(sqlite_template, path)
    with open_database(path) as database:
        manager = Manager(database, "asbl", clock, lambda _: None)
        node = stranger("web-01")
        node.taken_in(manager.nodes.enrol(node.enrolment(manager.nodes.invite("web-01", by="test", pin="plain").token)))
        manager.ingest.reload()
        full = True

        def limit(connection: sqlite3.Connection, *_: object) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages if full else 2**30}")

        event.listen(database.engine, "checkout", limit)
        for _ in range(HOURS):
            clock.move(timedelta(hours=1))
            manager.ingest.hear(node.bearer, node.beat(checkpoint=""))
        for _ in range(2):  # again and again, whatever was tried before
            with pytest.raises(DatabaseUnreachable, match="full") as refused:
                manager.ingest.flush()
            assert "has room" in refused.value.advice
            assert len(manager.ingest._minutes) == KEPT_HOURS, "memory has an end"
        with database.read() as connection:
            assert connection.execute(select(func.count()).select_from(beat_slot)).scalar_one() == 0
        full = False
        assert manager.ingest.flush() == 1
        with database.read() as connection:
            assert connection.execute(select(func.count()).select_from(beat_slot)).scalar_one() == KEPT_HOURS
            newest = connection.execute(select(func.max(beat_slot.c.hour_us))).scalar_one()
            assert newest == to_us(clock.read().at) // HOUR_US * HOUR_US
