"""Findings that a person looked into, and gaps; on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from intendance.fleet.evidence import decide
from intendance.fleet.ledgers.decide import Condition
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.ledgers.settling import Settling
from intendance.fleet.log import FleetLog
from intendance.fleet.manager import Manager
from intendance.model.errors.findings import FindingSettledBefore, FindingUnexplained, FindingUnknown
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock

WHY = "The disk was replaced, and the copy of Monday was put back; both were compared."


@pytest.fixture
def log(tmp_path: Path, clock: MovableClock) -> FleetLog:
    return FleetLog(tmp_path / "manager-state", "asbl", clock)


@pytest.fixture
def settling(manager: Manager, clock: MovableClock, log: FleetLog) -> Settling:
    return Settling(manager.database, clock, log.append)


def roll_back(manager: Manager, member: MakeNode) -> str:
    """A node that shows a head of less than it knew to be here; that head."""
    node = member()
    older = node.checkpoint
    node.record(3)
    manager.evidence.receive(node.batch(0))
    assert manager.evidence.look_at("web-01", 1, older, 4) is not None
    return older


def test_who_looked_into_it_and_why_stands_beside_it_and_in_the_fleet_log(
    manager: Manager, member: MakeNode, settling: Settling, log: FleetLog, clock: MovableClock
) -> None:
    roll_back(manager, member)
    (found,) = settling.listed()
    clock.move(timedelta(hours=2))
    done = settling.settle(found.id, by="person:lea", reason=f"  {WHY}\n ")
    assert (done.settled_at, done.settled_by, done.settled_why) == (clock.at, "person:lea", WHY)
    fact = log.newest("finding.settled")
    assert fact is not None
    assert (fact.actor, fact.seq) == ("person:lea", done.settled_seq)
    assert (fact.data.node, fact.data.finding, fact.data.reason) == ("web-01", "rollback", WHY)
    held = Ledgers(manager.database).one("web-01")
    assert held is not None
    assert (held.condition, held.standing_doubts, held.doubts) == (Condition.WHOLE, (), (done,))
    assert (settling.listed(), settling.listed("web-01", settled=True)) == ((), (done,))


def test_what_goes_on_is_a_finding_again(manager: Manager, member: MakeNode, settling: Settling) -> None:
    older = roll_back(manager, member)
    for settled in range(2):
        (found,) = settling.listed()
        settling.settle(found.id, by="person:lea", reason=WHY)
        for _ in range(3):
            manager.evidence.look_at("web-01", 1, older, 4)
        assert len(settling.listed()) == 1
        assert len(settling.listed(settled=True)) == settled + 2
    assert {each.subject.partition(" ")[0] for each in settling.listed(settled=True)} == {"1"}


@pytest.mark.parametrize("reason", ["", "ok", "         ok          ", "x" * 501])
def test_a_reason_that_says_nothing_settles_nothing(
    manager: Manager, member: MakeNode, settling: Settling, log: FleetLog, reason: str
) -> None:
    roll_back(manager, member)
    (found,) = settling.listed()
    with pytest.raises(FindingUnexplained):
        settling.settle(found.id, by="person:lea", reason=reason)
    assert settling.listed() == (found,)
    assert log.newest("finding.settled") is None


def test_what_was_settled_or_never_found_is_not_settled(
    manager: Manager, member: MakeNode, settling: Settling, log: FleetLog
) -> None:
    roll_back(manager, member)
    (found,) = settling.listed()
    settling.settle(found.id, by="person:lea", reason=WHY)
    size = log.size()
    with pytest.raises(FindingSettledBefore):
        settling.settle(found.id, by="person:vera", reason=WHY)
    with pytest.raises(FindingUnknown):
        settling.settle(found.id + 1, by="person:vera", reason=WHY)
    assert log.size() == size


def test_records_left_out_though_asked_for_are_a_gap(
    manager: Manager, member: MakeNode, settling: Settling, clock: MovableClock
) -> None:
    node = member()
    manager.evidence.receive(node.batch(0))
    node.record(5)
    for _ in range(decide.GAP_TRIES + 2):
        assert manager.evidence.receive(node.batch(3)) == 1
    assert settling.listed() == ()  # an answer may be lost, and a batch come twice
    clock.move(timedelta(microseconds=decide.GAP_AFTER_US))
    assert manager.evidence.receive(node.batch(3)) == 1
    (found,) = settling.listed()
    assert (found.kind, found.subject, found.grave) == ("gap", "1", True)
    assert manager.evidence.receive(node.batch(1)) == 6
    node.record(2)
    assert manager.evidence.receive(node.batch(7)) == 6
    assert len(settling.listed(settled=True)) == 1


def test_a_node_that_begins_where_it_was_told_leaves_nothing_out(
    manager: Manager, member: MakeNode, settling: Settling, clock: MovableClock
) -> None:
    node = member()
    manager.evidence.receive(node.batch(0))
    for _ in range(decide.GAP_TRIES * 2):
        node.record(2)
        here = manager.evidence.receive(node.batch(node.book.size() - 1))
        clock.move(timedelta(minutes=9))
        assert manager.evidence.receive(node.batch(here)) == node.book.size()
    assert settling.listed() == ()
