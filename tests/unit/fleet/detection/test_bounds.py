"""A node is late from 75 s on and missing from 120 s on: as people read it, and as the leader's tick finds it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from intendance.fleet.beats.presence import Presence, presence
from intendance.fleet.database import tables
from intendance.fleet.database.connect import Database, from_us
from intendance.fleet.detection import decide
from tests.support.watching import Watch

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
MS = 1000
LATE_MS, MISSING_MS = 75_000, 120_000
SETTLES_MS = 500
"""So long after its deadline a beat that came in time is certainly written: only then is a node called missing."""


@pytest.mark.parametrize(
    ("silent_us", "stands"),
    [
        (LATE_MS * MS - 1, Presence.UP),
        (LATE_MS * MS, Presence.LATE),
        (LATE_MS * MS + 1, Presence.LATE),
        (MISSING_MS * MS - 1, Presence.LATE),
        (MISSING_MS * MS, Presence.MISSING),
        (MISSING_MS * MS + 1, Presence.MISSING),
    ],
)
def test_what_people_read(silent_us: int, stands: Presence) -> None:
    deadline = NOON + timedelta(seconds=120)
    assert presence(NOON, deadline, NOON + timedelta(microseconds=silent_us)) is stands
    # The design's figures, said once more: whoever changes one has to change this.
    assert (decide.deadline_us(0, 0), decide.GRACE_US, decide.SETTLE_US) == (120_000_000, 45_000_000, 500_000)


def test_a_deadline_that_was_put_off_is_nobodys_silence() -> None:
    asked = NOON + timedelta(seconds=121)
    assert presence(NOON, asked + timedelta(microseconds=1), asked) is Presence.UNOBSERVABLE
    assert presence(NOON, asked, asked) is Presence.MISSING


def test_what_the_tick_finds(fleet_database: Database) -> None:
    watch = Watch(fleet_database, NOON)
    watch.enrol(["web-01", *(f"calm-{number}" for number in range(9))])
    began_us = watch.now_us
    calm = tuple(f"calm-{number}" for number in range(9))
    watch.tick()

    def state_at(silent_ms: int) -> tuple[str, int]:
        """How web-01 stands in the tables and how many alerts there are when it has been silent for so long."""
        while watch.now_us < began_us + silent_ms * MS:
            step_us = min(4_000_000, began_us + silent_ms * MS - watch.now_us)
            watch.clock.move(timedelta(microseconds=step_us))
            watch.beat(*calm)
            watch.tick()
        assert watch.now_us == began_us + silent_ms * MS
        (row,) = watch.rows(tables.node_state, tables.node_state.c.node == "web-01")
        return row.state, len(watch.alerts())

    seen = {ms: state_at(ms) for ms in (
        LATE_MS - 1, LATE_MS, LATE_MS + 1,
        MISSING_MS - 1, MISSING_MS, MISSING_MS + 1,
        MISSING_MS + SETTLES_MS - 1, MISSING_MS + SETTLES_MS,
    )}  # fmt: skip
    assert list(seen.values()) == [
        ("up", 0), ("late", 0), ("late", 0),
        ("late", 0), ("late", 0), ("late", 0),
        ("late", 0), ("missing", 1),
    ]  # fmt: skip
    (alert,) = watch.alerts()
    assert (alert.cause, alert.node) == ("node.missing", "web-01")
    assert from_us(alert.started_us) == NOON + timedelta(seconds=120.5)


@pytest.mark.parametrize("after_ms", [LATE_MS - 1, LATE_MS, MISSING_MS - 1, MISSING_MS, MISSING_MS + SETTLES_MS - 1])
def test_a_beat_before_it_was_called_missing_makes_it_up(fleet_database: Database, after_ms: int) -> None:
    watch = Watch(fleet_database, NOON)
    watch.enrol(["web-01"])
    watch.tick()
    for _ in range(30):
        step_us = min(4_000_000, after_ms * MS - (watch.now_us - _us(NOON)))
        watch.clock.move(timedelta(microseconds=step_us))
        watch.tick()
    watch.clock.move(timedelta(milliseconds=after_ms) - (watch.clock.at - NOON))
    watch.beat("web-01")
    watch.tick()
    (row,) = watch.rows(tables.node_state)
    assert (row.state, watch.alerts()) == ("up", [])


def _us(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000
