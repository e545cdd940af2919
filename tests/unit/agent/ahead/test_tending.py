"""Judging ahead, with its real child, by a clock that is moved."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from intendance.agent import findings
from intendance.agent.ahead.tending import AGAIN, EVERY, Ahead
from intendance.agent.compose import Node
from intendance.agent.judging import MARGIN, judge
from intendance.system import process
from intendance.system.clock import SystemClock
from tests.support.clock import MovableClock
from tests.support.evidence import key_proven
from tests.support.state import Site, until

MINUTE = timedelta(minutes=1)


class Desk:
    """A node that is judged ahead by hand."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.said: list[str] = []
        self.now = SystemClock().read().at
        """When this test began: tests are collected long before the last of them is run."""
        self.ahead = Ahead(node, self.said.append)

    def running(self) -> bool:
        return self.ahead._child is not None

    def finish(self, after: timedelta) -> None:
        child = self.ahead._child
        assert child is not None
        until(lambda: child.process.poll() is not None, "the node to be judged")
        self.ahead.tend(self.now + after, busy=False)

    def known(self) -> bool:
        zone = self.node.book.facts("plan.adopted", latest=1)[0].data.timezone
        return "site-files" in findings.recall(self.node.book, zone, SystemClock().read().at)


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    findings.forget(site.state)
    with site.node() as node:
        desk = Desk(node)
        yield desk
        desk.ahead.end()


def test_a_new_agent_judges_at_once_and_the_first_look_judges_no_asset_again(desk: Desk, site: Site) -> None:
    desk.ahead.tend(desk.now, busy=False)
    desk.finish(MINUTE)
    assert desk.said == []
    assert desk.known()
    clock = MovableClock(SystemClock().read().at)  # what is told of an age is told to the second
    assert judge(site.state, clock).verdicts == judge(site.state, clock, afresh=True).verdicts
    desk.ahead.tend(desk.now + 2 * MINUTE, busy=False)
    assert not desk.running()


def test_it_waits_while_a_backup_is_made(desk: Desk) -> None:
    desk.ahead.tend(desk.now, busy=True)
    assert not desk.running()


def test_a_record_that_concerns_every_asset_is_judged_at_once_and_another_is_not(desk: Desk) -> None:
    desk.ahead.tend(desk.now, busy=False)
    desk.finish(MINUTE)
    desk.node.book.append(key_proven(desk.now), actor="person:ada")
    assert not desk.known()
    desk.ahead.tend(desk.now + 2 * MINUTE, busy=False)
    assert desk.running()
    desk.finish(3 * MINUTE)
    assert desk.known()
    desk.ahead.tend(desk.now + 4 * MINUTE, busy=False)
    assert not desk.running(), "that record was judged"


def test_it_is_judged_again_before_what_was_found_ends(desk: Desk) -> None:
    assert EVERY < MARGIN
    desk.ahead.tend(desk.now, busy=False)
    desk.finish(MINUTE)
    desk.ahead.tend(desk.now + EVERY, busy=False)
    assert not desk.running()
    desk.ahead.tend(desk.now + EVERY + 2 * MINUTE, busy=False)
    assert desk.running()


def test_a_child_that_fails_is_told_and_tried_again_within_the_hour(desk: Desk, site: Site) -> None:
    database = site.state / "agent" / "state.db"
    kept = database.with_suffix(".aside")
    database.rename(kept)
    desk.ahead.tend(desk.now, busy=False)
    desk.finish(MINUTE)
    kept.rename(database)
    assert len(desk.said) == 1
    assert desk.said[0].startswith("the node could not be judged ahead: ")
    desk.ahead.tend(desk.now + 2 * MINUTE, busy=False)
    assert not desk.running()
    desk.ahead.tend(desk.now + AGAIN + 2 * MINUTE, busy=False)
    assert desk.running()


def test_why_a_child_failed_is_told_however_late_its_words_are_read(
    desk: Desk, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine lets the thread that reads them wait for longer than the child's end takes to be seen."""
    read, goes_on = process._drain, threading.Event()

    def late(*given: Any) -> None:
        assert goes_on.wait(120)
        read(*given)

    monkeypatch.setattr(process, "_drain", late)
    (site.state / "agent" / "state.db").rename(site.state / "agent" / "state.aside")
    desk.ahead.tend(desk.now, busy=False)
    child = desk.ahead._child
    assert child is not None
    until(lambda: child.process.poll() is not None, "its end")
    reading = threading.Timer(0.5, goes_on.set)
    reading.start()
    desk.finish(MINUTE)
    reading.join()
    assert desk.said[0].startswith("the node could not be judged ahead: ")
