"""A ledger refuses what it did not sign, and mends what can be derived again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from intendance.ledger import sealing
from intendance.ledger.book import Book
from intendance.ledger.source import open_source
from intendance.ledger.verify import verify
from intendance.model.errors.ledger import CheckpointUnusable, LedgerContradicted, LedgerKeyUnusable, LedgerShortened
from tests.support.ledger_material import Ticking, begin, ended, fill, tamper


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def book(state: Path) -> Iterator[Book]:
    with begin(state) as opened:
        yield opened


def test_a_database_put_back_from_yesterday_is_refused(book: Book, state: Path) -> None:
    fill(book, 3)
    book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    old = (state / "agent/state.db").read_bytes()
    fill(book, 2)
    book.close()
    for leftover in ("state.db-wal", "state.db-shm"):
        (state / "agent" / leftover).unlink(missing_ok=True)
    (state / "agent/state.db").write_bytes(old)
    with pytest.raises(LedgerShortened, match="holds 4 records, but its signed checkpoint says 6"):
        Book.open(state, Ticking())


def test_a_changed_record_at_the_end_is_refused_when_opened(book: Book, state: Path) -> None:
    fill(book, 5)
    tamper(book, "UPDATE record SET content = CAST(replace(content, 'n3', 'n9') AS BLOB) WHERE seq = 4")
    with pytest.raises(LedgerContradicted):
        Book.open(state, Ticking())
    with pytest.raises(LedgerContradicted):
        book.seal()


def test_a_changed_old_record_is_never_signed_again(book: Book, state: Path) -> None:
    fill(book, 600)
    tamper(book, "UPDATE record SET content = CAST(replace(content, 'n3', 'n9') AS BLOB) WHERE seq = 4")
    signed = (state / "agent/ledger/checkpoint").read_bytes()
    (state / "agent/ledger/tile/0/000").unlink()
    book.seal(mend=False)  # nothing new: nothing is written
    with pytest.raises(LedgerContradicted):
        book.seal(mend=True)
    (state / "agent/ledger/tile/0/002.p/89").unlink()
    with pytest.raises(LedgerContradicted):
        book.append(ended(), actor="person:anne")
    assert (state / "agent/ledger/checkpoint").read_bytes() == signed


@pytest.mark.parametrize("lost", ["tile", "tile/0", "tile/1", "tile/entries", "tile/entries/002.p", "tile/entries/001"])
def test_lost_tiles_are_written_again(book: Book, state: Path, lost: str) -> None:
    fill(book, 600)
    log = state / "agent/ledger"
    whole = {path: path.read_bytes() for path in log.rglob("*") if path.is_file()}
    _remove(log / lost)
    with Book.open(state, Ticking()) as again:
        again.seal(mend=True)
    assert {path: path.read_bytes() for path in log.rglob("*") if path.is_file()} == whole


def test_a_spoiled_tile_at_the_edge_is_written_again_by_the_next_seal(book: Book, state: Path) -> None:
    fill(book, 10)
    for spoiled in ("tile/0/000.p/11", "tile/entries/000.p/11"):
        path = state / "agent/ledger" / spoiled
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        book.seal()
        assert path.read_bytes() == good


def test_without_its_checkpoint_a_ledger_is_refused(book: Book, state: Path) -> None:
    fill(book, 3)
    checkpoint = state / "agent/ledger/checkpoint"
    content = checkpoint.read_bytes()
    checkpoint.unlink()
    with pytest.raises(CheckpointUnusable, match="missing"):
        Book.open(state, Ticking())
    checkpoint.write_bytes(content[:-5])
    with pytest.raises(CheckpointUnusable, match="signature"):
        Book.open(state, Ticking())
    checkpoint.write_bytes(content.replace(b"web-01", b"web-02"))
    with pytest.raises(CheckpointUnusable, match="web-02"):
        Book.open(state, Ticking())


def test_nothing_is_signed_upon_a_checkpoint_that_is_not_ours(book: Book, state: Path) -> None:
    checkpoint = state / "agent/ledger/checkpoint"
    content = checkpoint.read_bytes()
    text, _, line = content.decode().partition("\n\n")
    words = line.split(" ")
    forged = words[2][:10] + ("A" if words[2][10] != "A" else "B") + words[2][11:]
    checkpoint.write_text(f"{text}\n\n{words[0]} {words[1]} {forged}", encoding="utf-8")
    with pytest.raises(CheckpointUnusable, match="not signed by this ledger's key"):
        book.append(ended(), actor="person:anne")


def test_another_key_signs_nothing(book: Book, state: Path) -> None:
    key = state / "agent/keys/ledger.key"
    good = key.read_bytes()
    with begin(state.parent / "other"):
        key.write_bytes((state.parent / "other/agent/keys/ledger.key").read_bytes())
    with pytest.raises(LedgerKeyUnusable, match="not the key that this ledger began with"):
        book.append(ended(), actor="person:anne")
    key.write_bytes(b"nonsense")
    with pytest.raises(LedgerKeyUnusable, match="not an Ed25519 key"):
        book.seal()
    key.unlink()
    with pytest.raises(LedgerKeyUnusable, match="No such file"):
        book.seal()
    key.write_bytes(good)
    book.seal()
    assert book.size() == 2  # recorded before it could be signed; signed now
    with open_source(state) as source:
        assert verify(source).exit_code == 0


def test_a_creation_interrupted_before_its_first_checkpoint_is_completed(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "seal", crash)
        with pytest.raises(KeyboardInterrupt):
            begin(state)
    with Book.open(state, Ticking()) as book:
        assert book.size() == 1
    assert (state / "agent/ledger/checkpoint").exists()


def test_a_creation_interrupted_before_its_first_record_is_begun_again_with_the_same_key(state: Path) -> None:
    with begin(state) as book:
        key = book.key.public
    for path in (state / "agent").glob("state.db*"):
        path.unlink()
    _remove(state / "agent/ledger/checkpoint")
    _remove(state / "agent/ledger/tile")
    with begin(state) as book:
        assert book.key.public == key


def _remove(path: Path) -> None:
    if path.is_file():
        path.unlink()
        return
    for below in sorted(path.rglob("*"), reverse=True):
        below.unlink() if below.is_file() else below.rmdir()
    path.rmdir()
