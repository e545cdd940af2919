"""What the manager keeps of a node's ledger, verified by a stranger with the bundle's own program."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from intendance.fleet.database.tables import evidence_record
from intendance.fleet.ledgers.taking_away import take_away
from intendance.fleet.manager import Manager
from intendance.model.errors.fleet import NodeNotEnrolled
from intendance.model.errors.ledger import LedgerContradicted, RangeEmpty
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock


def verified(bundle: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-I", str(bundle / "verify.py"), str(bundle)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_stranger_verifies_what_a_lost_node_said(manager: Manager, member: MakeNode, tmp_path: Path) -> None:
    node = member("web-01")
    node.record(600)
    manager.evidence.receive(node.batch(0, 300))
    manager.evidence.receive(node.batch(300))
    signed = node.book.size()
    node.record(2)  # and is lost before it tells of them
    manager.nodes.decommission("web-01", by="test")
    taken = take_away(manager.database, tmp_path, "web-01", tmp_path / "bundle")
    assert (taken.first, taken.last, taken.checkpoint.size) == (0, signed - 1, signed)
    told = verified(tmp_path / "bundle")
    assert told.returncode == 0, told.stdout + told.stderr
    archive = take_away(manager.database, tmp_path, "web-01", tmp_path / "bundle.tar")
    assert archive.files == taken.files


def test_records_that_no_head_covers_are_left_out(manager: Manager, member: MakeNode, tmp_path: Path) -> None:
    node = member("web-01")
    node.record(3)
    manager.evidence.receive(node.batch(0))
    covered = node.book.size()
    node.record(3)
    manager.evidence.receive(node.batch(covered, covered + 1))
    assert take_away(manager.database, tmp_path, "web-01", tmp_path / "bundle").checkpoint.size == covered
    assert verified(tmp_path / "bundle").returncode == 0


def test_a_part_is_taken_away_with_the_hashes_of_the_rest(manager: Manager, member: MakeNode, tmp_path: Path) -> None:
    node = member("web-01")
    node.record(600)
    manager.evidence.receive(node.batch(0, 300))
    manager.evidence.receive(node.batch(300))
    size = node.book.size()
    taken = take_away(manager.database, tmp_path, "web-01", tmp_path / "bundle", bounds=(280, 290))
    assert (taken.first, taken.last, taken.checkpoint.size) == (280, 290, size)
    told = verified(tmp_path / "bundle")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "280" in told.stdout
    with pytest.raises(RangeEmpty):
        take_away(manager.database, tmp_path, "web-01", tmp_path / "beyond", bounds=(size, None))
    with manager.database.begin() as connection:
        connection.execute(delete(evidence_record).where(evidence_record.c.seq == 100))
    with pytest.raises(LedgerContradicted):
        take_away(manager.database, tmp_path, "web-01", tmp_path / "torn", bounds=(280, 290))
    assert not (tmp_path / "torn").exists()


def test_a_record_that_was_changed_here_is_not_handed_out(manager: Manager, member: MakeNode, tmp_path: Path) -> None:
    node = member("web-01")
    node.record(3)
    manager.evidence.receive(node.batch(0))
    with manager.database.begin() as connection:
        this = (evidence_record.c.node == "web-01") & (evidence_record.c.seq == 2)
        content = node.book.content(2).replace(b"crashed", b"crashes")
        connection.execute(update(evidence_record).where(this).values(content=content))
    with pytest.raises(LedgerContradicted):
        take_away(manager.database, tmp_path, "web-01", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_former_ledger_is_named_by_its_incarnation(
    manager: Manager, member: MakeNode, stranger: MakeNode, clock: MovableClock, tmp_path: Path
) -> None:
    former = member("web-01")
    former.record(4)
    manager.evidence.receive(former.batch(0))
    clock.move(timedelta(hours=1))
    rebuilt = stranger("web-01")
    token = manager.nodes.invite("web-01", by="test", pin="plain", key_fingerprint=rebuilt.fingerprint).token
    rebuilt.taken_in(manager.nodes.enrol(rebuilt.enrolment(token)))
    with pytest.raises(RangeEmpty):
        take_away(manager.database, tmp_path, "web-01", tmp_path / "newest")
    taken = take_away(manager.database, tmp_path, "web-01", tmp_path / "first", incarnation=1)
    assert taken.checkpoint.origin == former.book.origin
    assert verified(tmp_path / "first").returncode == 0
    with pytest.raises(NodeNotEnrolled):
        take_away(manager.database, tmp_path, "web-01", tmp_path / "third", incarnation=3)
    with pytest.raises(NodeNotEnrolled):
        take_away(manager.database, tmp_path, "web-99", tmp_path / "none")
