"""A stranger with a token verifies what a verdict rests on, and what the manager did, by the API's answers alone."""

from __future__ import annotations

import json
from base64 import b64encode
from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, select, update

from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_record
from intendance.fleet.tokens.decide import Scope
from intendance.model.evidence.accounts import AccountChanged
from tests.contract.fleet.conftest import MakeNode
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.nodes import SimulatedNode
from tests.support.strangers import believed

LOG = "/api/v1/log"


@pytest.fixture
def asked(fleet_database: Database, clock: MovableClock) -> Asked:
    return Asked(fleet_database, clock)


@pytest.fixture
def node(asked: Asked, stranger: MakeNode) -> SimulatedNode:
    """It signed 700 records, and three more came that no head covers."""
    node = stranger("web-01")
    token = asked.manager.nodes.invite("web-01", by="test", pin="plain").token
    node.taken_in(asked.manager.nodes.enrol(node.enrolment(token)))
    node.record(700 - node.book.size())
    asked.manager.evidence.receive(node.batch(0, 300))
    asked.manager.evidence.receive(node.batch(300))
    node.record(4)
    asked.manager.evidence.receive(node.batch(700, 703))
    return node


def record(asked: Asked, seq: int) -> dict[str, Any]:
    answer = asked.ask(f"/api/v1/nodes/web-01/records/{seq}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def flipped(text: str, at: int) -> str:
    """Another character there, of the same kind."""
    other = "1" if text[at] == "0" else "0"
    return text[:at] + other + text[at + 1 :]


def test_a_stranger_finds_the_signed_root_from_a_record(asked: Asked, node: SimulatedNode) -> None:
    for seq in (0, 1, 255, 256, 511, 512, 698, 699):
        told = record(asked, seq)
        assert (told["proof"]["size"], told["seq"], told["covered"]) == (700, seq, True)
        assert json.loads(told["canonical"])["seq"] == seq
        assert (told["origin"], told["key"]) == (node.book.origin, node.book.key.text)
        assert believed(told, node.book.key.text), seq
        assert not believed(told | {"seq": (seq + 1) % 700}, node.book.key.text)
    assert asked.ask("/api/v1/nodes/web-01/records/703").status_code == 404


def test_one_byte_that_is_another_is_seen(asked: Asked, node: SimulatedNode) -> None:
    told, key = record(asked, 300), node.book.key.text
    assert believed(told, key)
    for name in ("canonical", "leaf_hash"):
        for at in (0, len(told[name]) // 2):
            assert not believed(told | {name: flipped(told[name], at)}, key), name
    for each in range(len(told["proof"]["hashes"])):
        changed = deepcopy(told)
        changed["proof"]["hashes"][each] = flipped(told["proof"]["hashes"][each], 7)
        assert not believed(changed, key), each
    checkpoint = told["proof"]["checkpoint"]
    for at in (0, checkpoint.index("\n") + 1, checkpoint.rindex(" ") + 20):
        changed = deepcopy(told)
        changed["proof"]["checkpoint"] = flipped(checkpoint, at)
        assert not believed(changed, key), at
    name, number, _ = key.split("+", 2)
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert not believed(told, f"{name}+{number}+{b64encode(bytes([1]) + public).decode()}")


def test_a_record_that_no_head_covers_has_no_proof_yet(asked: Asked, node: SimulatedNode) -> None:
    told = record(asked, 701)
    assert (told["covered"], told["proof"]) == (False, None)
    asked.manager.evidence.receive(node.batch(703))
    told = record(asked, 701)
    assert (told["covered"], told["proof"]["size"]) == (True, 704)
    assert believed(told, node.book.key.text)


def test_a_copy_that_was_changed_is_no_proof_and_says_so(asked: Asked, node: SimulatedNode) -> None:
    for seq in (2, 300, 699):
        this = (evidence_record.c.node == "web-01") & (evidence_record.c.seq == seq)
        with asked.database.begin() as connection:
            content = bytes(connection.execute(select(evidence_record.c.content).where(this)).scalar_one())
            changed = content.replace(b'"v":1', b'"v":2')
            assert changed != content
            connection.execute(update(evidence_record).where(this).values(content=changed))
        answer = asked.ask(f"/api/v1/nodes/web-01/records/{seq}")
        assert (answer.status_code, answer.json()["title"]) == (500, "ledger_copy_differs")
        assert "ledger show" in answer.json()["next_step"]
        with asked.database.begin() as connection:
            connection.execute(update(evidence_record).where(this).values(content=content))
        assert believed(record(asked, seq), node.book.key.text)  # as soon as the sound copy is back
    with asked.database.begin() as connection:
        connection.execute(delete(evidence_record).where(evidence_record.c.seq == 300))
    assert asked.ask("/api/v1/nodes/web-01/records/300").status_code == 404
    assert asked.ask("/api/v1/nodes/web-01/records/301").json()["title"] == "ledger_copy_differs"


def test_the_fleet_log_is_read_and_verified_by_token(asked: Asked) -> None:
    with asked.log.open() as book:
        with book.transaction() as transaction:
            for number in range(300):
                added = AccountChanged(account=f"p{number}", change="added", role="viewer")
                transaction.append(added, actor="person:root")
        book.seal()
    head = asked.ask(LOG).json()
    assert (head["size"], head["signed_size"]) == (301, 301)
    assert head["verified"]["outcome"] == "verified"
    assert head["quorum"] == {"size": 301, "wanted": 0, "cosigned": 0, "witnesses": []}
    assert head["note"] == asked.log.note()
    for seq in (0, 255, 256, 300):
        told = asked.ask(f"{LOG}/records/{seq}").json()
        assert (told["node"], told["covered"], told["key"]) == (".log", True, head["key"])
        assert told["proof"]["checkpoint"] == head["note"]
        assert believed(told, head["key"])
        assert not believed(told | {"canonical": flipped(told["canonical"], 9)}, head["key"])
    for wrong in (301, 10**15 - 1):
        assert asked.ask(f"{LOG}/records/{wrong}").status_code == 404
    assert asked.ask(f"{LOG}/records/x").status_code == 400
    assert asked.ask("/api/v1/nodes/.log/records").status_code == 400


def pages(asked: Asked, wanted: str) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        answer = asked.ask(f"{LOG}/records?limit=3{wanted}{cursor}").json()
        found += answer["records"]
        if answer["next"] is None:
            return found
        cursor = f"&cursor={answer['next']}"


def test_pages_of_the_fleet_log_hold_each_record_once(asked: Asked) -> None:
    for number in range(8):
        asked.log.append(AccountChanged(account=f"p{number}", change="added", role="viewer"), actor="person:root")
    found = pages(asked, "")
    assert [each["seq"] for each in found] == [8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert {each["covered"] for each in found} == {True}
    assert found == asked.ask(f"{LOG}/records?limit=1000").json()["records"]
    assert found[0]["record"]["actor"] == "person:root"
    assert pages(asked, "&kind=account.changed") == found[:8]
    assert pages(asked, "&kind=genesis") == found[8:]
    assert pages(asked, "&kind=alert.acked") == []
    assert asked.ask(f"{LOG}/records?kind=%27").status_code == 400


def test_the_fleet_log_has_tags_and_a_scope(asked: Asked) -> None:
    for path in (LOG, f"{LOG}/records", f"{LOG}/records/0"):
        first = asked.ask(path)
        assert first.status_code == 200, first.text
        assert asked.ask(path, headers={"if-none-match": first.headers["etag"]}).status_code == 304
        for scope in set(Scope) - {Scope.READ}:
            assert asked.ask(path, scope=scope).status_code == 403
    tag = asked.ask(f"{LOG}/records").headers["etag"]
    asked.log.append(AccountChanged(account="p", change="added", role="viewer"), actor="person:root")
    assert asked.ask(f"{LOG}/records", headers={"if-none-match": tag}).status_code == 200
