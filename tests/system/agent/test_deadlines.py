"""A run that takes longer than it may: stopped with everything that it started, recorded, not begun anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from intendance.agent.compose import Node, deadline_seconds
from intendance.agent.loop import Agent
from intendance.runs.rows import DEADLINE_SECONDS, Run, Submission
from tests.support.clock import MovableClock
from tests.support.state import Gate, Site, children_of, until

pytestmark = pytest.mark.gnupg

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_a_run_that_takes_too_long_is_stopped_with_all_its_processes(site: Site, gate: Gate) -> None:
    with site.agent(), site.node() as node:
        for seconds in (3, 12, 48):  # a machine that does not come to its gate in that time gets more of it
            run, seen = _timed_out(site, node, gate, seconds)
            if seen >= 2:
                break
        else:
            pytest.fail("no run came to its gate")
        worker = run.worker
        assert worker is not None
        until(lambda: children_of(worker.pid) == [], "every process of the run to be gone")
        assert (run.error, run.attempt) == ("run_timed_out", 1)
        assert run.message is not None
        assert f"did not end within its deadline of {seconds}s and was stopped" in run.message
        ended = [each.data["outcome"] for each in node.book.records(kind="run.ended") if each.run == run.id]
        assert ended == ["timed_out"]
        assert not list((site.state / "agent/scratch").glob("*"))
    assert site.sets() == []


def _timed_out(site: Site, node: Node, gate: Gate, seconds: int) -> tuple[Run, int]:
    """A run with that deadline, which has struck; and how many processes it had at its gate, or 0 when it struck
    before."""
    submission = Submission(
        asset="site-files", activity="backup.full", occurrence=NOON + timedelta(seconds=seconds),
        actor="schedule:backup.full", deadline_seconds=seconds,
    )  # fmt: skip
    node.journal.submit(submission)
    site.wake()
    until(lambda: gate.is_reached or node.journal.get(submission.id).state == "failed", "the gate, or the end")
    worker = node.journal.get(submission.id).worker
    seen = len(children_of(worker.pid)) if worker is not None and gate.is_reached else 0
    until(lambda: node.journal.get(submission.id).state == "failed", "the deadline to strike")
    gate.pass_by()
    return node.journal.get(submission.id), seen


def test_the_plan_says_how_long_a_backup_may_take(bare_site: Site) -> None:
    clock = MovableClock(NOON)
    bare_site.write_plan(full="0 3 * * *", inspect="0 4 * * *")
    written = bare_site.plan.read_text()
    bare_site.plan.write_text(written.replace("catch_up: once}", "catch_up: once, deadline: 4h}", 1))
    assert bare_site.plan.read_text() != written
    bare_site.adopt(clock)
    with bare_site.node(clock) as node:
        agent = Agent(node, lambda _: None)
        clock.at = NOON.replace(day=23)
        agent._take_plan()
        agent._schedule()
        found = {run.activity: run.deadline_seconds for run in node.journal.in_state("queued")}
        assert found == {"backup.full": 4 * 3600, "inspect": DEADLINE_SECONDS}
        assert deadline_seconds(node.plan, "site-files", "restore") == DEADLINE_SECONDS
