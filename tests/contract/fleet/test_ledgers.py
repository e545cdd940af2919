"""What the manager holds of each ledger, read again, on SQLite and on PostgreSQL: real nodes, real findings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from intendance.fleet.database.tables import finding
from intendance.fleet.ledgers.decide import PAGE, Condition
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.manager import Manager
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.model.errors.fleet import EvidenceRefused
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock

ABOUT = About(fleet="asbl", organisation="ASBL", zone="UTC")


def test_a_ledger_is_whole_as_far_as_its_head_covers_it(manager: Manager, member: MakeNode) -> None:
    ledgers = Ledgers(manager.database)
    node = member()
    (empty,) = ledgers.all()
    assert (empty.condition, empty.size, empty.received_at) == (Condition.EMPTY, 0, None)
    node.record(PAGE + 5)
    manager.evidence.receive(node.batch(0, PAGE))
    held = ledgers.one("web-01")
    assert held is not None
    assert (held.condition, held.size, held.signed_size) == (Condition.WAITING, PAGE, 0)
    manager.evidence.receive(node.batch(PAGE))
    held = ledgers.one("web-01")
    assert held is not None
    assert (held.condition, held.size, held.note) == (Condition.WHOLE, PAGE + 6, node.checkpoint)
    first = ledgers.records(held)
    assert [each.seq for each in first] == list(range(PAGE + 5, 5, -1))
    assert all(each.covered for each in first)
    assert [each.seq for each in ledgers.records(held, before=6)] == [5, 4, 3, 2, 1, 0]
    assert ledgers.one("nobody") is None


def test_a_rollback_stands_until_it_is_settled_and_the_worst_comes_first(
    manager: Manager, member: MakeNode, clock: MovableClock
) -> None:
    ledgers = Ledgers(manager.database)
    calm, node = member("a-node"), member()
    calm.record(2)
    manager.evidence.receive(calm.batch(0))
    older = node.checkpoint
    node.record(3)
    manager.evidence.receive(node.batch(0))
    clock.move(timedelta(minutes=1))
    assert manager.evidence.look_at("web-01", 1, older, 4) is not None
    assert [(each.node, each.condition) for each in ledgers.all()] == [
        ("web-01", Condition.CONTRADICTED),
        ("a-node", Condition.WHOLE),
    ]
    verdicts = Verdicts(manager.database, clock, ABOUT, say=pytest.fail)
    assert [each.kind for each in verdicts.standing().doubts] == ["rollback"]
    assert verdicts.standing().doubted == {"web-01"}
    with manager.database.begin() as connection:
        connection.execute(update(finding).values(settled_us=1, settled_by="lea"))
    assert verdicts.standing().doubts == ()
    held = ledgers.one("web-01")
    assert held is not None
    assert (held.condition, [each.settled_by for each in held.doubts]) == (Condition.WHOLE, ["lea"])


def test_a_record_of_another_version_is_no_lie(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    node = member()
    node.record(1)
    batch = node.batch(0)
    texts = [text.replace('"v":1', '"v":9') if number else text for number, text in enumerate(batch.records)]
    with pytest.raises(EvidenceRefused):
        manager.evidence.receive(replace(batch, records=tuple(texts)))
    held = Ledgers(manager.database).one("web-01")
    assert held is not None
    assert held.condition is Condition.UNCLEAR
    assert Verdicts(manager.database, clock, ABOUT, say=pytest.fail).standing().doubted == frozenset()
