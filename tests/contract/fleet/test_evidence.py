"""Records of nodes on their arrival."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import func, select

from intendance.fleet.database.tables import evidence_attachment, evidence_head, evidence_record, finding
from intendance.fleet.manager import Manager
from intendance.ledger.book import Book
from intendance.model.errors.fleet import EvidenceRefused
from intendance.model.evidence.run import RunEnded
from intendance.wire.messages import AttachmentBytes, EvidenceBatch
from tests.contract.fleet.conftest import MakeNode
from tests.support.nodes import SimulatedNode


def _kinds(manager: Manager) -> list[str]:
    with manager.database.read() as connection:
        return list(connection.execute(select(finding.c.kind).order_by(finding.c.id)).scalars())


def _kept(manager: Manager) -> list[bytes]:
    with manager.database.read() as connection:
        rows = connection.execute(select(evidence_record.c.content).order_by(evidence_record.c.seq)).scalars()
        return [bytes(row) for row in rows]


def _signed_size(manager: Manager) -> int:
    with manager.database.read() as connection:
        size: int = connection.execute(select(evidence_head.c.signed_size)).scalar_one()
        return size


def test_records_arrive_whole_and_in_order(manager: Manager, member: MakeNode) -> None:
    node = member()
    node.record(300)
    assert manager.evidence.receive(node.batch(0)) == 301
    node.record(3)
    assert manager.evidence.receive(node.batch(301)) == 304
    assert _kept(manager) == [node.book.content(seq) for seq in range(304)]
    assert _signed_size(manager) == 304
    assert len(manager.evidence.facts("web-01", "run.ended")) == 303
    (newest,) = manager.evidence.facts("web-01", "run.ended", asset="db", latest=1)
    assert (newest.seq, newest.data.attempt) == (303, 3)
    assert manager.evidence.facts("web-01", "run.ended", asset="other") == ()


def test_records_that_come_twice_are_kept_once(manager: Manager, member: MakeNode) -> None:
    node = member()
    node.record(5)
    batch = node.batch(0)
    assert [manager.evidence.receive(batch) for _ in range(2)] == [6, 6]
    node.record(2)
    assert manager.evidence.receive(node.batch(3)) == 8
    assert manager.evidence.receive(batch) == 8
    assert len(_kept(manager)) == 8
    assert _kinds(manager) == []


def test_a_batch_that_begins_too_late_is_answered_with_where_to_begin(manager: Manager, member: MakeNode) -> None:
    node = member()
    node.record(5)
    assert manager.evidence.receive(node.batch(3)) == 0
    assert _kept(manager) == []


def test_records_count_once_their_head_covers_them(manager: Manager, member: MakeNode) -> None:
    node = member()
    node.record(9)
    assert manager.evidence.receive(node.batch(0, 4)) == 4
    assert _signed_size(manager) == 0
    assert manager.evidence.facts("web-01", "run.ended") == ()
    assert manager.evidence.receive(node.batch(4)) == 10
    assert _signed_size(manager) == 10
    assert len(manager.evidence.facts("web-01", "run.ended")) == 9


def _altered(batch: EvidenceBatch, at: int, old: str, new: str) -> EvidenceBatch:
    records = list(batch.records)
    assert old in records[at]
    records[at] = records[at].replace(old, new)
    return EvidenceBatch(
        v=1, node=batch.node, incarnation=batch.incarnation, first_seq=batch.first_seq, records=tuple(records),
        checkpoint=batch.checkpoint,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "old", "new", "kind"),
    [
        (4, "crashed", "crushed", "fork"),  # the last one: only the tree tells
        (2, "crashed", "crushed", "chain"),
        (3, '"seq":3', '"seq":4', "chain"),
        (3, '"v":1', '"v":9', "undetermined"),
        (3, '"node":"web-01"', '"node":"web-02"', "chain"),
        (3, "é", "e\u0301", "chain"),
        (3, "{", "[", "chain"),
    ],
)
def test_a_changed_record_is_a_finding_and_nothing_is_kept(
    manager: Manager, member: MakeNode, at: int, old: str, new: str, kind: str
) -> None:
    node = member()
    node.record(4)
    batch = _altered(node.batch(0), at, old, new)
    for _ in range(2):
        with pytest.raises(EvidenceRefused):
            manager.evidence.receive(batch)
    assert _kept(manager) == []
    assert _kinds(manager) == [kind]


def test_a_head_of_another_key_is_a_finding(manager: Manager, member: MakeNode, stranger: MakeNode) -> None:
    node, thief = member(), stranger()
    node.record(2)
    thief.record(2)
    with pytest.raises(EvidenceRefused):
        manager.evidence.receive(node.batch(0, checkpoint=thief.checkpoint))
    with pytest.raises(EvidenceRefused):
        manager.evidence.receive(node.batch(0, checkpoint="words"))
    assert _kinds(manager) == ["signature"]


def test_a_head_that_does_not_cover_is_refused(manager: Manager, member: MakeNode) -> None:
    node = member()
    early = node.checkpoint
    node.record(2)
    with pytest.raises(EvidenceRefused, match="cover"):
        manager.evidence.receive(node.batch(0, checkpoint=early))


def _copy(node: SimulatedNode, folder: Path) -> Book:
    """The node's state as it is now, taken away: what a restored snapshot or a thief has."""
    node.book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(node.state, folder)
    return Book.open(folder, node.clock)


def test_a_ledger_written_twice_is_a_fork(manager: Manager, member: MakeNode, tmp_path: Path) -> None:
    node = member()
    node.record(3)
    manager.evidence.receive(node.batch(0))
    with _copy(node, tmp_path / "copy") as other:
        node.record(2)
        manager.evidence.receive(node.batch(4))
        for attempt in (7, 8, 9):
            ended = RunEnded(activity="inspect", outcome="crashed", attempt=attempt, message="")
            other.append(ended, actor="schedule:inspect")
        node.book, mine = other, node.book
        node.state, kept = tmp_path / "copy", node.state
        with pytest.raises(EvidenceRefused):
            manager.evidence.receive(node.batch(4))
        with pytest.raises(EvidenceRefused):
            manager.evidence.receive(node.batch(6))
        node.book, node.state = mine, kept
    assert _kinds(manager) == ["fork", "chain"]
    assert len(_kept(manager)) == 6


def test_a_head_beside_the_same_records_is_a_fork(manager: Manager, member: MakeNode, tmp_path: Path) -> None:
    node = member()
    with _copy(node, tmp_path / "copy") as other:
        node.record(1)
        manager.evidence.receive(node.batch(0))
        other.append(RunEnded(activity="x", outcome="crashed", attempt=9, message=""), actor="schedule:inspect")
    text = (tmp_path / "copy" / "agent" / "ledger" / "checkpoint").read_text()
    found = manager.evidence.look_at("web-01", 1, text, 2)
    assert found is not None
    assert found.kind == "fork"


def test_records_without_a_head_go_when_the_head_is_another(manager: Manager, member: MakeNode, tmp_path: Path) -> None:
    node = member()
    node.record(2)
    assert manager.evidence.receive(node.batch(0)) == 3
    with _copy(node, tmp_path / "copy") as other:
        node.record(3)
        assert manager.evidence.receive(node.batch(3, 5)) == 5  # not covered by a head yet
        other.append(RunEnded(activity="x", outcome="crashed", attempt=9, message=""), actor="schedule:inspect")
        other.append(RunEnded(activity="x", outcome="crashed", attempt=9, message=""), actor="schedule:inspect")
        other.append(RunEnded(activity="x", outcome="crashed", attempt=9, message=""), actor="schedule:inspect")
        node.book, mine = other, node.book
        node.state, kept = tmp_path / "copy", node.state
        with pytest.raises(EvidenceRefused):
            manager.evidence.receive(node.batch(3))
        node.book, node.state = mine, kept
    assert len(_kept(manager)) == 3
    assert manager.evidence.receive(node.batch(3)) == 6
    assert _signed_size(manager) == 6


def test_attachments_are_kept_by_what_they_are(manager: Manager, member: MakeNode) -> None:
    node = member()
    named = node.book.attach(b"a list of packages", "text/plain")
    ended = RunEnded(activity="x", outcome="crashed", attempt=1, message="")
    node.book.append(ended, actor="schedule:x", attachments=[named])
    batch = node.batch(0)
    lie = AttachmentBytes(sha256="0" * 64, media="text/plain", content=b"other")
    right = AttachmentBytes(sha256=named.sha256, media="text/plain", content=b"a list of packages")
    told = EvidenceBatch(
        v=1, node=batch.node, incarnation=1, first_seq=0, records=batch.records, checkpoint=batch.checkpoint,
        attachments=(lie, right, right),
    )  # fmt: skip
    manager.evidence.receive(told)
    with manager.database.read() as connection:
        assert connection.execute(select(evidence_attachment.c.sha256)).scalars().all() == [named.sha256]
        assert connection.execute(select(func.count()).select_from(evidence_record)).scalar_one() == 2
