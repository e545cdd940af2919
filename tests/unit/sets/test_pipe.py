"""The pipe with its real programs: what comes out of the store is what went in, or one clear error and no child."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from intendance.engines import Finished
from intendance.model.errors.engine import EngineFailed
from intendance.model.errors.pipe import StreamIncomplete
from intendance.model.errors.process import ProgramFailed, ProgramMissing
from intendance.runs import Progress
from intendance.sets.pipe import PipeLimits, Share, store_stream
from intendance.stores import StoredObject
from intendance.system import process
from intendance.system.openpgp import RecipientHome
from tests.support.children import assassin
from tests.support.gnupg import Keys
from tests.support.memory_store import MemoryStore
from tests.support.pipes import ONE_PART, SMALL, opened, random_file, shell, store

pytestmark = pytest.mark.gnupg


def test_a_stream_comes_back_from_its_parts(
    recipient_home: RecipientHome, keys: Keys, tmp_path: Path, nothing_left: None
) -> None:
    source = random_file(tmp_path, 20_000_000)
    place = MemoryStore()
    told: list[Progress] = []
    done = store(shell(f"cat {source}; echo one file changed >&2"), place, recipient_home, told=told)
    assert [part.name for part in done.parts] == [f"tree-{n:05d}.zst.gpg" for n in range(len(done.parts))]
    assert len(done.parts) > 2
    assert all(part.plain_bytes >= 1 << 20 for part in done.parts[:-1])
    assert opened(place, done.parts, keys) == source.read_bytes()
    assert done.source_bytes == 20_000_000
    assert done.finished == Finished(details={"code": 0}, warnings=("one file changed",))
    assert done.recipients == tuple(sorted(recipient.fingerprint for recipient in keys.recipients))
    assert (done.name, done.media, done.argv[0]) == ("tree", "tar", "sh")
    assert [p.done_bytes for p in told] == sorted(p.done_bytes for p in told)
    assert told[-1] == Progress(phase="pack", done_bytes=20_000_000, total_bytes=None)
    assert len(told) <= 21


@pytest.mark.parametrize(
    ("expected_bytes", "how"),
    [(None, "-T1"), (100, "--single-thread"), (8 << 20, "-T1"), ((8 << 20) - 1, "--single-thread")],
)
def test_a_stream_that_is_expected_to_be_short_is_compressed_while_it_comes(
    expected_bytes: int | None, how: str, recipient_home: RecipientHome, keys: Keys, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """And one that is long after all has all threads from its second part on."""
    begun: list[str] = []
    start = process.start

    def seen(argv: Sequence[str], **options: Any) -> process.Child:
        if argv[0] == "zstd":
            begun.append(argv[-2])
        return start(argv, **options)

    monkeypatch.setattr(process, "start", seen)
    source = random_file(tmp_path, 12_000_000)
    place = MemoryStore()
    done = store_stream(
        shell(f"cat {source}"), store=place, prefix="f/n/a/set.1", home=recipient_home, progress=lambda _: None,
        limits=SMALL, share=Share(done_bytes=7, total_bytes=None if expected_bytes is None else 7 + expected_bytes),
    )  # fmt: skip
    assert len(begun) == len(done.parts) > 1
    assert begun == [how, *["-T1"] * (len(begun) - 1)]
    assert opened(place, done.parts, keys) == source.read_bytes()


@pytest.mark.parametrize("marker", [None, b"-- Dump completed"])
def test_an_empty_or_tiny_stream_is_one_part(
    marker: bytes | None, recipient_home: RecipientHome, keys: Keys, nothing_left: None
) -> None:
    place = MemoryStore()
    text = "" if marker is None else "-- Dump completed on 2026-11-21"
    done = store(shell(f"printf '%s' '{text}'", end_marker=marker), place, recipient_home)
    assert len(done.parts) == len(place.objects) == 1
    assert done.source_bytes == len(text)
    assert opened(place, done.parts, keys) == text.encode()


def test_no_part_is_begun_for_nothing(recipient_home: RecipientHome, keys: Keys, nothing_left: None) -> None:
    """The last part is full and the producer silent for a while; then it ends without another byte."""
    place = MemoryStore()
    limits = PipeLimits(level=1, threads=1, part_bytes=1, stall_seconds=60)
    done = store(shell("head -c 9000000 /dev/urandom; exec >&-; true"), place, recipient_home, limits)
    assert all(part.plain_bytes > 100 for part in done.parts)
    assert len(opened(place, done.parts, keys)) == 9_000_000


def test_a_part_ends_by_what_it_was_fed_however_far_zstd_reads_ahead(
    recipient_home: RecipientHome, keys: Keys, nothing_left: None
) -> None:
    """Zeroes: their compressed bytes alone would never end a part."""
    place = MemoryStore()
    limits = PipeLimits(level=1, threads=1, part_bytes=64 << 20, fed_bytes=4 << 20)
    done = store(shell("head -c 20000000 /dev/zero"), place, recipient_home, limits)
    assert 3 < len(done.parts) <= 5
    assert opened(place, done.parts, keys) == bytes(20_000_000)


class Crowd(MemoryStore):
    """Counts how many objects are being put at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return super().put(key, chunks)
        finally:
            with self._lock:
                self.now -= 1


def test_at_most_two_parts_are_under_way(recipient_home: RecipientHome, tmp_path: Path, nothing_left: None) -> None:
    place = Crowd()
    done = store(shell(f"cat {random_file(tmp_path, 30_000_000)}"), place, recipient_home)
    assert len(done.parts) > 4
    assert 1 <= place.most <= 2


@pytest.mark.parametrize("before", [0, 10, 1 << 20, (1 << 20) - 8, 5_000_000])
def test_the_end_mark_is_seen_wherever_reads_fall(
    before: int, recipient_home: RecipientHome, keys: Keys, nothing_left: None
) -> None:
    script = f"head -c {before} /dev/zero; printf -- '-- Dump comp'; sleep 0.05; printf 'leted on today\\n'"
    producer = shell(script, stream="db-crud", media="sql", end_marker=b"-- Dump completed")
    place = MemoryStore()
    done = store(producer, place, recipient_home)
    assert opened(place, done.parts, keys) == bytes(before) + b"-- Dump completed on today\n"


@pytest.mark.parametrize(
    "script",
    [
        "head -c 3000000 /dev/zero",
        "printf -- '-- Dump completed'; head -c 240 /dev/zero",
        "true",
    ],
)
def test_without_its_end_mark_a_stream_is_incomplete(
    script: str, recipient_home: RecipientHome, nothing_left: None
) -> None:
    place = MemoryStore()
    with pytest.raises(StreamIncomplete, match="db-crud"):
        store(shell(script, stream="db-crud", media="sql", end_marker=b"-- Dump completed"), place, recipient_home)
    assert place.objects == {}


@pytest.mark.parametrize("size", [0, 100, 9_000_000])
def test_the_producers_failure_is_told_in_the_engines_words(
    size: int, recipient_home: RecipientHome, nothing_left: None
) -> None:
    place = MemoryStore()
    with pytest.raises(EngineFailed, match="code 3: cannot stat"):
        store(shell(f"head -c {size} /dev/zero; echo cannot stat >&2; exit 3"), place, recipient_home, ONE_PART)
    assert place.objects == {}


def test_a_killed_producer_fails_even_when_its_engine_is_lenient(
    recipient_home: RecipientHome, nothing_left: None
) -> None:
    place = MemoryStore()
    lenient = shell("echo half; kill -9 $$", finish=lambda code, stderr: Finished())
    with pytest.raises(ProgramFailed, match="code -9"):
        store(lenient, place, recipient_home)
    assert place.objects == {}


def test_a_missing_producer(recipient_home: RecipientHome, nothing_left: None) -> None:
    with pytest.raises(ProgramMissing, match="no-such-dump"):
        store(shell("", argv=("no-such-dump",)), MemoryStore(), recipient_home)


@pytest.mark.parametrize("program", ["zstd", "gpg"])
@pytest.mark.parametrize("marker", [None, b"never"])
def test_the_first_cause_is_told_when_a_stage_is_killed(
    program: str, marker: bytes | None, recipient_home: RecipientHome, nothing_left: None
) -> None:
    """Everything else then breaks by consequence: broken pipes, early ends. None of that is what is said."""
    place = MemoryStore()
    with assassin(program), pytest.raises(ProgramFailed, match=f"`{program}` ended with code -9"):
        store(shell("exec yes 'some line of text'", end_marker=marker), place, recipient_home, ONE_PART)
    assert place.objects == {}
