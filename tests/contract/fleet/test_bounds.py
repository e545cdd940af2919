"""How much one node may fill here: findings, attachments, records; its neighbours are none the worse for it."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import func, select

from intendance.api.problem import content_of, status_of
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_amount, evidence_attachment, evidence_record, finding
from intendance.fleet.evidence import decide
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.ledgers.settling import Settling
from intendance.fleet.manager import Manager
from intendance.ledger.keys import load_key
from intendance.ledger.note import checkpoint_text, sign_note
from intendance.model.errors.fleet import EvidenceExcessive
from intendance.model.evidence.run import RunEnded
from intendance.wire.messages import AttachmentBytes, EvidenceBatch
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock
from tests.support.nodes import SimulatedNode

BEYOND = 7


def _other_head(node: SimulatedNode, number: int) -> str:
    """A head that the node's own key signs, of a history that is none: as many as somebody likes."""
    name = node.book.key.name
    text = checkpoint_text(name, node.book.size(), sha256(b"%d" % number).digest())
    return sign_note(text, name, load_key(node.state / "agent" / "keys" / "ledger.key")).decode()


def _findings(manager: Manager, *, settled: bool = False) -> list[tuple[str, str, int]]:
    wanted = finding.c.settled_us.is_not(None) if settled else finding.c.settled_us.is_(None)
    asked = select(finding.c.kind, finding.c.subject, finding.c.folded).where(wanted).order_by(finding.c.id)
    with manager.database.read() as connection:
        return [(row.kind, row.subject, row.folded) for row in connection.execute(asked)]


def _forks(manager: Manager, node: SimulatedNode, numbers: range) -> None:
    for number in numbers:
        found = manager.evidence.look_at(node.name, 1, _other_head(node, number), 0)
        assert found is not None
        assert found.kind == "fork"


def test_a_key_that_signs_without_end_fills_no_table(manager: Manager, member: MakeNode) -> None:
    node, other = member("web-01"), member("web-02")
    for each in (node, other):
        manager.evidence.receive(each.batch(0))
    _forks(manager, node, range(decide.MOST_OPEN + BEYOND))
    _forks(manager, node, range(decide.MOST_OPEN))  # those that are known are no news
    _forks(manager, other, range(1))
    kept = _findings(manager)
    assert len(kept) == decide.MOST_OPEN + 2
    assert [each for each in kept if each[1] == decide.FOLDED] == [("fork", decide.FOLDED, BEYOND)]
    (held,) = (each for each in Ledgers(manager.database).all() if each.node == "web-01")
    (folded,) = (each for each in held.doubts if each.subject == decide.FOLDED)
    assert folded.detail.startswith(f"{BEYOND} more of this kind")
    assert folded.exhibit == _other_head(node, decide.MOST_OPEN + BEYOND - 1)
    assert held.condition == "contradicted"


def test_what_was_counted_together_is_settled_together_and_found_again(
    manager: Manager, member: MakeNode, clock: MovableClock
) -> None:
    node = member()
    manager.evidence.receive(node.batch(0))
    _forks(manager, node, range(decide.MOST_OPEN + BEYOND))
    settling = Settling(manager.database, clock, lambda *_: 1)
    for each in settling.listed():
        settling.settle(each.id, by="person:lea", reason="the key was changed")
    assert _findings(manager) == []
    _forks(manager, node, range(100, 100 + decide.MOST_OPEN + 2))
    kept = _findings(manager)
    assert kept[-1] == ("fork", f"{decide.FOLDED}{decide.AGAIN}1", 2)
    assert len(kept) == decide.MOST_OPEN + 1
    assert len(_findings(manager, settled=True)) == decide.MOST_OPEN + 1


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bounds, reached sooner."""
    monkeypatch.setattr(decide, "ATTACHED_A_DAY_BYTES", 3000)
    monkeypatch.setattr(decide, "ATTACHED_BYTES", 5000)
    monkeypatch.setattr(decide, "RECORDS_A_DAY_BYTES", 20_000)


def _attaching(node: SimulatedNode, *contents: bytes) -> EvidenceBatch:
    """One record that names some contents, and what the manager has not got."""
    first = node.book.size()
    named = [node.book.attach(content, "text/plain") for content in contents]
    ended = RunEnded(activity="x", outcome="crashed", attempt=1, message="")
    node.book.append(ended, actor="schedule:x", attachments=named)
    sent = tuple(
        AttachmentBytes(sha256=sha256(each).hexdigest(), media="text/plain", content=each) for each in contents
    )
    batch = node.batch(first)
    return EvidenceBatch(
        v=1, node=node.name, incarnation=1, first_seq=first, records=batch.records, checkpoint=batch.checkpoint,
        attachments=sent,
    )  # fmt: skip


def _attached(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(evidence_attachment)).scalar_one()


@pytest.mark.usefixtures("little")
def test_attachments_are_bounded_by_day_and_in_all(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    node, other = member("web-01"), member("web-02")
    for each in (node, other):
        manager.evidence.receive(each.batch(0))
    manager.evidence.receive(_attaching(node, b"a" * 2000))
    too_much = _attaching(node, b"b" * 2000)
    for _ in range(2):
        with pytest.raises(EvidenceExcessive):
            manager.evidence.receive(too_much)
    with pytest.raises(EvidenceExcessive) as refused:
        manager.evidence.receive(too_much)
    assert _findings(manager) == [("excess", "2026-11-22", 0)]
    assert _attached(manager.database) == 1
    manager.evidence.receive(_attaching(other, b"c" * 2000))  # others have their own
    told = json.loads(content_of(refused.value))
    assert (status_of(refused.value), told["title"]) == (429, "evidence_excessive")
    assert "intendance ledger show" in told["next_step"]
    clock.move(timedelta(days=1))
    assert manager.evidence.receive(too_much) == 3  # what waited is taken
    clock.move(timedelta(days=1))
    with pytest.raises(EvidenceExcessive, match="in all"):
        manager.evidence.receive(_attaching(node, b"d" * 2000))
    assert [each[0] for each in _findings(manager)] == ["excess", "excess"]
    (held,) = (each for each in Ledgers(manager.database).all() if each.node == "web-01")
    assert held.condition == "unclear"


@pytest.mark.usefixtures("little")
def test_what_is_here_already_counts_no_more(manager: Manager, member: MakeNode) -> None:
    node, other = member("web-01"), member("web-02")
    for each in (node, other):
        manager.evidence.receive(each.batch(0))
    for _ in range(3):
        manager.evidence.receive(_attaching(node, b"a" * 2000))
        manager.evidence.receive(_attaching(other, b"a" * 2000))
    batch = _attaching(node, b"e" * 900)
    for _ in range(3):
        manager.evidence.receive(batch)
    with manager.database.read() as connection:
        asked = select(evidence_amount.c.node, evidence_amount.c.attached_bytes).order_by(evidence_amount.c.node)
        assert list(map(tuple, connection.execute(asked))) == [("web-01", 2900), ("web-02", 0)]
    assert _findings(manager) == []


def test_an_attachment_that_no_record_names_is_left(manager: Manager, member: MakeNode) -> None:
    node = member()
    manager.evidence.receive(node.batch(0))
    stray = AttachmentBytes(sha256=sha256(b"stray").hexdigest(), media="text/html", content=b"stray")
    sound = _attaching(node, b"named")
    batch = EvidenceBatch(
        v=1, node=node.name, incarnation=1, first_seq=1, records=sound.records, checkpoint=sound.checkpoint,
        attachments=(stray, *sound.attachments),
    )  # fmt: skip
    assert manager.evidence.receive(batch) == 2
    with manager.database.read() as connection:
        assert connection.execute(select(evidence_attachment.c.sha256)).scalars().all() == [sound.attachments[0].sha256]


@pytest.mark.usefixtures("little")
def test_records_of_a_day_are_bounded_and_wait(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    node = member()
    node.record(30)
    assert manager.evidence.receive(node.batch(0)) == 31
    node.record(30)
    for _ in range(2):
        with pytest.raises(EvidenceExcessive, match="records in a day"):
            manager.evidence.receive(node.batch(31))
    with manager.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(evidence_record)).scalar_one() == 31
    assert manager.ingest.hear(node.bearer, node.beat(checkpoint="")).evidence_size == 0
    clock.move(timedelta(days=1))
    assert manager.evidence.receive(node.batch(31)) == 61
