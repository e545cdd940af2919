"""The agent's daily inventory, with its real child, by a clock that is moved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from intendance.agent.compose import Node
from intendance.agent.inventory.daily import AGAIN, EVERY, Daily
from intendance.model.evidence.inventory import InventoryTaken
from intendance.system.clock import SystemClock
from tests.support.state import Site, until


class Desk:
    """A node whose inventory is tended by hand."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.said: list[str] = []
        self.now = SystemClock().read().at
        """When this test began: tests are collected long before the last of them is run."""
        self.daily = Daily(node, self.said.append)

    def taken(self) -> list[InventoryTaken]:
        return [fact.data for fact in self.node.book.facts("inventory.taken")]

    def running(self) -> bool:
        return self.daily._child is not None

    def finish(self, after: timedelta) -> None:
        child = self.daily._child
        assert child is not None
        until(lambda: child.process.poll() is not None, "the inventory to be taken")
        self.daily.tend(self.now + after, busy=False)


@pytest.fixture
def desk(site: Site) -> Iterator[Desk]:
    with site.node() as node:
        desk = Desk(node)
        yield desk
        desk.daily.end()


def test_one_is_taken_at_once_and_the_next_a_day_later(desk: Desk) -> None:
    desk.daily.tend(desk.now, busy=False)
    assert desk.running()
    desk.finish(timedelta(minutes=1))
    assert (len(desk.taken()), desk.said) == (1, [])
    desk.daily.tend(desk.now + EVERY, busy=False)
    assert not desk.running()
    desk.daily.tend(desk.now + EVERY + timedelta(minutes=1), busy=False)
    assert desk.running()


def test_a_new_agent_goes_by_the_ledger(desk: Desk) -> None:
    desk.daily.tend(desk.now, busy=False)
    desk.finish(timedelta(minutes=1))
    later = Daily(desk.node, desk.said.append)
    later.tend(desk.now + timedelta(hours=1), busy=False)
    assert later._child is None


def test_it_waits_while_a_backup_is_made(desk: Desk) -> None:
    desk.daily.tend(desk.now, busy=True)
    assert not desk.running()


def test_a_child_that_fails_is_told_and_tried_again_within_the_hour(desk: Desk, site: Site) -> None:
    plan = site.state / "agent" / "plan.json"
    kept = plan.read_bytes()
    plan.write_bytes(b"{}")
    for each in (site.state / "agent" / "plans").iterdir():
        each.write_bytes(b"{}")
    desk.daily.tend(desk.now, busy=False)
    desk.finish(timedelta(minutes=1))
    assert desk.taken() == []
    assert len(desk.said) == 1
    assert desk.said[0].startswith("the inventory could not be taken: ")
    plan.write_bytes(kept)
    desk.daily.tend(desk.now + timedelta(minutes=2), busy=False)
    assert not desk.running()
    desk.daily.tend(desk.now + AGAIN + timedelta(minutes=2), busy=False)
    assert desk.running()


def test_the_state_and_the_stores_are_not_looked_into(desk: Desk, site: Site) -> None:
    desk.daily.tend(desk.now, busy=False)
    desk.finish(timedelta(minutes=1))
    (taken,) = desk.taken()
    named = [place for each in taken.databases for place in each.identities]
    assert [place for place in named if str(site.base) in place] == []
