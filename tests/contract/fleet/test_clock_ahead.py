"""A manager whose clock was ahead for a while and was set back: who was heard meanwhile, and who was not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from intendance.catalogue.checks import heartbeats as rule
from intendance.fleet.beats.presence import Presence
from intendance.fleet.beats.summing import KIND, Summing
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.tables import beat_silence, beat_slot, node_state, observability_gap, verdict
from intendance.fleet.log import FleetLog
from intendance.fleet.manager import Manager
from intendance.fleet.verdicts import rows
from intendance.fleet.verdicts.changing import briefs
from intendance.fleet.verdicts.hearing import _Expected, heartbeats
from intendance.fleet.verdicts.judge import Judge
from intendance.ledger.book import Book
from intendance.model.verdict import Reason, Severity, State, Verdict
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock
from tests.support.nodes import SimulatedNode
from tests.support.watching import Watch

MINUTE = timedelta(minutes=1)
STEP = timedelta(seconds=4)
"""A tick that comes later than 5 s after the one before is a gap of its own."""


SOON = 120_000_000


class Fleet:
    """A manager with its leader, and nodes that beat each minute."""

    def __init__(self, manager: Manager, clock: MovableClock) -> None:
        self.manager, self.clock = manager, clock
        self.watch = Watch(manager.database, clock.at)
        self.watch.clock = clock
        self.watch.restart(hear=manager.ingest.flush)
        self.began = clock.at

    def live(self, minutes: int, *nodes: SimulatedNode) -> None:
        for step in range(minutes * 15):
            self.clock.move(STEP)
            if step % 15 == 7:
                for node in nodes:
                    self.manager.ingest.hear(node.bearer, node.beat())
                self.manager.ingest.flush()
            self.watch.tick()

    def jump(self, by: timedelta) -> None:
        self.clock.jump(self.clock.at + by)

    def minutes(self, name: str) -> rule.Heartbeats:
        with self.manager.database.read() as connection:
            return heartbeats(connection, [_Expected(name, to_us(self.began))], self.clock.at)[name]

    def later_than_now(self) -> list[str]:
        now_us = to_us(self.clock.at)
        with self.manager.database.read() as connection:
            found = [
                f"{row.node} heard {from_us(row.hour_us + bit * 60_000_000)}"
                for row in connection.execute(select(beat_slot))
                for bit in range(60)
                if row.heard >> bit & 1 and row.hour_us + bit * 60_000_000 > now_us
            ]
            state = node_state.c
            late = (
                (state.last_seen_us > now_us) | (state.state_since_us > now_us) | (state.deadline_us > now_us + 2**27)
            )
            found += [f"{row.node} stands later" for row in connection.execute(select(node_state).where(late))]
            for table in (beat_silence, observability_gap):
                late = (table.c.from_us > now_us) | (table.c.to_us > now_us)
                found += [f"{table.name} {row}" for row in connection.execute(select(table).where(late))]
        return found


@pytest.fixture
def fleet(manager: Manager, clock: MovableClock) -> Fleet:
    return Fleet(manager, clock)


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "killed while it was ahead"])
def test_nobody_was_heard_in_a_time_that_is_still_to_come(fleet: Fleet, member: MakeNode, *, restarted: bool) -> None:
    live, dies = member("web-01"), member("web-02")
    fleet.live(5, live, dies)
    fleet.jump(timedelta(minutes=40))
    fleet.live(6, live, dies)
    fleet.manager.ingest.hear(dies.bearer, dies.beat())  # its last one, not written yet when the clock is set back
    if restarted:
        fleet.manager.ingest.flush()
        fleet.watch.restart(hear=fleet.manager.ingest.flush)
    fleet.jump(timedelta(minutes=-40))
    fleet.watch.tick()
    assert fleet.later_than_now() == []
    fleet.live(3, live)
    missing = [alert.node for alert in fleet.watch.alerts("node.missing")]
    assert missing == ["web-02"], "within three minutes, not within forty"
    with fleet.manager.database.read() as connection:
        heard = {each.node: each.presence for each in briefs(connection, fleet.clock.at)}
    assert heard == {"web-01": Presence.UP, "web-02": Presence.MISSING}
    fleet.live(45, live)
    beats = fleet.minutes("web-01")
    first, end = (fleet.began - beats.began_at) // MINUTE + 1, (fleet.clock.at - beats.began_at) // MINUTE - 1
    assert end - first > 50
    lost = [at - first for at in range(first, end) if not (beats.heard | beats.blind) >> at & 1]
    assert lost == [], "billed for a time in which the manager's clock was wrong"
    assert beats.blind.bit_count() <= 12, "what it heard since its clock was right again counts"
    proven = [at - first for at in range(first, end) if fleet.minutes("web-02").heard >> at & 1]
    assert max(proven) <= 6, "a beat that came while the clock was ahead proves nothing of the hour it named"


def test_who_came_in_meanwhile_is_expected_from_then_on(fleet: Fleet, member: MakeNode) -> None:
    fleet.live(2)
    fleet.jump(timedelta(hours=3))
    node = member("web-01")
    fleet.live(2, node)
    fleet.jump(timedelta(hours=-3))
    fleet.watch.tick()
    (seen,) = fleet.manager.nodes.listed()
    assert seen.enrolled_at == fleet.clock.at
    fleet.live(3, node)
    assert fleet.watch.alerts("node.missing") == []


def test_another_managers_clock_that_is_ahead_hides_no_silence(fleet: Fleet, member: MakeNode) -> None:
    dies = member("web-01")
    fleet.live(3, dies)
    ahead_us = to_us(fleet.clock.at + timedelta(hours=1))
    with fleet.manager.database.begin() as connection:
        connection.execute(update(node_state).values(last_seen_us=ahead_us, deadline_us=ahead_us + 120_000_000))
    fleet.live(3)
    assert [alert.node for alert in fleet.watch.alerts("node.missing")] == ["web-01"]


def test_what_was_judged_ahead_is_judged_again(
    manager: Manager, member: MakeNode, fleet_database: Database, clock: MovableClock
) -> None:
    member("web-01")
    judge = Judge(fleet_database, pytest.fail)
    clock.jump(clock.at + timedelta(hours=3))
    judge.judge(judge.due(clock.at), clock.at)
    found = Verdict(
        rule="MAINT_010", asset="db", node="web-01", state=State.FAIL, severity=Severity.BLOCKING, since=clock.at,
        reason=Reason(code="stale"),
    )  # fmt: skip
    with fleet_database.begin() as connection:
        connection.execute(insert(verdict).values(**rows.to_row(found, to_us(clock.at))))
    assert judge.due(clock.at) == []
    clock.jump(clock.at - timedelta(hours=3))
    assert judge.due(clock.at) == ["web-01"]
    judge.judge(["web-01"], clock.at)
    assert judge.due(clock.at) == []


def test_a_day_that_was_recorded_too_early_is_recorded_again(
    manager: Manager, member: MakeNode, fleet_database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    clock.at = datetime(2026, 11, 22, 22, 0, 30, tzinfo=UTC)
    node = member("web-01")
    log = FleetLog(tmp_path / "manager", "asbl", clock)
    summing = Summing(fleet_database, log)
    for minute in range(119):
        manager.ingest.hear(node.bearer, node.beat())
        manager.ingest.flush()
        if minute == 10:
            clock.jump(clock.at + timedelta(days=1))
            assert summing.record_days(clock.at) == 1
            clock.jump(clock.at - timedelta(days=1))
        clock.move(MINUTE)
    assert summing.record_days(clock.at) == 0
    clock.move(timedelta(minutes=15))
    for each in (summing, Summing(fleet_database, log)):
        assert each.record_days(clock.at) == (1 if each is summing else 0)
    with Book.open(log.folder, clock) as book:
        said = [(record.data["day"], record.data["heard"]) for record in book.records(kind=KIND)]
    assert said == [("2026-11-22", 11), ("2026-11-22", 119)]
