"""A day's heartbeats as the fleet log keeps them: on SQLite and on PostgreSQL."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from intendance.fleet.beats.summing import KIND, Summing
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import beat_slot, observability_gap
from intendance.fleet.log import FleetLog
from intendance.fleet.manager import Manager
from intendance.ledger.book import Book
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock

HOUR = timedelta(hours=1)


def _sheet(log: FleetLog, clock: MovableClock) -> tuple[Any, list[dict[str, Any]]]:
    fact = log.newest(KIND)
    assert fact is not None
    with Book.open(log.folder, clock) as book:
        (attached,) = book.record(fact.seq).attachments
        content = book.layout.attachment(attached.sha256).read_bytes()
    assert sha256(content).hexdigest() == attached.sha256
    return fact.data, [json.loads(line) for line in gzip.decompress(content).splitlines()]


def test_a_day_is_recorded_once_it_is_over_and_a_stranger_can_count_again(
    manager: Manager, member: MakeNode, fleet_database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    clock.at = datetime(2026, 11, 22, 22, 0, 30, tzinfo=UTC)
    node = member("web-01")
    for minute in range(150):
        if minute not in (5, 6):
            manager.ingest.hear(node.bearer, node.beat())
        clock.move(timedelta(minutes=1))
    manager.ingest.flush()
    gap = {"from_us": to_us(datetime(2026, 11, 22, 22, 5, tzinfo=UTC)), "to_us": None, "cause": "stalled"}
    with fleet_database.begin() as connection:
        connection.execute(insert(observability_gap).values(**gap))
    log = FleetLog(tmp_path / "manager", "asbl", clock)
    summing = Summing(fleet_database, log)
    assert summing.record_days(datetime(2026, 11, 22, 23, 59, tzinfo=UTC)) == 0
    assert summing.record_days(datetime(2026, 11, 23, 0, 5, tzinfo=UTC)) == 0
    assert summing.record_days(datetime(2026, 11, 23, 0, 11, tzinfo=UTC)) == 1
    assert Summing(fleet_database, log).record_days(datetime(2026, 11, 23, 9, tzinfo=UTC)) == 0
    said, lines = _sheet(log, clock)
    assert (said.day, said.nodes, said.heard, said.told_later, said.gaps) == ("2026-11-22", 1, 118, 0, 1)
    assert lines[0]["gaps"] == [{"from": "2026-11-22T22:05:00.000000Z", "to": None, "cause": "stalled"}]
    assert lines[1]["node"] == "web-01"
    counted = sum(int(heard, 16).bit_count() for heard, _later in lines[1]["hours"].values())
    assert counted == said.heard
    assert int(lines[1]["hours"]["22"][0], 16) == (1 << 60) - 1 - 0b1100000


def test_days_that_nobody_recorded_in_time_are_recorded_a_week_back_at_most(
    manager: Manager, member: MakeNode, fleet_database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    node = member("web-01")
    first = clock.at.replace(hour=0)
    with fleet_database.begin() as connection:
        for day in range(12):
            row = {"node": node.name, "hour_us": to_us(first + timedelta(days=day)), "heard": 3}
            connection.execute(insert(beat_slot).values(**row))
        connection.execute(update(beat_slot).values(backfilled=4))
    summing = Summing(fleet_database, FleetLog(tmp_path / "manager", "asbl", clock))
    assert summing.record_days(first + timedelta(days=1, hours=1)) == 1
    assert summing.record_days(first + timedelta(days=11, hours=1)) == 7
    assert summing.record_days(first + timedelta(days=12, hours=1)) == 1
