"""No changed byte passes: every byte of 200 records, of their files and of the checkpoint, one at a time."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from intendance.ledger.rows import Row
from intendance.ledger.source import Unreadable, open_source
from intendance.ledger.tlog import bundle
from intendance.ledger.verify import verify
from intendance.model.errors.state import NoState
from tests.support.ledger_material import InMemory, begin, fill

RECORDS = 200
TOGETHER = 20
"""Records flipped in one verification of the normal suite; each of them must be named by itself."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("flips") / "state"
    with begin(place) as book:
        fill(book, RECORDS - 1)
        book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return place


@pytest.fixture(scope="module")
def sound(state: Path) -> InMemory:
    ledger = InMemory.of(state)
    for path in list(ledger.files):  # only what the last checkpoint needs: the whole of it must be bound
        if not path.endswith(f".p/{RECORDS}"):
            del ledger.files[path]
    assert verify(ledger).exit_code == 0
    return ledger


def flipped(content: bytes, at: int, chance: random.Random) -> bytes:
    changed = bytearray(content)
    changed[at] ^= chance.randint(1, 255)
    return bytes(changed)


def changes(sound: InMemory, chance: random.Random) -> Iterator[tuple[str, int, InMemory]]:
    """Every ledger that differs from the sound one by one byte, with the record to look at."""
    for row in sound.kept:
        for at in range(len(row.content)):
            kept = list(sound.kept)
            kept[row.seq] = row._replace(content=flipped(row.content, at, chance))
            yield f"record {row.seq} byte {at}", row.seq, InMemory(kept, sound.signed, sound.files)
    for path, content in sound.files.items():
        at = 0
        for row in sound.kept:
            for _ in range(2 + len(row.content) if "entries" in path else 32):
                files = sound.files | {path: flipped(content, at, chance)}
                yield f"{path} byte {at}", row.seq, InMemory(sound.kept, sound.signed, files)
                at += 1
        assert at == len(content)
    assert sound.signed is not None
    for at in range(len(sound.signed)):
        yield f"checkpoint byte {at}", 0, InMemory(sound.kept, flipped(sound.signed, at, chance), sound.files)


@pytest.mark.parametrize("first", range(0, RECORDS, TOGETHER))
def test_every_byte_of_every_record_is_bound_to_the_signed_root(sound: InMemory, first: int) -> None:
    chance = random.Random(first)
    group = sound.kept[first : first + TOGETHER]
    for at in range(max(len(row.content) for row in group)):
        kept = list(sound.kept)
        hit = [row for row in group if at < len(row.content)]
        for row in hit:
            kept[row.seq] = row._replace(content=flipped(row.content, at, chance))
        report = verify(InMemory(kept, sound.signed, sound.files), first=first, last=first + TOGETHER - 1)
        named = {found.where for found in report.findings if found.detail == "it is not the record that was signed"}
        assert named == {f"record {row.seq}" for row in hit}, at
        assert report.exit_code == 1


@pytest.mark.parametrize("first", range(0, RECORDS, TOGETHER))
def test_every_byte_of_every_bundled_entry_is_compared(sound: InMemory, first: int) -> None:
    chance = random.Random(first)
    (path,) = (path for path in sound.files if "entries" in path)
    group = sound.kept[first : first + TOGETHER]
    for at in range(max(len(row.content) for row in group)):
        hit = [row for row in group if at < len(row.content)]
        entries = [row.content for row in sound.kept]
        for row in hit:
            entries[row.seq] = flipped(row.content, at, chance)
        ledger = InMemory(sound.kept, sound.signed, sound.files | {path: bundle(entries)})
        report = verify(ledger, first=first, last=first + TOGETHER - 1)
        named = {found.detail.rpartition(" at ")[2] for found in report.findings if found.where == path}
        assert named == {f"record {row.seq}" for row in hit}, at
        assert report.exit_code == 1


def test_every_other_byte_one_at_a_time(sound: InMemory) -> None:
    """Hash tiles, the lengths in bundles, and the checkpoint."""
    chance = random.Random(20261121)
    (entries,) = (path for path in sound.files if "entries" in path)
    content, at, passed = sound.files[entries], 0, []
    for row in sound.kept:
        for length_byte in (at, at + 1):
            files = sound.files | {entries: flipped(content, length_byte, chance)}
            if verify(InMemory(sound.kept, sound.signed, files), first=row.seq, last=row.seq).exit_code == 0:
                passed.append(length_byte)
        at += 2 + len(row.content)
    assert passed == []
    for name, seq, ledger in changes(InMemory(sound.kept, sound.signed, _without(sound.files, entries)), chance):
        if name.startswith("record"):
            continue
        ledger.files[entries] = content
        assert verify(ledger, first=seq, last=seq).exit_code != 0, name


def _without(files: dict[str, bytes], path: str) -> dict[str, bytes]:
    return {other: content for other, content in files.items() if other != path}


@pytest.mark.long
def test_every_byte_one_at_a_time(sound: InMemory) -> None:
    chance = random.Random(2026)
    assert [
        name for name, seq, ledger in changes(sound, chance) if verify(ledger, first=seq, last=seq).exit_code == 0
    ] == []


def test_the_whole_verification_sees_them_too(sound: InMemory) -> None:
    chance = random.Random(8785)
    passed = [
        name
        for number, (name, _, ledger) in enumerate(changes(sound, chance))
        if number % 997 == 0 and verify(ledger).exit_code == 0
    ]
    assert passed == []


def test_a_changed_byte_in_the_database_is_seen_from_the_state_folder(state: Path, tmp_path: Path) -> None:
    shutil.copytree(state, tmp_path / "s")
    chance = random.Random(6962)
    connection = sqlite3.connect(tmp_path / "s/agent/state.db", isolation_level=None)
    connection.executescript("DROP TRIGGER record_is_never_changed; DROP TRIGGER record_is_never_deleted;")
    contents: list[bytes] = [content for (content,) in connection.execute("SELECT content FROM record ORDER BY seq")]
    for seq in range(0, RECORDS, 20):
        changed = flipped(contents[seq], chance.randrange(len(contents[seq])), chance)
        connection.execute("UPDATE record SET content = ? WHERE seq = ?", (changed, seq))
        with open_source(tmp_path / "s") as source:
            assert verify(source).exit_code != 0, seq
        connection.execute("UPDATE record SET content = ? WHERE seq = ?", (contents[seq], seq))
    with open_source(tmp_path / "s") as source:
        assert verify(source).exit_code == 0
    connection.close()


def test_a_changed_byte_of_the_database_file_never_passes_with_changed_records(state: Path, tmp_path: Path) -> None:
    """A flip may hit what holds no record (free space, another table): then the records must be the same as before."""
    shutil.copytree(state, tmp_path / "s")
    database = tmp_path / "s/agent/state.db"
    original = database.read_bytes()
    with open_source(tmp_path / "s") as source:
        before = list(source.rows(0, RECORDS))
    chance = random.Random(2026)
    places = [*range(0, 100, 3), *chance.sample(range(len(original)), 220)]
    detected = 0
    for at in places:
        database.write_bytes(flipped(original, at, chance))
        code, now = _verified(tmp_path / "s")
        assert code != 0 or now == before, at
        detected += code != 0
    assert detected > len(places) // 2


def _verified(state: Path) -> tuple[int, list[Row]]:
    try:
        with open_source(state) as source:
            code = verify(source).exit_code
            return code, list(source.rows(0, RECORDS))
    except (Unreadable, NoState):
        return 5, []
