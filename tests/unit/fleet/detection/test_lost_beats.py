"""A manager that is killed forgets the beats in its memory: it is billed to no node, whoever leads, and whatever the
clocks of several managers say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from intendance.fleet.beats import hearers
from intendance.fleet.beats.hearers import Hearers
from intendance.fleet.database import tables
from intendance.fleet.database.connect import Database
from intendance.fleet.detection import decide
from intendance.fleet.detection.decide import Blind
from intendance.fleet.manager import Manager
from tests.support.clock import MovableClock
from tests.support.watching import Watch

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
NODES = [f"web-{number:02}" for number in range(10)]
OTHERS = tuple(NODES[1:])


@pytest.fixture
def watch(fleet_database: Database) -> Watch:
    made = Watch(fleet_database, NOON)
    made.enrol(NODES)
    made.tick()
    return made


def live(watch: Watch, seconds: int, *, speaking: bool, skew_us: int = 0, beating: tuple[str, ...] = OTHERS) -> None:
    """Seconds with a tick each, in which another manager says that it hears, or does not."""
    for _ in range(seconds):
        watch.clock.move(timedelta(seconds=1))
        if speaking:
            hearers.hears(watch.database, "other", watch.now_us + skew_us)
        watch.beat(*beating)
        watch.tick()


def gaps(watch: Watch) -> list[tuple[str, float, float]]:
    rows = watch.rows(tables.observability_gap)
    began = int(NOON.timestamp()) * 1_000_000
    return [(row.cause, (row.from_us - began) / 1e6, (row.to_us - began) / 1e6) for row in rows]


def test_another_manager_that_was_killed_may_have_heard_a_node_last(watch: Watch) -> None:
    live(watch, 60, speaking=True)
    live(watch, 70, speaking=False)  # it took a beat of web-00 at 60 s, and died: the next one comes after 120 s
    assert watch.alerts() == []
    (gap,) = [each for each in gaps(watch) if each[0] == decide.KILLED]
    assert gap[1] <= 60 <= gap[2] <= 64
    assert watch.rows(tables.lease, tables.lease.c.name != "leader") == []
    live(watch, 115, speaking=False)  # and none came: it is silent
    assert [(row.cause, row.node) for row in watch.alerts()] == [("node.missing", "web-00")]


def test_who_was_heard_just_before_is_missing_as_early_as_ever(watch: Watch) -> None:
    live(watch, 40, speaking=True, beating=tuple(NODES))
    live(watch, 4, speaking=False)
    assert [each[0] for each in gaps(watch)] == ["first start", decide.KILLED]
    live(watch, 116, speaking=False)
    assert watch.alerts() == []
    live(watch, 1, speaking=False)
    assert [row.node for row in watch.alerts()] == ["web-00"]


def test_a_manager_that_is_there_again_within_seconds_knows_at_its_first_look(watch: Watch) -> None:
    live(watch, 117, speaking=False)
    hearers.hears(watch.database, "killed", watch.now_us)
    watch.restart()
    watch.clock.move(timedelta(seconds=4))
    watch.tick()
    assert watch.alerts() == []
    assert [each[0] for each in gaps(watch)] == ["first start", decide.KILLED]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_manager_whose_clock_is_wrong_is_there_all_the_same(watch: Watch, hours: int) -> None:
    live(watch, 125, speaking=True, skew_us=hours * 3_600_000_000)
    assert [each[0] for each in gaps(watch)] == ["first start"]
    assert [row.node for row in watch.alerts()] == ["web-00"], "no clock of others puts a silence off"


def test_one_that_ends_well_leaves_nothing_behind(fleet_database: Database) -> None:
    clock = MovableClock(NOON)
    manager = Manager(fleet_database, "asbl", clock, lambda _: None)
    manager.start()
    try:
        with fleet_database.read() as connection:
            there = Hearers().lost_since(connection, manager.holder, 0, 0, fresh=True)
        assert there is None, "one's own is not another's"
    finally:
        manager.stop()
    with fleet_database.read() as connection:
        assert connection.execute(tables.lease.select().where(tables.lease.c.name.like("hears%"))).all() == []


def test_what_we_did_not_see_anyway_begins_when_the_beats_were_lost() -> None:
    blind = Blind(100, 200, decide.RESTART)
    assert decide.lost_beats(blind, 90, 200) == Blind(90, 200, decide.RESTART)
    assert decide.lost_beats(blind, None, 200) == blind
    assert decide.lost_beats(None, 90, 200) == Blind(90, 200, decide.KILLED)
    assert decide.lost_beats(None, 300, 200) == Blind(200, 200, decide.KILLED)
