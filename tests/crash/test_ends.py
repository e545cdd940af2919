"""How runs end when they are cancelled, left, or when whoever performs them is killed: nothing half-done is listed,
no process is left, the ledger verifies, and what should be begun anew is."""

from __future__ import annotations

import os
import signal
import subprocess
from functools import partial

import pytest

from intendance.agent.ledger_view import verify_ledger
from intendance.agent.shelves import list_points
from intendance.model.errors import Exit
from intendance.runs.rows import Run
from intendance.system import lock
from intendance.system.clock import SystemClock
from tests.support.state import Gate, Site, children_of, until

pytestmark = pytest.mark.gnupg


def only_run(site: Site) -> Run:
    """The one backup that was asked for; an inspection follows it."""
    with site.node() as node:
        (run,) = (run for run in node.journal.recent() if run.activity.startswith("backup."))
        return run


def worker_of(site: Site) -> int:
    worker = only_run(site).worker
    assert worker is not None
    return worker.pid


def looked_at(site: Site) -> bool:
    """Whether the backup succeeded and so did the inspection that follows it."""
    with site.node() as node:
        return sorted((run.activity, run.state) for run in node.journal.recent()) == [
            ("backup.full", "succeeded"),
            ("inspect", "succeeded"),
        ]


def gone(worker: int) -> bool:
    return children_of(worker) == []


def outcomes(site: Site) -> list[tuple[str, int]]:
    with site.node() as node:
        return [(each.data["outcome"], each.data["attempt"]) for each in node.book.records(kind="run.ended")]


def assert_nothing_half_done(site: Site, worker: int) -> None:
    until(partial(gone, worker), "every process of the run to be gone")
    assert site.sets() == []
    listing = list_points(site.state, SystemClock(), asset=None)
    assert (listing.points, listing.unreadable, listing.failures) == ((), {}, ())
    assert not list((site.state / "agent/scratch").glob("*"))
    assert_verifies(site)


def assert_verifies(site: Site) -> None:
    """Signed to its last record, which whoever wrote it down may be about to do."""
    seen: list[int] = []

    def signed() -> bool:
        seen.append(verify_ledger(site.state).exit_code)
        return seen[-1] != Exit.PARTIAL

    until(signed, "the last record to be signed")
    assert seen[-1] == 0


def end(process: subprocess.Popen[str], timeout: float = 180) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=timeout)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def test_a_run_in_the_foreground_is_cancelled_by_another_command(site: Site, gate: Gate) -> None:
    backup = site.start("backup", "run", "site-files")
    gate.wait()
    worker = worker_of(site)
    assert len(children_of(worker)) >= 2
    cancelled = site.run("run", "cancel", only_run(site).id)
    assert cancelled.code == 0, cancelled.err
    assert "cancelled; ledger record" in cancelled.out
    code, _, err = end(backup)
    assert code == 1
    assert "was cancelled" in err
    assert outcomes(site) == [("cancelled", 1)]
    assert_nothing_half_done(site, worker)
    again = site.run("run", "cancel", only_run(site).id)
    assert again.code == 2
    assert "is already over: cancelled" in again.err


def test_ctrl_c_in_the_foreground_cancels(site: Site, gate: Gate) -> None:
    backup = site.start("backup", "run")
    gate.wait()
    worker = worker_of(site)
    backup.send_signal(signal.SIGINT)
    code, _, err = end(backup)
    assert code == 130
    assert "Cancelled; nothing of what was under way is listed." in err
    assert outcomes(site) == [("cancelled", 1)]
    assert_nothing_half_done(site, worker)


def test_a_foreground_command_that_is_killed_takes_its_worker_with_it(site: Site, gate: Gate) -> None:
    backup = site.start("backup", "run")
    gate.wait()
    worker = worker_of(site)
    backup.kill()
    backup.communicate()
    until(partial(gone, worker), "the worker to end with its parent")
    assert site.sets() == []
    gate.open()
    assert site.run("backup", "run").code == 0
    assert outcomes(site) == [("interrupted", 1)]
    with site.node() as node:
        runs = [(run.activity, run.state) for run in node.journal.recent()]
    assert sorted(runs) == [("backup.full", "interrupted"), ("backup.full", "succeeded"), ("inspect", "succeeded")]
    assert len(site.sets()) == 1


def test_the_agent_cancels_what_it_performs(site: Site, gate: Gate) -> None:
    with site.agent():
        backup = site.start("backup", "run")
        gate.wait()
        worker = worker_of(site)
        assert site.run("run", "cancel", only_run(site).id).code == 0
        code, _, err = end(backup)
        assert code == 1
        assert "was cancelled" in err
        assert outcomes(site) == [("cancelled", 1)]
        assert_nothing_half_done(site, worker)
        assert site.ping() is not None


def test_a_worker_that_does_not_obey_is_ended_with_all_its_processes(site: Site, gate: Gate) -> None:
    with site.agent():
        backup = site.start("backup", "run")
        gate.wait()
        worker = worker_of(site)
        os.kill(worker, signal.SIGSTOP)
        cancelled = site.run("run", "cancel", only_run(site).id)
        assert cancelled.code == 0, cancelled.err
        assert end(backup)[0] == 1
        assert outcomes(site) == [("cancelled", 1)]
        assert_nothing_half_done(site, worker)


def test_a_queued_run_is_cancelled_without_ever_beginning(site: Site, gate: Gate) -> None:
    with site.agent():
        first = site.start("backup", "run")
        gate.wait()
        second = site.start("backup", "inspect")

        def queued() -> list[str]:
            with site.node() as node:
                return [run.id for run in node.journal.in_state("queued")]

        until(lambda: bool(queued()), "the inspection to be queued")
        (name,) = queued()
        assert site.run("run", "cancel", name).code == 0
        assert end(second)[0] == 1
        gate.open()
        assert end(first)[0] == 0
        assert outcomes(site) == [("cancelled", 0)]


def test_ctrl_c_leaves_the_run_to_the_agent(site: Site, gate: Gate) -> None:
    with site.agent():
        backup = site.start("backup", "run")
        gate.wait()
        backup.send_signal(signal.SIGINT)
        code, _, err = end(backup)
        assert code == 130
        assert f"Left to the agent, which goes on with {only_run(site).id}." in err
        gate.open()
        until(lambda: only_run(site).state == "succeeded", "the agent to complete it")
        assert len(site.sets()) == 1


def test_a_killed_agent_takes_its_worker_with_it_and_the_next_one_begins_anew(site: Site, gate: Gate) -> None:
    with site.agent() as agent:
        follower = site.start("backup", "run")
        gate.wait()
        worker = worker_of(site)
        agent.kill()
        agent.wait()
        until(partial(gone, worker), "the worker to end with its agent")
        assert site.sets() == []
        code, _, err = end(follower)
        assert code == 1
        assert "The agent has ended before the run" in err
    gate.open()
    with site.agent():
        until(lambda: looked_at(site), "the second attempt, and the inspection of it")
    assert outcomes(site) == [("interrupted", 1)]
    (found,) = site.sets()
    assert found.name.endswith(".2")
    assert_verifies(site)


def test_an_agent_that_is_told_to_stop_ends_its_worker_and_the_next_one_begins_anew(site: Site, gate: Gate) -> None:
    with site.agent() as agent:
        follower = site.start("backup", "run")
        gate.wait()
        worker = worker_of(site)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(180) == 0
        assert end(follower)[0] == 1
        assert_nothing_half_done(site, worker)
        assert only_run(site).state == "queued"
    gate.open()
    with site.agent():
        until(lambda: looked_at(site), "the second attempt, and the inspection of it")
    assert outcomes(site) == [("interrupted", 1)]


def test_a_killed_worker_is_begun_anew_once(site: Site, gate: Gate) -> None:
    with site.agent():
        backup = site.start("backup", "run")
        for attempt in (1, 2):
            gate.wait()
            assert only_run(site).attempt == attempt
            worker = worker_of(site)
            os.kill(worker, signal.SIGKILL)
            until(partial(gone, worker), "its processes to end with it")
        code, _, err = end(backup)
        assert code == 1
        assert "was interrupted" in err
        assert only_run(site).state == "interrupted"
        assert site.ping() is not None
    assert outcomes(site) == [("interrupted", 1), ("interrupted", 2)]
    assert site.sets() == []


def test_a_restore_or_anything_else_that_holds_the_asset_is_waited_for(site: Site) -> None:
    with site.agent():
        with lock.held(site.state / "agent/locks/site-files", purpose="test"):
            backup = site.start("backup", "run")
            assert backup.stderr is not None
            while "waiting for other runs" not in (line := backup.stderr.readline()):
                assert line, "the command ended"
            assert only_run(site).state == "queued"
        assert end(backup)[0] == 0
    assert len(site.sets()) == 1
