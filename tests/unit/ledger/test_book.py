"""Appending, finding and sealing records in a real database on a real file system."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from intendance.ledger import note
from intendance.ledger.book import Book
from intendance.ledger.envelope import NO_PREVIOUS, digest
from intendance.model.errors import InternalError
from intendance.model.errors.ledger import (
    LedgerContradicted,
    LedgerExists,
    LedgerFailed,
    RecordMissing,
    RecordTooLarge,
    RecordUnreadable,
)
from intendance.model.errors.state import NoState
from intendance.model.evidence.lifecycle import AssetDeclared, Genesis, ScheduleEntry
from tests.support.ledger_material import BEGINNING, Ticking, begin, ended, fill, tamper


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def book(state: Path) -> Iterator[Book]:
    with begin(state) as opened:
        yield opened


def test_the_first_record_says_whose_ledger_it_is(book: Book) -> None:
    (fact,) = book.facts("genesis")
    genesis: Genesis = fact.data
    assert book.origin == genesis.origin == "asbl/node/web-01/20261121T080000Z"
    assert book.node == fact.node == "web-01"
    assert genesis.openpgp_fingerprint == "AB" * 20
    assert genesis.previous_head is None
    assert book.key.text == genesis.ledger_key
    assert book.record(0).prev == NO_PREVIOUS
    assert book.record(0).actor.startswith("person:")


def test_the_key_is_for_its_owner_alone(book: Book, state: Path) -> None:
    key = state / "agent/keys/ledger.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((state / "agent").stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "agent/state.db").stat().st_mode) == 0o600
    assert key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


def test_records_follow_each_other(book: Book) -> None:
    first = book.append(ended("a"), actor="person:anne", asset="shop", run="shop.inspect.20261121T080000Z")
    second = book.append(ended("b"), actor="schedule:inspect")
    assert (first.seq, second.seq, book.size()) == (1, 2, 3)
    assert second.prev == digest(book.content(1))
    assert book.record(1) == first
    assert json.loads(book.content(1)) == {
        "v": 1,
        "seq": 1,
        "node": "web-01",
        "boot": "11111111-2222-3333-4444-555555555555",
        "ts": first.ts,
        "mono_us": first.mono_us,
        "kind": "run.ended",
        "asset": "shop",
        "run": "shop.inspect.20261121T080000Z",
        "actor": "person:anne",
        "data": {"activity": "inspect", "attempt": 1, "message": "a", "outcome": "crashed"},
        "attachments": [],
        "prev": digest(book.content(0)),
    }


def test_text_is_recorded_in_one_normal_form(book: Book) -> None:
    record = book.append(ended("cafe\u0301 \udcff"), actor="person:anne")
    assert record.data["message"] == "café \ufffd"
    assert book.facts("run.ended")[0].data.message == "café \ufffd"


def test_a_record_that_is_too_large_is_refused_and_leaves_nothing(book: Book) -> None:
    with pytest.raises(RecordTooLarge, match="61440 is the most"):
        book.append(ended("x" * 61_400), actor="person:anne")
    assert book.size() == 1
    book.append(ended("x" * 60_000), actor="person:anne")
    assert book.size() == 2


def test_a_transaction_is_all_or_nothing(book: Book) -> None:
    with book.transaction() as transaction:
        transaction.execute("CREATE TABLE memo (step TEXT)")
    with pytest.raises(ZeroDivisionError):
        _half_done(book)
    assert book.size() == 1
    assert book.connection.execute("SELECT count(*) FROM memo").fetchone() == (0,)
    with book.transaction() as transaction:
        transaction.execute("INSERT INTO memo VALUES (?)", ("dump",))
        assert [transaction.append(ended(), actor="person:anne").seq for _ in range(3)] == [1, 2, 3]
    assert book.size() == 4
    assert book.connection.execute("SELECT count(*) FROM memo").fetchone() == (1,)


def _half_done(book: Book) -> None:
    with book.transaction() as transaction:
        transaction.append(ended(), actor="person:anne")
        transaction.execute("INSERT INTO memo VALUES ('dump')")
        raise ZeroDivisionError


def test_transactions_and_seals_do_not_nest(book: Book) -> None:
    with book.transaction() as transaction:
        transaction.append(ended(), actor="person:anne")
        with pytest.raises(InternalError), book.transaction():
            pass
        with pytest.raises(InternalError):
            book.seal()
    assert book.size() == 2


def test_records_are_never_changed_by_mistake(book: Book) -> None:
    for statement in ("UPDATE record SET kind = 'x'", "DELETE FROM record"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            book.connection.execute(statement)


def test_facts_are_typed_and_newest_first(book: Book) -> None:
    declared = AssetDeclared(
        engine="files",
        identity="id",
        first_declared_at="2026-11-21T08:00:00.000000Z",
        schedules=(ScheduleEntry(activity="inspect", cron=None),),
        stores=("local",),
        retention_days=90,
        subject="tree",
    )
    book.append(declared, actor="person:anne", asset="site")
    fill(book, 9)
    (fact,) = book.facts("asset.declared")
    assert fact.data == declared
    assert (fact.asset, fact.actor, fact.at.tzinfo is not None) == ("site", "person:anne", True)
    assert [fact.seq for fact in book.facts("run.ended")] == list(range(10, 1, -1))
    assert [fact.seq for fact in book.facts("run.ended", asset="asset-1")] == [9, 6, 3]
    assert [fact.seq for fact in book.facts("run.ended", asset="asset-1", latest=1)] == [9]
    assert book.facts("run.ended", asset="nobody") == ()
    with pytest.raises(InternalError):
        book.facts("run.invented")


def test_since_compares_instants(book: Book) -> None:
    fill(book, 5)
    third = book.facts("run.ended")[2]
    assert [fact.seq for fact in book.facts("run.ended", since=third.at)] == [5, 4, 3]
    assert [fact.seq for fact in book.facts("run.ended", since=third.at + timedelta(microseconds=1))] == [5, 4]
    assert book.facts("run.ended", since=BEGINNING + timedelta(days=1)) == ()


def test_records_can_be_listed(book: Book) -> None:
    fill(book, 6)
    assert [record.seq for record in book.records()] == list(range(7))
    assert [record.seq for record in book.records(newest_first=True, limit=2)] == [6, 5]
    assert [record.seq for record in book.records(asset="asset-0")] == [1, 4]
    assert [record.kind for record in book.records(kind="genesis")] == ["genesis"]
    with pytest.raises(RecordMissing, match="no record 7; it holds 7"):
        book.record(7)


def test_an_attachment_is_kept_under_its_hash(book: Book, state: Path) -> None:
    attachment = book.attach(b"{}", "application/json")
    assert book.attach(b"{}", "application/json") == attachment
    record = book.append(ended(), actor="person:anne", attachments=[attachment])
    path = state / "agent/attachments/sha256" / attachment.sha256[:2] / attachment.sha256
    assert path.read_bytes() == b"{}"
    assert book.record(record.seq).attachments == [attachment]


def test_the_checkpoint_grows_with_the_ledger_and_old_partial_tiles_go(book: Book, state: Path) -> None:
    log = state / "agent/ledger"
    sizes = []
    for _ in range(3):
        book.append(ended(), actor="person:anne")
        checkpoint, signed = note.read_checkpoint((log / "checkpoint").read_bytes())
        assert note.verify_note(signed, book.key)
        sizes.append(checkpoint.size)
    assert sizes == [2, 3, 4]
    assert sorted(path.name for path in (log / "tile/0/000.p").iterdir()) == ["1", "2", "3", "4"]
    fill(book, 300)
    assert not (log / "tile/0/000.p").exists()
    assert not (log / "tile/entries/000.p").exists()
    assert (log / "tile/0/000").stat().st_size == 8192
    assert (log / "tile/1/000.p/1").stat().st_size == 32


def test_sealing_twice_changes_nothing(book: Book, state: Path) -> None:
    fill(book, 5)
    before = {path: path.stat().st_mtime_ns for path in (state / "agent/ledger").rglob("*")}
    first, second = book.seal(), book.seal()
    assert first == second
    assert {path: path.stat().st_mtime_ns for path in (state / "agent/ledger").rglob("*")} == before


def test_no_state_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(NoState):
        Book.open(tmp_path, Ticking())
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent/state.db").touch()
    with pytest.raises(NoState):
        Book.open(tmp_path, Ticking())


def test_a_ledger_is_begun_once(book: Book, state: Path) -> None:
    with pytest.raises(LedgerExists, match="asbl/node/web-01"):
        begin(state)


def test_a_damaged_database_is_said_to_be_one(book: Book, state: Path) -> None:
    book.close()
    (state / "agent/state.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(LedgerFailed, match="not a database"):
        Book.open(state, Ticking())


def test_an_unreadable_record_is_said_to_be_one(book: Book) -> None:
    fill(book, 1)
    tamper(book, "UPDATE record SET content = CAST('{' AS BLOB) WHERE seq = 1")
    with pytest.raises(RecordUnreadable, match="Record 1"):
        book.record(1)
    with pytest.raises(RecordUnreadable, match="Record 1"):
        book.facts("run.ended")


def test_proofs_lead_to_the_signed_root(book: Book) -> None:
    fill(book, 700)
    for seq in (0, 255, 256, 511, 512, 700):
        proof = book.proof(seq)
        assert proof is not None
        assert proof.checkpoint.size == 701
        assert 32 * len(proof.hashes) <= 2048
    with book.transaction() as transaction:
        transaction.append(ended(), actor="person:anne")
    assert book.proof(701) is None


def test_no_proof_of_what_was_not_signed(book: Book, state: Path) -> None:
    fill(book, 700)
    tamper(book, "UPDATE record SET content = CAST(replace(content, 'n3', 'n9') AS BLOB) WHERE seq = 4")
    with pytest.raises(LedgerContradicted, match="record 4"):
        book.proof(4)
    (state / "agent/ledger/tile/0/001").unlink()
    with pytest.raises(LedgerContradicted, match="tile/0/001: the file is missing"):
        book.proof(300)
