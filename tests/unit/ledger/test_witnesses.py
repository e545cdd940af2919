"""What the cosignatures of witnesses show: rollbacks and rewritings that chain and signature alone do not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intendance.agent.against import Kept
from intendance.agent.ledger_view import export_bundle, take_head, verify_bundle, verify_ledger
from intendance.ledger.book import Book
from intendance.ledger.cosignature import WitnessKey, cosign
from intendance.ledger.layout import Layout
from intendance.ledger.verify import verify
from intendance.model.errors.witness import WitnessKeyUnusable
from tests.support import bundles
from tests.support.growing_log import key_of
from tests.support.ledger_material import InMemory, Ticking, begin, fill
from tests.unit.ledger.forging import Signer, first_finding, rebuilt, rewritten

AT = 1_795_000_000
W1 = WitnessKey("witness.example.net/w1", key_of(9).public_key().public_bytes_raw())
W2 = WitnessKey("w2", key_of(8).public_key().public_bytes_raw())


def cosigned_by(key: WitnessKey, checkpoint: bytes, seed: int = 9, at: int = AT) -> bytes:
    text = checkpoint.decode().partition("\n\n")[0] + "\n"
    return checkpoint + cosign(text, key.name, key_of(seed), at).encode()


def test_a_witness_that_cosigned_is_named_with_its_time(ledger: InMemory, early: tuple[Path, bytes]) -> None:
    ledger.cosigned = [cosigned_by(W1, early[1])]
    for report in (verify(ledger, witnesses=[W1]), verify(ledger, first=3, last=4, witnesses=[W1])):
        assert report.exit_code == 0
        (seen,) = report.witnesses
        assert (seen.name, seen.size, seen.at) == (W1.name, 100, datetime.fromtimestamp(AT, UTC))
        assert any("after the 100 records that witnesses cosigned" in each for each in report.not_checked)
        assert not any("0 witnesses" in each for each in report.not_checked)


def test_the_largest_head_counts_wherever_it_stands(ledger: InMemory, early: tuple[Path, bytes]) -> None:
    assert ledger.signed is not None
    ledger.cosigned = [cosigned_by(W1, early[1], at=AT + 9)]
    ledger.signed = cosigned_by(W1, ledger.signed)
    report = verify(ledger, witnesses=[W1])
    assert [(each.size, report.exit_code) for each in report.witnesses] == [(600, 0)]


def test_each_witness_asked_for_must_have_cosigned(ledger: InMemory, early: tuple[Path, bytes]) -> None:
    assert first_finding(verify(ledger, witnesses=[W1]))[:2] == ("undetermined", f"witness {W1.name}")
    ledger.cosigned = [cosigned_by(W1, early[1]), b"torn", b""]
    report = verify(ledger, witnesses=[W1, W2])
    assert report.exit_code == 5
    assert first_finding(report)[:2] == ("undetermined", "witness w2")
    assert verify(ledger).exit_code == 0, "who asks for none is told that none was asked for"


@pytest.mark.parametrize("at", range(0, 70, 3))
def test_a_changed_cosignature_is_tampering(ledger: InMemory, early: tuple[Path, bytes], at: int) -> None:
    content = cosigned_by(W1, early[1])
    head, _, line = content.rpartition(b" ")
    raw = bytearray(base64.b64decode(line))
    raw[4 + at] ^= 1
    ledger.cosigned = [head + b" " + base64.b64encode(bytes(raw)) + b"\n"]
    report = verify(ledger, witnesses=[W1])
    assert report.exit_code == 1
    assert report.witnesses == []


def test_what_another_key_cosigned_or_another_log_signed_is_nothing(
    ledger: InMemory, early: tuple[Path, bytes], tmp_path: Path
) -> None:
    with begin(tmp_path / "other") as book:
        fill(book, 50)
        foreign = book.layout.checkpoint.read_bytes()
    ledger.cosigned = [cosigned_by(W1, foreign), cosigned_by(WitnessKey(W1.name, W2.public), early[1], seed=8)]
    assert verify(ledger, witnesses=[W1]).exit_code == 5


def test_a_rollback_behind_what_was_cosigned_shows(ledger: InMemory, sign: Signer) -> None:
    assert ledger.signed is not None
    cosigned = cosigned_by(W1, ledger.signed)
    del ledger.kept[500:]
    rolled_back = rebuilt(ledger, sign)
    assert verify(rolled_back).exit_code == 0
    assert verify(rolled_back, witnesses=[W1]).exit_code == 5, "whoever took the cosignature away too"
    rolled_back.cosigned = [cosigned]
    assert first_finding(verify(rolled_back, witnesses=[W1]))[:2] == ("incomplete", f"witness {W1.name}")
    assert verify(rolled_back, first=3, last=4, witnesses=[W1]).exit_code == 3


def test_a_rewriting_of_what_was_cosigned_shows(ledger: InMemory, early: tuple[Path, bytes], sign: Signer) -> None:
    forged = rebuilt(rewritten(ledger, 57, actor="person:nobody"), sign)
    assert verify(forged).exit_code == 0
    forged.cosigned = [cosigned_by(W1, early[1])]
    assert first_finding(verify(forged, witnesses=[W1]))[:2] == ("tampered", f"witness {W1.name}")
    assert verify(forged, first=300, last=301, witnesses=[W1]).exit_code == 1


@pytest.fixture(scope="module")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder whose log two witnesses cosigned: one all of it, the other its first 40 records."""
    state = tmp_path_factory.mktemp("witnessed") / "state"
    with begin(state) as book:
        fill(book, 39)
        first = book.layout.checkpoint.read_bytes()
        fill(book, 300)
        last = book.layout.checkpoint.read_bytes()
    folder = Layout(state).witnessed
    folder.mkdir()
    (folder / "witness.example.net%2Fw1").write_bytes(cosigned_by(W1, last))
    (folder / "w2").write_bytes(cosigned_by(W2, first, seed=8))
    (folder / ".w2.1.tmp").write_bytes(b"half")
    return state


def test_a_checkpoint_given_away_carries_the_cosignatures_of_what_it_says(witnessed: Path, tmp_path: Path) -> None:
    report = verify_ledger(witnessed, elsewhere=Kept(witnesses=[W1.text, W2.text]))
    assert (report.exit_code, [each.size for each in report.witnesses]) == (0, [340, 40])
    head = take_head(witnessed, Ticking(), None)
    assert head.checkpoint.note == (Layout(witnessed).witnessed / "witness.example.net%2Fw1").read_bytes()
    with Book.open(witnessed, Ticking()) as book:
        assert book.seal(mend=True) is not None, "and the log's own file is as it was"
    with pytest.raises(WitnessKeyUnusable):
        verify_ledger(witnessed, elsewhere=Kept(witnesses=["w1"]))


@pytest.mark.parametrize("part", [None, (0, 339), (39, 100)])
def test_a_bundle_holds_them_and_both_verifiers_judge_alike(
    witnessed: Path, tmp_path: Path, part: tuple[int, int] | None
) -> None:
    first, last = part or (None, None)
    folder = tmp_path / "bundle"
    export_bundle(witnessed, Ticking(), folder, first=first, last=last)
    names = {name for name in bundles.load(folder) if "witnessed" in name}
    assert names == {"ledger/witnessed/w2", "ledger/witnessed/witness.example.net%2Fw1"}
    stranger = WitnessKey("w3", key_of(7).public_key().public_bytes_raw())
    for keys, expected in (([W1], 0), ([W1, W2], 0), ([stranger], 5), ([W2, stranger], 5)):
        texts = [key.text for key in keys]
        report = verify_bundle(folder, elsewhere=Kept(witnesses=texts))
        assert report.exit_code == expected
        code, said = bundles.alone(folder, *(word for text in texts for word in ("--witness", text)))
        assert code == expected, said
    assert "cosigned by witness.example.net/w1 of 340 records" in said_of(folder, W1)
    assert bundles.alone(folder, "--witness", "w1")[0] == 2


def said_of(folder: Path, key: WitnessKey) -> str:
    return bundles.alone(folder, "--witness", key.text)[1]


def test_both_verifiers_see_a_changed_cosignature(witnessed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    export_bundle(witnessed, Ticking(), folder)
    held = bundles.load(folder)
    early = (Layout(witnessed).witnessed / "w2").read_bytes().rpartition("— w2".encode())[0]
    held["ledger/witnessed/w2"] = early + cosign("another text\n", "w2", key_of(8), AT).encode()
    spoiled = bundles.store(bundles.summed(held), tmp_path / "spoiled")
    assert verify_bundle(spoiled, elsewhere=Kept(witnesses=[W2.text])).exit_code == 1
    assert bundles.alone(spoiled, "--witness", W2.text)[0] == 1
    assert verify_bundle(spoiled, elsewhere=Kept(witnesses=[W1.text])).exit_code == 0
    assert bundles.alone(spoiled, "--witness", W1.text)[0] == 0
