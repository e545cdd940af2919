"""What the agent does when it looks: by a clock that is moved, on a real ledger, without its workers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from intendance.agent.compose import Node
from intendance.agent.loop import LOOK_SECONDS, Agent
from tests.support.clock import MovableClock
from tests.support.state import Site

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Desk:
    """An agent that only decides; `look` is its look without starting workers."""

    def __init__(self, node: Node, clock: MovableClock) -> None:
        self.node = node
        self.clock = clock
        self.said: list[str] = []
        self.agent = Agent(node, self.said.append)

    def look(self) -> None:
        self.agent._take_plan()
        self.agent._schedule()

    def queued(self) -> list[str]:
        return [run.id for run in self.node.journal.in_state("queued")]

    def finish(self) -> None:
        for run in self.node.journal.in_state("queued"):
            self.node.journal.claim(run.id)
            self.node.journal.succeed(self.node.journal.get(run.id))

    def missed(self) -> list[tuple[int, str | None]]:
        return [(each.data["count"], each.data["caught_up_by"]) for each in self.node.book.records(kind="run.missed")]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOON)


@pytest.fixture
def desk(bare_site: Site, clock: MovableClock) -> Iterator[Desk]:
    bare_site.write_plan(full="0 3 * * *")
    bare_site.adopt(clock)
    with bare_site.node(clock) as node:
        desk = Desk(node, clock)
        yield desk
        desk.agent._end_worker()


def test_an_occurrence_is_queued_when_it_is_due_and_not_before(desk: Desk, clock: MovableClock) -> None:
    desk.look()
    assert desk.queued() == []
    clock.at = datetime(2026, 11, 22, 1, 59, 59, tzinfo=UTC)
    desk.look()
    assert desk.queued() == []
    clock.move(timedelta(seconds=1))
    desk.look()
    assert desk.queued() == ["site-files.backup-full.20261122T020000Z"]
    desk.look()
    assert len(desk.queued()) == 1


def test_it_sleeps_a_minute_at_most_and_wakes_at_the_next_occurrence(desk: Desk, clock: MovableClock) -> None:
    desk.look()
    assert desk.agent._timeout() == LOOK_SECONDS
    clock.at = datetime(2026, 11, 22, 1, 59, 50, tzinfo=UTC)
    assert desk.agent._timeout() == pytest.approx(10.0)


def test_after_days_off_one_run_makes_up_for_all(desk: Desk, clock: MovableClock) -> None:
    desk.look()
    clock.move(timedelta(days=5))
    desk.look()
    assert desk.queued() == ["site-files.backup-full.20261126T020000Z"]
    assert desk.missed() == [(4, "site-files.backup-full.20261126T020000Z")]


def test_days_off_before_the_agent_was_ever_started_count_from_the_adoption(desk: Desk, clock: MovableClock) -> None:
    clock.move(timedelta(days=2))
    desk.look()
    assert desk.queued() == ["site-files.backup-full.20261123T020000Z"]
    assert desk.missed() == [(1, "site-files.backup-full.20261123T020000Z")]


def test_a_clock_that_goes_back_repeats_nothing(desk: Desk, clock: MovableClock) -> None:
    desk.look()
    clock.jump(datetime(2026, 11, 22, 2, 0, 30, tzinfo=UTC))
    desk.look()
    desk.finish()
    clock.jump(datetime(2026, 11, 22, 1, 30, tzinfo=UTC))
    desk.look()
    clock.jump(datetime(2026, 11, 22, 2, 0, 30, tzinfo=UTC))
    desk.look()
    assert desk.queued() == []
    clock.jump(datetime(2026, 11, 23, 2, 0, tzinfo=UTC))
    desk.look()
    assert desk.queued() == ["site-files.backup-full.20261123T020000Z"]


def test_a_clock_that_was_years_ahead_does_not_silence_the_schedule(desk: Desk, clock: MovableClock) -> None:
    desk.look()
    clock.jump(datetime(2040, 1, 1, 12, 0, tzinfo=UTC))
    desk.look()
    desk.finish()
    clock.jump(NOON + timedelta(minutes=5))
    desk.look()
    assert desk.queued() == []
    clock.jump(datetime(2026, 11, 22, 2, 0, tzinfo=UTC))
    desk.look()
    assert desk.queued() == ["site-files.backup-full.20261122T020000Z"]


def test_a_newly_adopted_plan_is_taken_up(desk: Desk, bare_site: Site, clock: MovableClock) -> None:
    desk.look()
    bare_site.write_plan(full="30 12 * * *", inspect="45 13 * * *")
    bare_site.adopt(clock)
    clock.move(timedelta(hours=1))
    desk.look()
    assert desk.queued() == ["site-files.inspect.20261121T124500Z"]


def test_runs_pile_up_neither_for_a_slow_run_nor_for_a_queue(bare_site: Site, clock: MovableClock) -> None:
    bare_site.write_plan(full="*/10 * * * *")
    bare_site.adopt(clock)
    with bare_site.node(clock) as node:
        desk = Desk(node, clock)
        for _ in range(12):
            desk.look()
            clock.move(timedelta(minutes=5))
        assert len(desk.queued()) == 1
        assert sum(count for count, _ in desk.missed()) == 4
        assert {made_up for _, made_up in desk.missed()} == set(desk.queued())


def test_every_missed_occurrence_is_run_where_the_plan_says_so(bare_site: Site, clock: MovableClock) -> None:
    bare_site.write_plan(full="0 3 * * *", catch_up="all")
    bare_site.adopt(clock)
    with bare_site.node(clock) as node:
        desk = Desk(node, clock)
        clock.move(timedelta(days=3))
        desk.look()
        assert len(desk.queued()) == 3
        assert desk.missed() == []


def test_nothing_is_caught_up_where_the_plan_says_so(bare_site: Site, clock: MovableClock) -> None:
    bare_site.write_plan(full="0 3 * * *", catch_up="none")
    bare_site.adopt(clock)
    with bare_site.node(clock) as node:
        desk = Desk(node, clock)
        clock.move(timedelta(days=3))
        desk.look()
        assert desk.queued() == []
        assert desk.missed() == [(3, None)]


def test_growth_of_the_ledger_is_sealed_within_a_look(desk: Desk, bare_site: Site) -> None:
    with desk.node.book.transaction() as transaction:
        fact = desk.node.book.facts("asset.declared")[0]
        transaction.append(fact.data, actor="person:root", asset="site-files")
    size = desk.node.book.size()
    checkpoint = bare_site.state / "agent/ledger/checkpoint"
    assert f"\n{size}\n" not in checkpoint.read_text()
    desk.agent._keep_house()
    assert f"\n{size}\n" in checkpoint.read_text()
