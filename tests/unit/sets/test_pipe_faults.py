"""What goes wrong around the pipe: a full, slow or lying store, a foreign recipient, a stop in the middle."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from intendance.model.errors import IntendanceError
from intendance.model.errors.openpgp import PacketsRefused, RecipientUnusable
from intendance.model.errors.pipe import PipeStalled, StreamIncomplete
from intendance.model.errors.process import ProgramFailed
from intendance.model.errors.sets import CopyDiffers
from intendance.model.errors.store import ObjectExists, StoreFull
from intendance.model.plan import Recipient
from intendance.runs import Progress
from intendance.sets import pipeline
from intendance.sets.pipe import Beside, PipeLimits, store_stream
from intendance.stores import StoredObject
from intendance.system import process
from intendance.system.openpgp import RecipientHome
from tests.support.children import children_of
from tests.support.gnupg import Keys
from tests.support.memory_store import MemoryStore
from tests.support.pipes import ONE_PART, SMALL, opened, shell, store

pytestmark = pytest.mark.gnupg


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
        store(shell("exec yes"), place, recipient_home, ONE_PART)
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
        ("sh", "-c", "cat >/dev/null"): "empty",  # one that takes nothing is told of as that, or as this
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
        store(shell("exec yes"), MemoryStore(), early, ONE_PART)


class Stop(BaseException):
    """As a signal handler raises it."""


def test_a_stop_of_the_main_thread_leaves_no_child(recipient_home: RecipientHome, nothing_left: None) -> None:
    def told(number: int, frame: FrameType | None) -> None:
        raise Stop

    former = signal.signal(signal.SIGALRM, told)
    place = MemoryStore()
    try:
        for script, marker in (("exec yes", None), ("exec sleep 600", None), ("exec yes", b"never")):
            with pytest.raises(Stop):  # noqa: PT012 -- the signal may come at once
                signal.setitimer(signal.ITIMER_REAL, 0.3)
                store(shell(script, end_marker=marker), place, recipient_home, ONE_PART)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert place.objects == {}


@pytest.mark.parametrize("program", ["sh", "zstd", "gpg"])
def test_a_stop_while_a_program_begins_leaves_no_child(
    program: str, recipient_home: RecipientHome, monkeypatch: pytest.MonkeyPatch, nothing_left: None
) -> None:
    """It runs, and nobody knows of it yet who could end it: a busy machine is long in between."""

    def told(number: int, frame: FrameType | None) -> None:
        raise Stop

    begin = process.start

    def begin_and_be_told(argv: Sequence[str], **surroundings: Any) -> process.Child:
        child = begin(argv, **surroundings)
        if argv[0] == program:
            signal.raise_signal(signal.SIGALRM)
        return child

    former = signal.signal(signal.SIGALRM, told)
    monkeypatch.setattr(process, "start", begin_and_be_told)
    place = MemoryStore()
    try:
        with pytest.raises(Stop):
            store(shell("exec yes"), place, recipient_home, ONE_PART)
    finally:
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


def test_a_key_that_is_found_unusable_meanwhile_ends_the_producer_and_nothing_is_stored(
    keys: Keys, nothing_left: None
) -> None:
    """The recipients' keys may be read while the producer runs; by then nothing of it has gone anywhere."""
    place = MemoryStore()
    stranger = Recipient(name="owner", fingerprint="AB" * 20, held_by="nobody", armored=keys.owner.armored)

    def meanwhile() -> None:
        assert children_of(), "the producer"
        home.prepare()

    with RecipientHome([stranger], late=True) as home, pytest.raises(RecipientUnusable, match="owner"):
        store_stream(
            shell("exec yes"),
            store=place,
            prefix="f/n/a/set.1",
            home=home,
            progress=lambda _: None,
            limits=SMALL,
            beside=Beside(begun=meanwhile),
        )
    assert place.objects == {}


def test_a_late_home_is_not_used_before_it_is_prepared(keys: Keys) -> None:
    with RecipientHome(keys.recipients, late=True) as home:
        with pytest.raises(RuntimeError):
            home.encrypt_argv()
        with pytest.raises(RuntimeError):
            _ = home.key_ids
        home.prepare()
        path = home.path
        home.prepare()
        assert home.path == path
    assert not path.exists()


def test_errors_say_what_to_do() -> None:
    for error in (PipeStalled(stream="tree", seconds=900), StreamIncomplete(stream="db-crud")):
        assert isinstance(error, IntendanceError)
        assert error.advice
