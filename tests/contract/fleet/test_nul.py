"""A NUL in what one node or person says: refused at its door, and it keeps nothing of others from being written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, select

from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_record, finding, setting
from intendance.fleet.manager import Manager
from intendance.model.errors.fleet import EvidenceRefused, MessageMalformed
from intendance.model.evidence.run import RunEnded
from intendance.wire import messages
from tests.contract.fleet.conftest import MakeNode

BY = "schedule:backup"


def _findings(manager: Manager) -> list[Any]:
    with manager.database.read() as connection:
        return list(connection.execute(select(finding).order_by(finding.c.id)))


def test_what_is_said_holds_none_once_it_is_recorded(manager: Manager, member: MakeNode) -> None:
    node = member()
    ended = RunEnded(activity="x", outcome="crashed", attempt=1, message="before\x00after")
    node.book.append(ended, actor=BY, asset="db")
    assert manager.evidence.receive(node.batch(0)) == 2
    (fact,) = manager.evidence.facts("web-01", "run.ended")
    assert fact.data.message == "before\ufffdafter"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"asset":"db"', '"asset":"d\\u0000b"'),
        ('"kind":"run.ended"', '"kind":"run\\u0000ended"'),
        ('"ts":"2', '"ts":"\\u00002'),
        ('"message":"é"', '"message":"\x00"'),
    ],
)
def test_a_column_that_would_hold_one_is_a_finding_and_the_other_nodes_go_on(
    manager: Manager, member: MakeNode, old: str, new: str
) -> None:
    bad, good = member("web-01"), member("web-02")
    bad.record(1)
    manager.evidence.receive(bad.batch(0, 1))
    sound = bad.batch(1)
    assert old in sound.records[0]
    spoilt = replace(sound, records=(sound.records[0].replace(old, new),))
    for _ in range(2):
        with pytest.raises(EvidenceRefused):
            manager.evidence.receive(spoilt)
    good.record(2)
    assert manager.evidence.receive(good.batch(0)) == 3
    assert [(row.node, row.kind) for row in _findings(manager)] == [("web-01", "chain")]
    with manager.database.read() as connection:
        later = connection.execute(select(evidence_record.c.node).where(evidence_record.c.seq > 0)).scalars().all()
    assert later == ["web-02", "web-02"]


@pytest.mark.parametrize("member_name", ["boot", "software", "checkpoint"])
def test_no_beat_holds_one(member: MakeNode, member_name: str) -> None:
    said = messages.encode(member().beat())
    spoilt = said.replace(f'"{member_name}":"'.encode(), f'"{member_name}":"\\u0000'.encode())
    assert messages.decode(said, messages.Beat)
    with pytest.raises(MessageMalformed):
        messages.decode(spoilt, messages.Beat)


@pytest.mark.parametrize(
    "member_name", ["token", "ledger_key", "openpgp_fingerprint", "checkpoint", "proof", "software"]
)
def test_no_enrolment_holds_one(manager: Manager, stranger: MakeNode, member_name: str) -> None:
    said = messages.encode(stranger().enrolment(manager.nodes.invite("web-01", by="test", pin="plain").token))
    spoilt = said.replace(f'"{member_name}":"'.encode(), f'"{member_name}":"\\u0000'.encode())
    assert messages.decode(said, messages.Enrolment)
    with pytest.raises(MessageMalformed):
        messages.decode(spoilt, messages.Enrolment)


def test_no_batch_is_signed_with_one(member: MakeNode) -> None:
    said = messages.encode(member().batch(0))
    with pytest.raises(MessageMalformed):
        messages.decode(said.replace(b'"checkpoint":"', b'"checkpoint":"\\u0000'), messages.EvidenceBatch)


def test_a_head_that_holds_one_is_a_finding_and_stops_nobody(manager: Manager, member: MakeNode) -> None:
    """By whatever way it came: what keeps the exhibit must not fail on it."""
    member()
    found = manager.evidence.look_at("web-01", 1, "\x00", 1)
    assert found is not None
    assert found.kind == "signature"
    assert [row.kind for row in _findings(manager)] == ["signature"]


def test_the_database_keeps_a_text_that_holds_one_and_every_other(fleet_database: Database) -> None:
    rows = [{"name": "a", "value": "before\x00after"}, {"name": "b", "value": "é€𝄞 \ufffd"}]
    with fleet_database.begin() as connection:
        connection.execute(insert(setting), rows)
    with fleet_database.read() as connection:
        kept = {
            row.name: row.value for row in connection.execute(select(setting).where(setting.c.name.in_(["a", "b"])))
        }
        assert connection.execute(select(setting).where(setting.c.name == "a\x00")).all() == []
    assert kept["b"] == "é€𝄞 \ufffd"
    assert kept["a"].replace("\x00", "\ufffd") == "before\ufffdafter"
