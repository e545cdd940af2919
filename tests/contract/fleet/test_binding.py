"""The heads of the nodes' ledgers, bound in the fleet log: on SQLite and on PostgreSQL."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from intendance.agent.against import Kept
from intendance.agent.ledger_view import export_bundle, verify_bundle
from intendance.fleet.binding import perform
from intendance.fleet.binding.perform import KIND, Binding
from intendance.fleet.database.lease import Lease
from intendance.fleet.database.tables import evidence_head
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.log import FleetLog
from intendance.fleet.manager import Manager
from intendance.ledger.book import Book
from intendance.ledger.report import Case
from intendance.model.evidence.run import RunEnded
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock

HOUR = timedelta(hours=1)
LEASE = Lease(name="leader", holder="test", epoch=1, until_us=0)


@pytest.fixture
def log(tmp_path: Path, clock: MovableClock) -> FleetLog:
    return FleetLog(tmp_path / "manager", "asbl", clock)


def _binding(manager: Manager, log: FleetLog, say: Any = pytest.fail) -> Binding:
    return Binding(manager.database, log, manager.clock, say)


def _lines(attachments: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(attachments.rglob("*")):
        if path.is_file():
            yield from map(json.loads, gzip.decompress(path.read_bytes()).splitlines())


def _bound(log: FleetLog, clock: MovableClock) -> list[list[str]]:
    """The nodes that each record binds, the oldest record first."""
    with Book.open(log.folder, clock) as book:
        records = list(book.records(kind=KIND))
        sheets = [book.layout.attachment(record.attachments[0].sha256).read_bytes() for record in records]
    return [[json.loads(line)["node"] for line in gzip.decompress(each).splitlines()] for each in sheets]


def test_heads_that_grew_are_bound_once_an_hour(
    manager: Manager, member: MakeNode, log: FleetLog, clock: MovableClock
) -> None:
    binding = _binding(manager, log)
    assert binding.bind(clock.at) == 0
    one, two = member("web-01"), member("web-02")
    manager.evidence.receive(one.batch(0))
    assert binding.bind(clock.at) == 1
    one.record(3)
    manager.evidence.receive(one.batch(1))
    manager.evidence.receive(two.batch(0))
    clock.move(HOUR - timedelta(seconds=1))
    assert binding.bind(clock.at) == 0
    clock.move(timedelta(seconds=1))
    assert binding.bind(clock.at) == 2
    clock.move(HOUR)
    assert binding.bind(clock.at) == 0
    assert _bound(log, clock) == [["web-01"], ["web-01", "web-02"]]
    held = Ledgers(manager.database).one("web-01")
    assert held is not None
    assert (held.bound_size, held.bound_seq, held.bound_at) == (4, 2, clock.at - HOUR)


def test_a_restart_and_another_manager_bind_no_sooner_and_forget_nothing(
    manager: Manager, member: MakeNode, log: FleetLog, clock: MovableClock
) -> None:
    node = member("web-01")
    manager.evidence.receive(node.batch(0))
    assert _binding(manager, log).bind(clock.at) == 1
    with manager.database.begin() as connection:  # killed before it noted what it had recorded
        connection.execute(update(evidence_head).values(bound_size=0, bound_seq=0, bound_us=None))
    assert _binding(manager, log).bind(clock.at) == 0
    clock.move(HOUR)
    assert _binding(manager, log).bind(clock.at) == 1
    assert _bound(log, clock) == [["web-01"], ["web-01"]]


def test_many_are_several_records(
    manager: Manager, member: MakeNode, log: FleetLog, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perform, "AT_ONCE", 2)
    for name in ("a", "b", "c", "d", "e"):
        node = member(name)
        manager.evidence.receive(node.batch(0))
    assert _binding(manager, log).bind(clock.at) == 5
    assert _bound(log, clock) == [["a", "b"], ["c", "d"], ["e"]]


def test_a_head_that_somebody_altered_in_the_database_is_said_and_the_others_are_bound(
    manager: Manager, member: MakeNode, log: FleetLog, clock: MovableClock
) -> None:
    for name in ("web-01", "web-02"):
        manager.evidence.receive(member(name).batch(0))
    with manager.database.begin() as connection:
        connection.execute(update(evidence_head).where(evidence_head.c.node == "web-01").values(note="words"))
    said: list[str] = []
    assert _binding(manager, log, said.append).bind(clock.at) == 1
    assert _bound(log, clock) == [["web-02"]]
    assert [sentence.partition(":")[0] for sentence in said] == ["web-01"]


def test_a_log_that_cannot_be_written_is_said_once_and_tried_again(
    manager: Manager, member: MakeNode, tmp_path: Path, clock: MovableClock
) -> None:
    manager.evidence.receive(member("web-01").batch(0))
    (tmp_path / "manager").write_text("no folder")
    said: list[str] = []
    log = FleetLog(tmp_path, "asbl", clock)
    binding = _binding(manager, log, said.append)
    for _ in range(3):
        binding.tick(LEASE)
        clock.move(timedelta(minutes=1))
    assert len(said) == 1
    (tmp_path / "manager").unlink()
    binding.tick(LEASE)
    assert _bound(log, clock) == [["web-01"]]


def test_a_ledger_rewritten_after_it_was_bound_is_noticed_by_a_stranger_with_two_exports(
    manager: Manager, member: MakeNode, log: FleetLog, clock: MovableClock, tmp_path: Path
) -> None:
    node = member("web-01")
    node.book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(node.state, tmp_path / "rewritten")  # with its key
    node.record(3)
    manager.evidence.receive(node.batch(0))
    assert _binding(manager, log).bind(clock.at) == 1
    export_bundle(log.folder, clock, tmp_path / "fleet")
    assert verify_bundle(tmp_path / "fleet").exit_code == 0
    (line,) = _lines(tmp_path / "fleet" / "attachments")
    pin = tmp_path / "web-01.pin"
    pin.write_text(line["note"])

    def verdict(state: Path, name: str) -> set[Case]:
        export_bundle(state, clock, tmp_path / name)
        report = verify_bundle(tmp_path / name, elsewhere=Kept(pin=pin))
        assert report.pinned_size == 4
        return {each.case for each in report.findings}

    assert verdict(node.state, "honest") == set()
    node.record(2)
    assert verdict(node.state, "grown") == set()
    assert verdict(tmp_path / "rewritten", "cut") == {Case.ROLLED_BACK}
    with Book.open(tmp_path / "rewritten", clock) as book:
        for attempt in range(5):
            book.append(RunEnded(activity="x", outcome="crashed", attempt=attempt, message=""), actor="schedule:x")
    assert verdict(tmp_path / "rewritten", "other") == {Case.HISTORY_REWRITTEN}
