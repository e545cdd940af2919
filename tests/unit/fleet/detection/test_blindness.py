"""A manager that saw nothing says so itself, in the transaction that records it, and says when it sees again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from intendance.fleet.alerts.own import own_troubles
from intendance.fleet.database import lease, tables
from intendance.fleet.database.connect import Database
from intendance.model.errors.fleet import DatabaseUnreachable
from tests.support.watching import Watch

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
NODES = [f"web-{number:02}" for number in range(4)]
ALL = tuple(NODES)


@pytest.fixture
def watch(fleet_database: Database) -> Watch:
    made = Watch(fleet_database, NOON)
    made.enrol(NODES)
    made.tick()
    return made


def blind(watch: Watch) -> list[tuple[str, str, dict[str, object]]]:
    return [(row.state, row.severity, json.loads(row.params)) for row in watch.alerts("manager.blind")]


class Unwritable(Database):
    """A database that takes nothing while a test says so."""

    full = False

    @contextmanager
    def begin(self, *, durable: bool = True) -> Iterator[Connection]:
        with super().begin(durable=durable) as connection:
            yield connection
            if self.full:
                raise DatabaseUnreachable(where="test", detail="no space left on device")


def test_a_manager_that_was_not_running_tells_it_once_and_when_every_node_had_its_time(watch: Watch) -> None:
    watch.wait(30, beating=ALL)
    watch.clock.move(timedelta(minutes=20))
    watch.beat(*NODES)
    watch.restart()
    watch.tick()
    (gap,) = watch.rows(tables.observability_gap, tables.observability_gap.c.cause == "restart")
    ((state, severity, params),) = blind(watch)
    assert (state, severity, params["reason"]) == ("firing", "critical", "restart")
    assert params["seconds"] == (gap.to_us - gap.from_us) // 1_000_000
    with watch.database.read() as connection:
        (trouble,) = own_troubles(connection)
    assert trouble.cause == "manager.blind"
    watch.wait(60, beating=ALL)
    (mail,) = watch.mail.taken
    assert mail.subject.startswith("[Intendance] CRITIQUE\u00a0: le gestionnaire n’a rien vu pendant 20\u00a0min")
    assert mail.subject.endswith("il ne tournait pas")
    watch.wait(50, beating=ALL)
    assert blind(watch)[0][0] == "firing", "not every node had 120 seconds to be heard"
    watch.wait(60, beating=ALL)
    assert blind(watch)[0][0] == "resolved"
    watch.wait(60, beating=ALL)
    assert watch.mail.taken[-1].subject.startswith("[Intendance] terminé\u00a0: le gestionnaire n’a rien vu")
    with watch.database.read() as connection:
        assert own_troubles(connection) == ()
    assert watch.alerts("node.missing") == [], "our outage is billed to nobody"


def test_a_restart_of_seconds_is_on_record_and_many_of_them_are_told(watch: Watch) -> None:
    for _ in range(5):
        watch.wait(100, beating=ALL)
        watch.clock.move(timedelta(seconds=20))
        watch.restart()
        watch.tick()
        assert blind(watch) == []
    for _ in range(3):
        watch.wait(100, beating=ALL)
        watch.clock.move(timedelta(seconds=20))
        watch.restart()
        watch.tick()
    (told,) = blind(watch)
    assert int(str(told[2]["seconds"])) >= 120
    watch.wait(300, beating=ALL)
    assert blind(watch)[0][0] == "resolved"
    watch.clock.move(timedelta(seconds=20))
    watch.restart()
    watch.tick()
    assert [state for state, _, _ in blind(watch)] == ["resolved"], "what people were told counts no more"


def test_a_process_that_stood_still_tells_it(watch: Watch) -> None:
    watch.wait(30, beating=ALL)
    watch.clock.move(timedelta(minutes=3))
    watch.beat(*NODES)
    watch.tick()
    ((state, _, params),) = blind(watch)
    assert (state, params["reason"]) == ("firing", "stalled")


def test_a_manager_that_could_not_write_tells_it_as_soon_as_it_can(watch: Watch) -> None:
    database = Unwritable(watch.database.engine)
    watch.leader = type(watch.leader)(database, lambda: watch.policy, watch.clock)
    watch.wait(8)
    database.full = True
    for _ in range(80):
        watch.clock.move(timedelta(seconds=2))
        with pytest.raises(DatabaseUnreachable):
            watch.tick()
    assert blind(watch) == []
    database.full = False
    watch.beat(*NODES)
    watch.tick()
    ((state, _, params),) = blind(watch)
    assert (state, params["reason"]) == ("firing", "database")
    (gap,) = watch.rows(tables.observability_gap, tables.observability_gap.c.cause == "database")
    assert gap.to_us - gap.from_us >= 160 * 1_000_000


def test_beats_that_waited_in_its_own_memory_are_not_taken_for_another_manager_at_work(watch: Watch) -> None:
    database = Unwritable(watch.database.engine)
    watch.leader = type(watch.leader)(database, lambda: watch.policy, watch.clock)
    watch.wait(8)
    database.full = True
    watch.clock.move(timedelta(seconds=150))
    with pytest.raises(DatabaseUnreachable):
        watch.tick()
    database.full = False
    watch.beat(*NODES)  # they came while nothing could be written, and are written before the lease is renewed
    watch.clock.move(timedelta(seconds=10))
    with watch.database.begin() as connection:
        connection.execute(tables.lease.update().values(epoch=2))
    watch.held = lease.Lease("leader", "test", 2, 2**62)
    watch.tick()
    ((state, _, params),) = blind(watch)
    assert (state, params["reason"]) == ("firing", "database")


def test_a_manager_that_never_could_write_since_it_began_tells_it(fleet_database: Database) -> None:
    watch = Watch(fleet_database, NOON)
    watch.enrol(NODES)
    database = Unwritable(watch.database.engine)
    watch.leader = type(watch.leader)(database, lambda: watch.policy, watch.clock)
    database.full = True
    for _ in range(15):
        watch.clock.move(timedelta(seconds=10))
        with pytest.raises(DatabaseUnreachable):
            watch.tick()
    database.full = False
    watch.beat(*NODES)
    watch.tick()
    ((state, _, params),) = blind(watch)
    assert (state, params["reason"], params["seconds"]) == ("firing", "database", 150)
    assert [row.cause for row in watch.rows(tables.observability_gap)] == ["database"]


def test_a_manager_that_never_led_and_takes_over_after_the_outage_of_all_tells_it(watch: Watch) -> None:
    watch.wait(8)
    watch.clock.move(timedelta(seconds=150))
    watch.beat(*NODES)  # they waited in the memory of managers, and were written before anybody led
    watch.restart()
    watch.clock.move(timedelta(seconds=10))
    watch.tick()
    assert [state for state, _, _ in blind(watch)] == ["firing"]


@pytest.mark.parametrize(("seconds", "causes"), [(12, ["first start"]), (60, ["first start", "restart"])])
def test_a_lease_that_only_changed_hands_blinds_nobody(watch: Watch, seconds: int, causes: list[str]) -> None:
    watch.wait(8)
    watch.clock.move(timedelta(seconds=seconds / 2))
    watch.beat(*NODES)
    watch.clock.move(timedelta(seconds=seconds / 2))
    watch.restart()
    watch.tick()
    assert [row.cause for row in watch.rows(tables.observability_gap)] == causes


@pytest.mark.parametrize("hours", [2, -2])
def test_a_clock_that_was_set_is_told_whichever_way(watch: Watch, hours: int) -> None:
    watch.wait(30, beating=ALL)
    watch.clock.jump(watch.clock.at + timedelta(hours=hours))
    watch.beat(*NODES)
    watch.tick()
    ((state, _, params),) = blind(watch)
    assert (state, params["reason"]) == ("firing", "clock set")
    assert abs(int(str(params["seconds"])) - 7200) <= 1
    watch.wait(150, beating=ALL)
    assert blind(watch)[0][0] == "resolved"


def test_an_alert_that_could_not_be_committed_is_raised_with_its_gap_by_the_next_tick(watch: Watch) -> None:
    database = Unwritable(watch.database.engine)
    watch.wait(30, beating=ALL)
    watch.clock.move(timedelta(minutes=20))
    watch.restart()
    watch.leader = type(watch.leader)(database, lambda: watch.policy, watch.clock)
    database.full = True
    with pytest.raises(DatabaseUnreachable):
        watch.tick()
    assert blind(watch) == []
    assert [row.cause for row in watch.rows(tables.observability_gap)] == ["first start"]
    database.full = False
    watch.clock.move(timedelta(seconds=1))
    watch.tick()
    assert [state for state, _, _ in blind(watch)] == ["firing"]
    assert len(watch.rows(tables.observability_gap)) == 2
