"""A wall clock that sleeps, jumps or changes to summer time, before an agent that schedules on a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from intendance.agent.loop import LOOK_SECONDS, Agent
from tests.support.clock import MovableClock
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


class Night:
    """An agent whose plan says 02:30 in Brussels, asked again and again without its workers."""

    def __init__(self, site: Site, start: datetime) -> None:
        self.clock = MovableClock(start)
        site.write_plan(full="30 2 * * *")
        site.adopt(self.clock)
        self._node = site.node(self.clock)
        self.node = self._node.__enter__()
        self.agent = Agent(self.node, lambda _: None)
        self.look()

    def close(self) -> None:
        self._node.__exit__(None, None, None)

    def look(self) -> None:
        self.agent._take_plan()
        self.agent._schedule()
        for run in self.node.journal.in_state("queued"):
            assert self.node.journal.claim(run.id) == 1
            self.node.journal.succeed(self.node.journal.get(run.id))

    def started(self) -> list[str]:
        return sorted(run.occurrence.strftime("%m-%d %H:%M") for run in self.node.journal.recent(limit=100))

    def missed(self) -> int:
        return sum(each.data["count"] for each in self.node.book.records(kind="run.missed"))


@pytest.fixture
def night(bare_site: Site, request: pytest.FixtureRequest) -> Iterator[Night]:
    night = Night(bare_site, request.param)
    yield night
    night.close()


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        (datetime(2027, 3, 27, 12, tzinfo=UTC), ["03-28 01:00", "03-29 00:30"]),
        (datetime(2027, 10, 30, 12, tzinfo=UTC), ["10-31 00:30", "11-01 01:30"]),
    ],
    indirect=["night"],
)
def test_on_the_days_that_change_the_clock_it_runs_once(night: Night, expected: list[str]) -> None:
    for _ in range(2 * 48):
        night.clock.move(timedelta(minutes=30))
        night.look()
    assert night.started() == expected
    assert night.missed() == 0


@pytest.mark.parametrize("night", [datetime(2026, 11, 20, 12, tzinfo=UTC)], indirect=True)
def test_a_laptop_that_slept_through_nights_makes_up_for_them_within_a_minute_of_waking(night: Night) -> None:
    assert night.agent._timeout() <= LOOK_SECONDS
    night.clock.jump(datetime(2026, 11, 23, 7, tzinfo=UTC))  # asleep: the monotonic clock stands still
    night.look()
    assert night.started() == ["11-23 01:30"]
    assert night.missed() == 2


@pytest.mark.parametrize("night", [datetime(2026, 11, 20, 12, tzinfo=UTC)], indirect=True)
def test_a_clock_that_jumps_forth_and_back_starts_nothing_twice(night: Night) -> None:
    for hours in (14, 13, 15, 12, 37, 14, 38, 36, 39):
        night.clock.jump(datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(hours=hours))
        night.look()
    assert night.started() == ["11-21 01:30", "11-22 01:30"]
    assert night.missed() == 0
