"""The format of evidence: a ledger kept with this test verifies for ever, and the same events give the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intendance.ledger import book as book_module
from intendance.ledger.examine import examine
from intendance.ledger.rows import Row
from intendance.ledger.verify import verify
from tests.support.ledger_material import InMemory, begin, ended

KEPT = Path(__file__).parent / "version-1"


def written(state: Path) -> dict[str, bytes]:
    """A small ledger with a known key, by a known clock; every file that a stranger would be given."""
    key = state / "agent/keys/ledger.key"
    key.parent.mkdir(parents=True)
    key.write_bytes(
        Ed25519PrivateKey.from_private_bytes(bytes(range(32))).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with begin(state) as book, book.transaction() as transaction:
        transaction.append(ended("first", outcome="cancelled"), actor="person:anne", asset="shop")
        attachment = book.attach(b"{}\n", "application/json")
        transaction.append(
            ended('déjà "vu" \\ \n 😀'), actor="schedule:inspect", asset="shop", run="r", attachments=[attachment]
        )
        for number in range(258):
            transaction.append(ended("", attempt=number), actor="schedule:inspect")
    with book_module.Book.open(state, clock=None) as book:  # type: ignore[arg-type] # nothing is recorded
        book.seal()
        contents = [book.content(seq) for seq in range(book.size())]
    log = state / "agent/ledger"
    files = {str(path.relative_to(log)): path.read_bytes() for path in log.rglob("*") if path.is_file()}
    return files | {"records.jsonl": b"\n".join(contents) + b"\n"}


def kept() -> dict[str, bytes]:
    return {str(path.relative_to(KEPT)): path.read_bytes() for path in KEPT.rglob("*") if path.is_file()}


def test_the_kept_ledger_verifies() -> None:
    files = kept()
    contents = files.pop("records.jsonl").removesuffix(b"\n").split(b"\n")
    signed = files.pop("checkpoint")
    rows = []
    for seq, content in enumerate(contents):
        kind = "genesis" if seq == 0 else "run.ended"
        asset = "shop" if seq in (1, 2) else None
        ts = content.partition(b'"ts":"')[2][:27].decode()
        rows.append(Row(seq, kind, asset, ts, content))
        assert examine(rows[-1], "web-01").fault is None
    empty_object = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    report = verify(InMemory(rows, signed, files, {empty_object: b"{}\n"}))
    assert (report.exit_code, report.records, report.attachments) == (0, 261, 1)


def test_the_same_events_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "_user", lambda: "anne")
    now = written(tmp_path / "state")
    before = kept()
    assert sorted(now) == sorted(before)
    for name, content in now.items():
        assert content == before[name], name
