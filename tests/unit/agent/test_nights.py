"""The agent's day over nights that have no second hour, or two, or end a year or a February: nothing is left out,
nothing happens twice, and what it samples has no hole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from intendance.agent.judging import judge
from intendance.agent.ledger_view import verify_ledger
from intendance.agent.loop import Agent
from intendance.agent.sampling import Sampler
from intendance.model.verdict import State
from tests.support.clock import MovableClock
from tests.support.state import Site
from tests.unit.agent.test_sampling import Machine

pytestmark = pytest.mark.gnupg
STEP = timedelta(minutes=10)
NIGHTS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "without its second hour": ("2026-03-28T12", "30 2 * * *", ("20260329T010000Z", "20260330T003000Z")),
    "with two second hours": ("2026-10-24T12", "30 2 * * *", ("20261025T003000Z", "20261026T013000Z")),
    "with two second hours, at their edge": ("2026-10-24T12", "0 3 * * *", ("20261025T020000Z", "20261026T020000Z")),
    "that ends a year": ("2026-12-31T12", "59 23 * * *", ("20261231T225900Z", "20270101T225900Z")),
    "that begins one": ("2026-12-31T12", "0 0 * * *", ("20261231T230000Z", "20270101T230000Z")),
    "of a leap day": ("2028-02-28T12", "59 23 * * *", ("20280228T225900Z", "20280229T225900Z")),
    "after a leap day": ("2028-02-29T12", "0 0 * * *", ("20280229T230000Z", "20280301T230000Z")),
}
"""From when on, the line of the schedule, and when it fires in the 40 hours after, reckoned by hand for Brussels."""


@pytest.mark.parametrize("night", NIGHTS)
def test_a_night(night: str, bare_site: Site) -> None:
    begin, cron, expected = NIGHTS[night]
    clock = MovableClock(datetime.fromisoformat(begin).replace(tzinfo=UTC))
    bare_site.write_plan(full=cron)
    bare_site.adopt(clock)
    said: list[str] = []
    done: list[str] = []
    with bare_site.node(clock) as node:
        agent = Agent(node, said.append)
        agent._sampler = Sampler(node, said.append, Machine(clock))
        for _ in range(int(timedelta(hours=40) / STEP)):
            agent._take_plan()
            agent._schedule()
            agent._sampler.tend()
            for run in node.journal.in_state("queued"):
                done.append(run.id.rpartition(".")[2])
                node.journal.claim(run.id)
                node.journal.succeed(node.journal.get(run.id))
            assert 0 <= agent._timeout() <= 60
            clock.move(STEP)
        agent._sampler.end()
        assert tuple(done) == expected
        assert list(node.book.records(kind="run.missed")) == []
        hours = [record.data for record in node.book.records(kind="sample.rollup")]
    ends = [datetime.fromisoformat(str(hour["ended_at"])) for hour in hours]
    begins = [datetime.fromisoformat(str(hour["began_at"])) for hour in hours]
    assert all(later - earlier == STEP for earlier, later in zip(ends, begins[1:], strict=False))
    assert ends[-1] - begins[0] >= timedelta(hours=39)
    verdicts = judge(bare_site.state, clock).verdicts
    assert verdicts
    assert State.ERROR not in {verdict.state for verdict in verdicts}
    assert verify_ledger(bare_site.state).exit_code == 0
