"""What a witness keeps, and that it never says two things about one log."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.ledger.cosignature import WitnessKey, cosigned
from intendance.ledger.note import read_note
from intendance.model.errors.ledger import LedgerKeyUnusable, NoteMalformed
from intendance.model.errors.state import LockHeld
from intendance.model.errors.witness import LogsUnusable, WitnessDamaged, WitnessNamed
from intendance.witness.decide import Declined
from intendance.witness.keeping import Witness, WitnessLayout, open_witness, read_logs, show_key
from tests.support.clock import MovableClock
from tests.support.growing_log import GrowingLog, key_of, openssl_says

BEGAN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NAME = "witness.example.org/w1"


@pytest.fixture
def log() -> GrowingLog:
    log = GrowingLog()
    log.grow(3)
    return log


@pytest.fixture
def logs(tmp_path: Path, log: GrowingLog) -> Path:
    path = tmp_path / "logs"
    path.write_text(f"# the fleet log\n\n{log.vkey}   # of the manager\n{GrowingLog(origin='asbl/other').vkey}\n")
    return path


def added(witness: Witness, body: bytes) -> str:
    found = witness.add_checkpoint(body)
    assert isinstance(found, str), found
    return found


def refused(witness: Witness, body: bytes) -> tuple[int, int | None]:
    found = witness.add_checkpoint(body)
    assert isinstance(found, Declined), found
    return found.status, found.size


def test_a_cosignature_is_what_openssl_and_our_own_reader_take_for_one(
    tmp_path: Path, logs: Path, log: GrowingLog
) -> None:
    clock = MovableClock(BEGAN)
    with open_witness(tmp_path, logs, NAME, clock) as witness:
        line = added(witness, log.request(0))
        key = witness.key
    at = int(BEGAN.timestamp())
    assert openssl_says(log.text(), line, key.text, tmp_path) == (at, True)
    assert openssl_says(log.text(2), line, key.text, tmp_path) == (at, False)
    note = read_note((log.checkpoint() + line).encode())
    found = cosigned(note, WitnessKey.parse(key.text))
    assert found is not None
    assert (found.at_seconds, found.genuine) == (at, True)
    assert cosigned(read_note(log.checkpoint().encode()), key) is None
    changed = read_note((log.checkpoint(2) + line).encode())
    assert (spoiled := cosigned(changed, key)) is not None
    assert not spoiled.genuine


def test_the_newest_of_several_cosignatures_counts(tmp_path: Path, logs: Path, log: GrowingLog) -> None:
    clock = MovableClock(BEGAN)
    with open_witness(tmp_path, logs, NAME, clock) as witness:
        first = added(witness, log.request(0))
        clock.move(timedelta(minutes=1))
        second = added(witness, log.request(3))
        note = read_note((log.checkpoint() + second + first).encode())
        found = cosigned(note, witness.key)
    assert found is not None
    assert found.at_seconds == int(BEGAN.timestamp()) + 60


def test_what_was_cosigned_outlives_the_process(tmp_path: Path, logs: Path, log: GrowingLog) -> None:
    with open_witness(tmp_path, logs, NAME, MovableClock(BEGAN)) as witness:
        added(witness, log.request(0))
        key = witness.key
    fork = GrowingLog()
    fork.grow(5, "fork")
    log.grow(4)
    with open_witness(tmp_path, logs, "", MovableClock(BEGAN)) as witness:
        assert witness.key == key
        assert refused(witness, log.request(0)) == (409, 3)
        assert refused(witness, fork.request(3)) == (422, None)
        assert refused(witness, fork.request(3, 3)) == (409, 3)
        added(witness, log.request(3))
        assert refused(witness, log.request(3, 4)) == (409, 7)
    kept = WitnessLayout(tmp_path).head(log.origin).read_text()
    assert kept == log.checkpoint()


def test_what_strangers_add_to_a_checkpoint_is_not_kept(tmp_path: Path, logs: Path, log: GrowingLog) -> None:
    stranger = GrowingLog(origin="stranger").checkpoint().splitlines()[-1]
    with open_witness(tmp_path, logs, NAME, MovableClock(BEGAN)) as witness:
        added(witness, log.request(0) + f"{stranger}\n".encode())
    assert WitnessLayout(tmp_path).head(log.origin).read_text() == log.checkpoint()


def test_of_two_checkpoints_at_once_one_waits_for_the_other(tmp_path: Path, logs: Path, log: GrowingLog) -> None:
    """Eight threads offer eight forks of one log: one is cosigned."""
    forks = []
    for number in range(8):
        fork = GrowingLog()
        fork.grow(3 + number, f"fork {number}")
        forks.append(fork.request(0))
    begun = threading.Barrier(len(forks))
    found: list[str | Declined] = []
    with open_witness(tmp_path, logs, NAME, MovableClock(BEGAN)) as witness:

        def offer(body: bytes) -> None:
            begun.wait()
            found.append(witness.add_checkpoint(body))

        threads = [threading.Thread(target=offer, args=(body,)) for body in forks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len([each for each in found if isinstance(each, str)]) == 1
    assert {each.status for each in found if isinstance(each, Declined)} == {409}


def test_one_state_has_one_witness_at_a_time(tmp_path: Path, logs: Path) -> None:
    with open_witness(tmp_path, logs, NAME, MovableClock(BEGAN)) as witness:
        with pytest.raises(LockHeld), open_witness(tmp_path, logs, NAME, MovableClock(BEGAN)):
            pass
        assert show_key(tmp_path, "") == witness.key


def test_its_key_is_made_once_and_keeps_its_name(tmp_path: Path, logs: Path) -> None:
    made = show_key(tmp_path, NAME)
    layout = WitnessLayout(tmp_path)
    assert layout.key.stat().st_mode & 0o777 == 0o600
    assert layout.folder.stat().st_mode & 0o777 == 0o700
    assert show_key(tmp_path, "") == made
    with pytest.raises(WitnessNamed):
        show_key(tmp_path, "another")
    layout.verifier.unlink()  # a crash between the two files
    with open_witness(tmp_path, logs, NAME, MovableClock(BEGAN)) as witness:
        assert witness.key == made


@pytest.mark.parametrize("spoiled", ["cut", "empty", "another log's", "another key's", "the key", "the name"])
def test_what_cannot_be_relied_on_is_never_taken_for_nothing(
    tmp_path: Path, logs: Path, log: GrowingLog, spoiled: str
) -> None:
    with open_witness(tmp_path, logs, NAME, MovableClock(BEGAN)) as witness:
        added(witness, log.request(0))
    layout = WitnessLayout(tmp_path)
    head = layout.head(log.origin)
    other = GrowingLog(private=key_of(2))
    change: dict[str, Callable[[], object]] = {
        "cut": lambda: head.write_text(log.checkpoint()[:-30]),
        "empty": lambda: head.write_bytes(b""),
        "another log's": lambda: head.write_text(GrowingLog(origin="asbl/other").checkpoint()),
        "another key's": lambda: head.write_text(other.checkpoint()),
        "the key": layout.key.unlink,
        "the name": lambda: layout.verifier.write_text("nothing\n"),
    }
    change[spoiled]()
    with pytest.raises((WitnessDamaged, LedgerKeyUnusable)), open_witness(tmp_path, logs, NAME, MovableClock(BEGAN)):
        pass


@pytest.mark.parametrize("content", ["", "# nothing\n", "asbl/log\n", f"{GrowingLog().vkey}x\n", "a" * 300])
def test_a_list_of_logs_that_names_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "logs"
    path.write_text(content)
    with pytest.raises(LogsUnusable):
        read_logs(path)
    with pytest.raises(LogsUnusable):
        read_logs(tmp_path / "missing")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LogsUnusable):
        read_logs(path)
    long = GrowingLog(origin="a" * 201)
    path.write_text(long.vkey)
    with pytest.raises(LogsUnusable):
        read_logs(path)


def test_a_log_may_change_its_key_while_both_are_trusted(tmp_path: Path, log: GrowingLog) -> None:
    successor = GrowingLog(entries=log.entries, private=key_of(2))
    path = tmp_path / "logs"
    path.write_text(f"{log.vkey}\n{successor.vkey}\n")
    with open_witness(tmp_path, path, NAME, MovableClock(BEGAN)) as witness:
        added(witness, log.request(0))
        successor.grow(2)
        added(witness, successor.request(3))


def test_the_key_of_a_log_is_not_that_of_a_witness(tmp_path: Path) -> None:
    key = show_key(tmp_path, NAME)
    for text in (GrowingLog().vkey, key.text[:-2] + "A=", key.text.replace(NAME, "x"), f"a b{key.text}", ""):
        with pytest.raises(NoteMalformed):
            WitnessKey.parse(text)
    assert WitnessKey.parse(key.text) == key
