"""What is recorded of a worker that ended before its run did."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from intendance.agent import children
from intendance.agent.compose import Node
from intendance.runs.rows import Run, Submission
from intendance.system import alive, process
from tests.support.state import Site

pytestmark = pytest.mark.gnupg

BROKEN = "raise KeyError('planted, password=hunter2')"


def begun(node: Node, attempts_allowed: int = 1) -> Run:
    return node.journal.begin(
        Submission(
            asset="site-files",
            activity="backup.full",
            occurrence=node.clock.read().at.replace(microsecond=0),
            actor="person:root",
            attempts_allowed=attempts_allowed,
        )
    )


def worker(program: str) -> process.Child:
    return process.start((sys.executable, "-c", f"import os, signal, time\n{program}"), new_session=True)


def killed_by(name: str) -> str:
    undone = "signal.signal(signal.SIGINT, signal.SIG_DFL)"  # Python has a handler of its own for this one
    return f"{undone}\nos.kill(os.getpid(), signal.{name})"


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        (killed_by("SIGKILL"), "worker_killed", "was killed by SIGKILL"),
        (killed_by("SIGSEGV"), "worker_killed", "was killed by SIGSEGV"),
        (killed_by("SIGINT"), "run_interrupted", "was interrupted"),
        (killed_by("SIGTERM"), "run_interrupted", "was interrupted"),
        (BROKEN, "worker_broke", "broke off (attempt 1, code 1): KeyError: 'planted, password="),
        ("os._exit(3)", "worker_broke", "broke off (attempt 1, code 3): it said nothing"),
    ],
)
def test_how_it_ended_is_said_in_one_sentence(site: Site, program: str, code: str, said: str) -> None:
    with site.node() as node:
        run, child = begun(node), worker(program)
        assert child.has_ended(180)
        assert children.settle(node, run, child) == "interrupted"
        ended = node.journal.get(run.id)
        (recorded,) = node.book.facts("run.ended")
    assert ended.error == code
    assert said in (ended.message or "")
    assert recorded.data.message == ended.message


def test_all_that_it_said_is_kept_without_what_is_secret(site: Site) -> None:
    with site.node() as node:
        run, child = begun(node), worker(BROKEN)
        assert child.has_ended(180)
        children.settle(node, run, child)
        advice = node.journal.get(run.id).next_step
    (kept,) = (site.state / "agent/crash").iterdir()
    assert str(kept) in (advice or "")
    said = kept.read_text()
    assert said.startswith("Traceback")
    assert "hunter2" not in said


def test_one_that_is_ended_here_was_only_interrupted(site: Site) -> None:
    with site.node() as node:
        run, child = begun(node), worker("time.sleep(60)")
        assert children.settle(node, run, child) == "interrupted"
        assert node.journal.get(run.id).error == "run_interrupted"


def test_one_that_was_to_be_cancelled_is_cancelled_however_it_ended(site: Site) -> None:
    with site.node() as node:
        run, child = begun(node), worker(killed_by("SIGKILL"))
        node.journal.request_cancel(run.id)
        assert child.has_ended(180)
        assert children.settle(node, run, child) == "cancelled"


@pytest.mark.parametrize(("attempts_allowed", "state"), [(1, "interrupted"), (2, "queued")])
def test_a_worker_that_tells_who_it_is_while_its_run_is_given_up_is_ended(
    site: Site, monkeypatch: pytest.MonkeyPatch, attempts_allowed: int, state: str
) -> None:
    """Its agent was killed before the kernel was told that the two end together: it stores a set of nobody's."""
    conclude = children.conclude
    with site.node() as node:
        run, child = begun(node, attempts_allowed), worker("time.sleep(600)")

        def meanwhile(*given: Any) -> Any:
            this = alive.identify(child.process.pid, node.clock.read().boot)
            assert this is not None
            node.journal.register(run.id, run.attempt, this)
            return conclude(*given)

        monkeypatch.setattr(children, "conclude", meanwhile)
        try:
            assert [each.id for each in children.recover(node)] == [run.id]
            assert child.has_ended(180)
        finally:
            child.kill()
        assert node.journal.get(run.id).state == state
