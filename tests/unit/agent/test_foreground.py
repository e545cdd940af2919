"""Commands that perform activities themselves: one at a time, and nothing that they asked for outlives them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from intendance.agent import bell, children, follow, service
from intendance.agent.follow import Detached, Silent
from intendance.model.errors.process import ProgramMissing
from intendance.model.errors.runs import CommandAtWork, RunCancelled
from intendance.runs.rows import Submission
from intendance.system import alive, lock
from intendance.system.process import Child
from tests.support.clock import MovableClock
from tests.support.state import Gate, Site

pytestmark = pytest.mark.gnupg


def states(site: Site) -> list[str]:
    with site.node() as node:
        return [run.state for run in node.journal.recent()]


def inspection(day: int, asset: str = "site-files") -> Submission:
    """What a person asks for on a day of November."""
    occurrence = datetime(2026, 11, day, tzinfo=UTC)
    return Submission(asset=asset, activity="inspect", occurrence=occurrence, actor="person:root", deadline_seconds=60)


def test_a_second_command_says_that_another_one_works_and_not_that_an_agent_hangs(site: Site, gate: Gate) -> None:
    first = site.start("backup", "run")
    gate.wait()
    second = site.run("backup", "run")
    assert second.code == 1
    assert second.err.startswith(f"error: Another command is at work on {site.state}: process {first.pid} ")
    assert "end that process" not in second.err
    gate.open()
    assert first.wait(timeout=180) == 0


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


def test_who_leaves_before_the_agent_has_answered_leaves_the_run_to_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers when its look is over, and in that look it may have begun the run."""

    def ask(_: Path, request: Mapping[str, Any], **__: object) -> dict[str, Any]:
        if request["do"] == "wake":
            raise KeyboardInterrupt
        return {"ok": True}

    monkeypatch.setattr(bell, "ask", ask)
    with site.node() as node, pytest.raises(Detached) as left:
        follow.perform(node, [inspection(1), inspection(2)], Silent())
    assert left.value.runs == (inspection(1).id, inspection(2).id)
    assert states(site) == ["queued", "queued"]


def test_who_leaves_when_all_is_over_leaves_nothing_to_anybody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with site.node() as node:

        def ask(_: Path, request: Mapping[str, Any], **__: object) -> dict[str, Any]:
            if request["do"] == "wake":
                node.journal.cancel(node.journal.get(inspection(1).id), RunCancelled(run="it", asset="site-files"))
                raise KeyboardInterrupt
            return {"ok": True}

        monkeypatch.setattr(bell, "ask", ask)
        with pytest.raises(KeyboardInterrupt):
            follow.perform(node, [inspection(1)], Silent())


def test_ctrl_c_while_the_worker_begins_cancels_as_it_does_later(
    site: Site, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine may let the worker come far before whoever started it has learnt that it was started."""
    start, begun = children.start_worker, list[Child]()

    def interrupted(*given: Any) -> None:
        begun.append(start(*given))
        gate.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(children, "start_worker", interrupted)
    monkeypatch.setenv("PATH", site.environment["PATH"])
    with site.node() as node:
        with pytest.raises(KeyboardInterrupt):
            service.back_up(site.state, node.clock, asset=None, kind=None, watcher=Silent())
        (worker,) = begun
        try:
            assert [run.state for run in node.journal.recent()] == ["cancelled"]
            assert worker.has_ended(180), "and nothing of it goes on"
        finally:
            worker.kill()


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


def test_a_run_that_is_taken_up_while_one_asks_what_holds_it_up_was_held_up_by_nothing(site: Site) -> None:
    with site.node() as node:
        asked = inspection(1)
        assert node.journal.submit(asked)
        seen = node.journal.get(asked.id)
        assert node.journal.claim(asked.id) is not None
        assert not follow.held_up(node, seen), "what runs now is the run itself"


def test_a_run_behind_another_is_held_up(site: Site) -> None:
    with site.node() as node:
        first, second = (inspection(day) for day in (1, 2))
        assert node.journal.submit(first)
        assert node.journal.submit(second)
        assert follow.held_up(node, node.journal.get(second.id))
        assert not follow.held_up(node, node.journal.get(first.id))


def test_a_worker_that_lets_its_asset_go_holds_nobody_up(site: Site) -> None:
    with site.node() as node:
        done, waiting = (inspection(day) for day in (1, 2))
        run = node.journal.begin(done)
        this = alive.identify(os.getpid(), node.clock.read().boot)
        assert this is not None
        node.journal.register(run.id, run.attempt, this)
        with lock.held(node.layout.asset_lock("site-files"), purpose="its worker"):
            node.journal.succeed(node.journal.get(run.id))
            assert node.journal.submit(waiting)
            assert not follow.held_up(node, node.journal.get(waiting.id)), "whose run is over lets go in a moment"
        node.journal.cancel(node.journal.get(waiting.id), RunCancelled(run=waiting.id, asset="site-files"))
        with lock.held(node.layout.asset_lock("other-files"), purpose="somebody else"):
            other = inspection(3, asset="other-files")
            assert node.journal.submit(other)
            assert follow.held_up(node, node.journal.get(other.id))


def test_a_run_that_ended_while_somebody_asks_after_it_was_not_broken_off(site: Site) -> None:
    with site.node() as node:
        run = node.journal.begin(inspection(1))
        gone = alive.Identity(pid=os.getpid(), started_ticks=1, boot=node.clock.read().boot)  # another had its number
        node.journal.register(run.id, run.attempt, gone)
        seen = node.journal.get(run.id)
        assert service.outcome_of(node, seen).worker_gone
        node.journal.succeed(seen)
        assert not service.outcome_of(node, seen).worker_gone, "its process wrote its end down, and was gone then"
