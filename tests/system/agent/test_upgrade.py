"""An upgrade of Intendance with runs in flight or waiting: finished, taken over or begun anew, never twice."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime

import pytest

from intendance.agent import children
from intendance.agent.ledger_view import verify_ledger
from intendance.runs.rows import Submission
from intendance.system import process
from tests.support.state import Gate, Site, children_of, until

pytestmark = pytest.mark.gnupg

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FULL = Submission(asset="site-files", activity="backup.full", occurrence=NOON, actor="schedule:backup.full")
INSPECT = Submission(asset="site-files", activity="inspect", occurrence=NOON, actor="schedule:inspect")
OTHER_VERSION = (
    "import sys, os, intendance; intendance.__version__ = '0.0.9'; from intendance.agent import worker;"
    "os._exit(worker.main(sys.argv[1:]))"
)


def other_version(site: Site, attempt: int) -> process.Child:
    """The worker as an Intendance of another version would have started it."""
    argv = [sys.executable, "-c", OTHER_VERSION, str(site.state), FULL.id, str(attempt)]
    return process.start(argv, extra_environment=dict(site.environment), new_session=True)


def test_a_worker_of_another_version_that_ends_its_run_is_left_to_it(site: Site) -> None:
    with site.node() as node:
        run = node.journal.begin(FULL)
        child = other_version(site, 1)
        assert child.wait(180) == 0, child.stderr()
        assert children.settle(node, run, child) == "succeeded"
    with site.agent():
        assert site.run("backup", "inspect").code == 0
    assert [path.name for path in site.sets()] == [f"{FULL.id}.1"]
    assert verify_ledger(site.state).exit_code == 0


def test_a_worker_of_another_version_that_outlived_its_agent_is_taken_over(site: Site, gate: Gate) -> None:
    with site.node() as node:
        node.journal.begin(FULL)
        child = other_version(site, 1)
        gate.wait()
        pid = child.process.pid
        assert len(children_of(pid)) >= 2
        with site.agent():
            assert child.wait(180) == -signal.SIGKILL
            until(lambda: children_of(pid) == [], "its processes to end with it")
            gate.open()
            until(lambda: node.journal.get(FULL.id).state == "succeeded", "the second attempt")
        ended = [each.data["outcome"] for each in node.book.records(kind="run.ended") if each.run == FULL.id]
        assert ended == ["interrupted"]
    assert [path.name for path in site.sets()] == [f"{FULL.id}.2"]
    assert verify_ledger(site.state).exit_code == 0


def test_an_agent_restarted_in_the_middle_of_its_queue_goes_on_with_all_of_it(site: Site, gate: Gate) -> None:
    with site.node() as node:
        node.journal.submit(FULL)
        node.journal.submit(INSPECT)
        with site.agent() as first:
            site.wake()
            gate.wait()
            assert node.journal.get(INSPECT.id).state == "queued"
            second = site.run("agent")
            assert second.code == 1
            assert "process" in second.err
            assert node.journal.get(FULL.id).state == "running"
            first.send_signal(signal.SIGTERM)
            assert first.wait(180) == 0
        assert [run.id for run in node.journal.in_state("queued")] == [FULL.id, INSPECT.id]
        gate.open()
        with site.agent():
            until(lambda: node.journal.get(INSPECT.id).state == "succeeded", "the queue to end")
        assert (node.journal.get(FULL.id).attempt, node.journal.get(INSPECT.id).attempt) == (2, 1)
        assert len(list(node.book.records(kind="backup.completed"))) == 1
