"""Commands that perform activities themselves: one at a time, and nothing that they asked for outlives them."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime

import pytest

from intendance.agent import follow, service
from intendance.agent.follow import Silent
from intendance.model.errors.process import ProgramMissing
from intendance.model.errors.runs import CommandAtWork
from intendance.runs.rows import Submission
from intendance.system import lock
from tests.support.clock import MovableClock
from tests.support.state import Gate, Site

pytestmark = pytest.mark.gnupg


def states(site: Site) -> list[str]:
    with site.node() as node:
        return [run.state for run in node.journal.recent()]


def test_a_second_command_says_that_another_one_works_and_not_that_an_agent_hangs(site: Site, gate: Gate) -> None:
    first = site.start("backup", "run")
    gate.wait()
    second = site.run("backup", "run")
    assert second.code == 1
    assert second.err.startswith(f"error: Another command is at work on {site.state}: process {first.pid} ")
    assert "end that process" not in second.err
    gate.open()
    assert first.wait(timeout=60) == 0


def test_the_same_is_refused_in_this_process(site: Site) -> None:
    with (
        lock.held(site.state / "lock", purpose=follow.FOREGROUND),
        site.node() as node,
        pytest.raises(CommandAtWork, match=str(os.getpid())),
    ):
        follow.performer(node).__enter__()


def test_a_run_that_finds_its_asset_busy_is_over_and_not_left_for_whoever_comes(site: Site) -> None:
    with lock.held(site.state / "agent/locks/site-files", purpose="A test"):
        answer = site.run("backup", "run")
    assert answer.code == 1
    assert "Something else is at work on site-files" in answer.err
    assert states(site) == ["failed"]
    with site.node() as node:
        assert list(node.book.records(kind="backup.failed")) == []


def test_a_run_whose_worker_cannot_be_started_is_over(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ProgramMissing(program="setpriv", package="util-linux")

    monkeypatch.setattr("intendance.agent.children.start_worker", missing)
    with site.node() as node, pytest.raises(ProgramMissing):
        service.back_up(site.state, node.clock, asset=None, kind=None, watcher=Silent())
    assert states(site) == ["interrupted"]


def test_what_is_asked_for_twice_in_a_second_is_done_twice(site: Site) -> None:
    """The second answer is never the first one's success: in between the store may be gone."""
    clock = MovableClock(datetime(2027, 3, 1, 12, 0, tzinfo=UTC))
    with site.node(clock) as node:
        asked = Submission(asset="site-files", activity="backup.full", occurrence=clock.at, actor="person:a")
        runs = [follow.begin_new(node, asked).id, follow.begin_new(node, asked).id]
        queued = [follow.submit_new(node, asked).id, follow.submit_new(node, asked).id]
    assert len({*runs, *queued}) == 4


@pytest.mark.parametrize("place", ["store", "store/testing/web-01/site-files", "state/agent", "link"])
def test_nothing_unencrypted_is_restored_into_a_store_or_the_state(site: Site, place: str) -> None:
    assert site.run("backup", "run").code == 0
    (site.base / "link").symlink_to(site.store)
    into = site.base / place / "back"
    for verb in ("plan", "run"):
        answer = site.run("restore", verb, "site-files", "--into", str(into))
        assert answer.code == 2, answer.err
        assert "it lies inside the st" in answer.err
    assert not into.exists()


def test_what_the_system_refuses_is_a_sentence_and_no_crash(site: Site) -> None:
    scratch = site.state / "agent/scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.write_text("in the way")
    answer = site.run("backup", "run")
    assert answer.code == 1
    assert "does not know" not in answer.err
    assert "The system refused" in answer.err
    assert states(site) == ["failed"]
