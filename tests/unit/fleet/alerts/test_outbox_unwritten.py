"""A message that left, and of which nothing can be written: it leaves once; that it did is written when it can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from intendance.fleet.alerts.outbox import LEASE_US, Worker
from intendance.fleet.database import tables
from intendance.fleet.database.connect import Database
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.notifiers import Delivery, Message
from tests.support.watching import ACCEPTED, Watch
from tests.unit.fleet.detection.test_blindness import Unwritable

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
NODES = [f"web-{number:02}" for number in range(6)]


def test_it_is_sent_once_however_long_nothing_can_be_written(fleet_database: Database) -> None:
    watch = Watch(fleet_database, NOON)
    watch.enrol(NODES)
    watch.tick()
    watch.workers = []
    watch.wait(135, beating=tuple(NODES[1:]))
    database = Unwritable(watch.database.engine)

    def took(_: Message) -> Delivery:
        database.full = True
        return ACCEPTED

    watch.mail.answer = took
    worker = Worker(database, watch.mail, lambda: watch.policy, watch.clock, holder="w", chance=lambda: 0.5)
    for _ in range(3):
        with pytest.raises(DatabaseUnreachable):
            worker.send_one()
        watch.clock.move(timedelta(microseconds=LEASE_US))
    assert len(watch.mail.taken) == 1
    database.full = False
    assert worker.send_one() is False, "there is nothing else"
    assert len(watch.mail.taken) == 1
    (row,) = watch.rows(tables.outbox, tables.outbox.c.channel == "email")
    assert (row.state, row.tries) == ("sent", 1)
    assert row.sent_us < watch.now_us - 2 * LEASE_US, "when it left, not when that was written"
    assert len(watch.rows(tables.delivery_event)) == 1
