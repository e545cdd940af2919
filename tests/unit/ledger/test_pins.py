"""Who signed, and what an older head kept elsewhere shows that signature and chain alone do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from intendance.ledger import note
from intendance.ledger.verify import verify
from intendance.model.errors.ledger import PinUnusable
from tests.support.ledger_material import InMemory, begin, fill
from tests.unit.ledger.forging import Signer, first_finding, rebuilt, rewritten

PIN = Path("pinned")


def test_a_checkpoint_of_nobody_we_know(ledger: InMemory) -> None:
    assert ledger.signed is not None
    ledger.signed = ledger.signed.replace("— asbl".encode(), "— asbm".encode())
    assert first_finding(verify(ledger))[:2] == ("undetermined", "checkpoint")
    ledger.signed = b"no checkpoint at all"
    assert first_finding(verify(ledger))[:2] == ("tampered", "checkpoint")
    ledger.signed = None
    assert first_finding(verify(ledger))[:2] == ("incomplete", "checkpoint")


def test_a_genuine_signature_over_another_root(ledger: InMemory, sign: Signer) -> None:
    ledger.signed = sign(note.checkpoint_text(verify(ledger).origin, 600, b"x" * 32))
    assert ("tampered", "checkpoint") in [(found.fault, found.where) for found in verify(ledger).findings]
    assert verify(ledger, first=3, last=4).exit_code == 1


def test_a_pin_that_holds(ledger: InMemory, early: tuple[Path, bytes]) -> None:
    report = verify(ledger, pin=early)
    assert (report.exit_code, report.pinned_size) == (0, 100)
    assert not any("read from the ledger itself" in sentence for sentence in report.not_checked)
    assert verify(ledger, first=3, last=4, pin=early).exit_code == 0


def test_a_rollback_shows_against_a_pin_only(ledger: InMemory, early: tuple[Path, bytes], sign: Signer) -> None:
    """The attacks that a chain and a signature alone do not show; with an older head kept elsewhere they do."""
    assert ledger.signed is not None
    pinned = (PIN, ledger.signed)
    del ledger.kept[500:]
    rolled_back = rebuilt(ledger, sign)
    assert verify(rolled_back).exit_code == 0
    assert verify(rolled_back, pin=early).exit_code == 0
    report = verify(rolled_back, pin=pinned)
    assert first_finding(report)[:2] == ("incomplete", "pin")
    assert verify(rolled_back, first=3, last=4, pin=pinned).exit_code == 3


def test_a_rewriting_with_the_stolen_key_shows_against_a_pin_only(
    ledger: InMemory, early: tuple[Path, bytes], sign: Signer
) -> None:
    forged = rebuilt(rewritten(ledger, 57, actor="person:nobody"), sign)
    assert verify(forged).exit_code == 0
    assert first_finding(verify(forged, pin=early))[:2] == ("tampered", "pin")
    assert verify(forged, first=300, last=301, pin=early).exit_code == 1


def test_a_ledger_begun_again_under_the_same_name_shows_against_a_pin(
    tmp_path: Path, early: tuple[Path, bytes]
) -> None:
    with begin(tmp_path / "again") as book:
        fill(book, 200)
    report = verify(InMemory.of(tmp_path / "again"), pin=early)
    assert first_finding(report)[:2] == ("undetermined", "pin")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content.replace(b"web-01", b"web-02"),
        lambda content: content.replace(b"\n100\n", b"\n101\n"),
        lambda content: content[:-1],
    ],
)
def test_a_pin_that_is_none(ledger: InMemory, early: tuple[Path, bytes], spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(PinUnusable):
        verify(ledger, pin=(PIN, spoil(early[1])))
