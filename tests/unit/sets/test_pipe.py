"""The pipe with its real programs: what comes out of the store is what went in, or one clear error and no child."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from types import FrameType

import pytest

from intendance.engines import Finished, Producer
from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import EngineFailed
from intendance.model.errors.openpgp import PacketsRefused
from intendance.model.errors.pipe import PipeStalled, StreamIncomplete
from intendance.model.errors.process import ProgramFailed, ProgramMissing
from intendance.model.errors.sets import CopyDiffers
from intendance.model.errors.store import ObjectExists, StoreFull
from intendance.runs import Progress
from intendance.sets import pipeline
from intendance.sets.manifest import Part
from intendance.sets.pipe import PipeLimits, StoredStream, store_stream
from intendance.stores import StoredObject
from intendance.system.openpgp import RecipientHome
from tests.support.children import children_of, open_descriptors
from tests.support.gnupg import Keys
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.gnupg

SMALL = PipeLimits(level=1, threads=1, part_bytes=1 << 20, stall_seconds=60)


def accept(code: int, stderr: str) -> Finished:
    if code != 0:
        raise EngineFailed(asset="the site", detail=f"code {code}: {stderr}")
    return Finished(details={"code": code}, warnings=tuple(stderr.splitlines()))


def shell(script: str, **changes: object) -> Producer:
    given: dict[str, object] = {"stream": "tree", "media": "tar", "argv": ("sh", "-c", script), "finish": accept}
    return Producer(**(given | changes))  # type: ignore[arg-type]


def random_file(tmp_path: Path, size: int) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(size))
    return path


def store(
    producer: Producer,
    place: MemoryStore,
    home: RecipientHome,
    limits: PipeLimits = SMALL,
    told: list[Progress] | None = None,
) -> StoredStream:
    sink: Callable[[Progress], None] = (lambda _: None) if told is None else told.append
    return store_stream(producer, store=place, prefix="f/n/a/set.1", home=home, progress=sink, limits=limits)


def opened(place: MemoryStore, parts: Iterable[Part], keys: Keys) -> bytes:
    """As RESTORE.sh does it: each part decrypted, its frame unpacked by itself."""
    plain = b""
    for part in parts:
        ciphertext = place.objects[f"f/n/a/set.1/{part.name}"][0]
        frame = keys.drill.decrypt(ciphertext)
        assert (len(ciphertext), sha256(ciphertext).hexdigest()) == (part.cipher_bytes, part.sha256_cipher)
        assert (len(frame), sha256(frame).hexdigest()) == (part.plain_bytes, part.sha256_plain)
        plain += subprocess.run(["zstd", "-q", "-dc"], input=frame, capture_output=True, check=True).stdout
    return plain


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Afterwards: no child, no thread of ours, no descriptor."""
    children, descriptors, threads = children_of(), open_descriptors(), threading.active_count()
    yield
    deadline = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(children_of()) == set(children)
    assert threading.active_count() <= threads
    assert open_descriptors() <= descriptors


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
        store(shell(f"head -c {size} /dev/zero; echo cannot stat >&2; exit 3"), place, recipient_home)
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

    def assassin() -> None:
        while not (found := [pid for pid, name in children_of().items() if name == program]):
            pass
        os.kill(found[0], signal.SIGKILL)

    thread = threading.Thread(target=assassin)
    thread.start()
    with pytest.raises(ProgramFailed, match=f"`{program}` ended with code -9"):
        store(shell("exec yes 'some line of text'", end_marker=marker), place, recipient_home)
    thread.join()
    assert place.objects == {}


class FullStore(MemoryStore):
    """Has room for `room` bytes of each object."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        return super().put(key, self._measured(chunks))

    def _measured(self, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        left = self.room
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise StoreFull(store=self.name, free="0 bytes")
            yield chunk


@pytest.mark.parametrize("room", [0, 700_000])
@pytest.mark.parametrize("marker", [None, b"never"])
def test_a_full_store_ends_everything_at_once(
    room: int, marker: bytes | None, recipient_home: RecipientHome, nothing_left: None
) -> None:
    place = FullStore(room)
    with pytest.raises(StoreFull):
        store(shell("exec cat /dev/urandom", end_marker=marker), place, recipient_home)
    assert place.objects == {}


def test_a_full_store_is_told_to_a_producer_that_says_nothing(
    recipient_home: RecipientHome, nothing_left: None
) -> None:
    with pytest.raises(StoreFull):
        store(shell("head -c 9000000 /dev/urandom; exec sleep 600"), FullStore(0), recipient_home)


def test_a_name_that_is_taken_is_never_written_over(recipient_home: RecipientHome, nothing_left: None) -> None:
    place = MemoryStore()
    place.put("f/n/a/set.1/tree-00000.zst.gpg", [b"of an earlier attempt"])
    with pytest.raises(ObjectExists):
        store(shell("exec yes"), place, recipient_home)
    assert [content for content, _ in place.objects.values()] == [b"of an earlier attempt"]


def test_a_silent_producer_is_a_hang_after_a_while(recipient_home: RecipientHome, nothing_left: None) -> None:
    limits = PipeLimits(stall_seconds=0.5)
    for marker in (None, b"never"):
        with pytest.raises(PipeStalled, match="tree"):
            store(shell("echo begun; exec sleep 600", end_marker=marker), MemoryStore(), recipient_home, limits)


def test_a_producer_that_closes_its_output_and_stays_is_a_hang(
    recipient_home: RecipientHome, nothing_left: None
) -> None:
    with pytest.raises(PipeStalled):
        store(shell("exec >&-; exec sleep 600"), MemoryStore(), recipient_home, PipeLimits(stall_seconds=0.5))


def test_a_store_that_hangs_does_not_hang_us(recipient_home: RecipientHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_GRACE_SECONDS", 0.2)
    hang = threading.Event()
    before = set(children_of())

    class Hanging(MemoryStore):
        def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
            next(iter(chunks))
            hang.wait()
            raise OSError("gone")

    with pytest.raises(PipeStalled):
        store(shell("exec cat /dev/urandom"), Hanging(), recipient_home, PipeLimits(stall_seconds=0.5))
    assert set(children_of()) <= before
    hang.set()  # it comes back: what was kept open for it is closed
    while any(thread.name.startswith("tree") for thread in threading.enumerate()):
        time.sleep(0.01)


def test_a_store_that_keeps_less_is_caught(recipient_home: RecipientHome, nothing_left: None) -> None:
    class Forgetful(MemoryStore):
        def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
            whole = b"".join(bytes(chunk) for chunk in chunks)
            return super().put(key, [whole[:-1]])

    with pytest.raises(CopyDiffers):
        store(shell("echo text"), Forgetful(), recipient_home)


class Watched(MemoryStore):
    """Remembers every byte that it was given, even of objects that did not come to be."""

    def __init__(self) -> None:
        super().__init__()
        self.given = b""

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        return super().put(key, self._seen(chunks))

    def _seen(self, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        for chunk in chunks:
            self.given += bytes(chunk)
            yield chunk


class Wrapped(RecipientHome):
    """A home whose encryption is replaced: for what a bad gpg, or its configuration, could do."""

    def __init__(self, home: RecipientHome, argv: tuple[str, ...]) -> None:
        super().__init__(())
        self._argv = argv
        self._key_ids = dict(home.key_ids)

    def encrypt_argv(self) -> tuple[str, ...]:
        return self._argv


def test_what_is_not_encrypted_to_the_plan_never_reaches_the_store(
    recipient_home: RecipientHome, keys: Keys, nothing_left: None
) -> None:
    argv = recipient_home.encrypt_argv()
    stranger = tuple(word for word in argv if word != argv[-4])  # one recipient fewer, its option with it
    assert stranger != argv
    cases = {
        ("cat",): "not an OpenPGP message",
        (*argv[:-3], "--throw-keyids", *argv[-3:]): "hidden",
        (*argv[:-3], "--armor", *argv[-3:]): "not an OpenPGP message",
        (*argv[:-5], *argv[-3:]): "not encrypted to",
        ("true",): "empty",
    }
    for words, said in cases.items():
        place = Watched()
        with pytest.raises(PacketsRefused, match=said):
            store(shell("head -c 3000000 /dev/urandom"), place, Wrapped(recipient_home, words))
        assert place.given == b""
        assert place.objects == {}


def test_a_gpg_that_fails_says_why(recipient_home: RecipientHome, nothing_left: None) -> None:
    broken = Wrapped(recipient_home, ("sh", "-c", "cat >/dev/null; echo 'gpg: no entropy' >&2; exit 2"))
    with pytest.raises(ProgramFailed, match="no entropy"):
        store(shell("echo text"), MemoryStore(), broken)
    early = Wrapped(recipient_home, ("sh", "-c", "echo 'gpg: no such key' >&2; exit 2"))
    with pytest.raises(ProgramFailed, match="no such key"):
        store(shell("exec yes"), MemoryStore(), early)


class Stop(BaseException):
    """As a signal handler raises it."""


def test_a_stop_of_the_main_thread_leaves_no_child(recipient_home: RecipientHome, nothing_left: None) -> None:
    def told(number: int, frame: FrameType | None) -> None:
        raise Stop

    former = signal.signal(signal.SIGALRM, told)
    place = MemoryStore()
    try:
        for script, marker in (("exec yes", None), ("exec sleep 600", None), ("exec yes", b"never")):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(Stop):
                store(shell(script, end_marker=marker), place, recipient_home, PipeLimits())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert place.objects == {}


def test_the_producers_surroundings_are_as_it_asked(
    recipient_home: RecipientHome, keys: Keys, tmp_path: Path, nothing_left: None
) -> None:
    lines: list[bytes] = []
    readable, writable = os.pipe()
    os.write(writable, b"secret")
    os.close(writable)
    producer = shell(
        f"pwd; echo $LEVEL; cat /dev/fd/{readable}; echo heard >&2",
        cwd=str(tmp_path), environment={"LEVEL": "0"}, pass_fds=(readable,), on_stderr=lines.append,
    )  # fmt: skip
    place = MemoryStore()
    done = store(producer, place, recipient_home)
    os.close(readable)
    assert opened(place, done.parts, keys) == f"{tmp_path}\n0\nsecret".encode()
    assert lines == [b"heard\n"]


def test_a_failing_sink_ends_the_pipe(recipient_home: RecipientHome, nothing_left: None) -> None:
    def sink(_: Progress) -> None:
        raise RuntimeError("the run was taken over")

    with pytest.raises(RuntimeError, match="taken over"):
        store_stream(
            shell("exec yes"),
            store=MemoryStore(),
            prefix="f/n/a/set.1",
            home=recipient_home,
            progress=sink,
            limits=SMALL,
        )


def test_errors_say_what_to_do() -> None:
    for error in (PipeStalled(stream="tree", seconds=900), StreamIncomplete(stream="db-crud")):
        assert isinstance(error, IntendanceError)
        assert error.advice
