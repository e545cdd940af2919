"""Back from the store: the consumer gets exactly what was backed up, or is killed before it could take it for whole."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import IO

import pytest

from intendance.engines import Consumer, Finished, Producer
from intendance.model.errors import InternalError
from intendance.model.errors.engine import LoadFailed
from intendance.model.errors.openpgp import DecryptionFailed, NoSecretKey
from intendance.model.errors.pipe import PipeStalled, StageEnded, StreamIncomplete
from intendance.model.errors.process import ProgramFailed
from intendance.model.errors.sets import PartDamaged
from intendance.model.errors.store import StoreUnreachable
from intendance.runs import Progress
from intendance.sets.manifest import Part
from intendance.sets.pipe import PipeLimits, StoredStream, store_stream
from intendance.sets.unpipe import HEAD_BYTES, LoadedStream, StreamSource, load_stream
from intendance.system.openpgp import RecipientHome
from tests.support.children import assassin
from tests.support.gnupg import Keys
from tests.support.memory_store import MemoryStore

pytestmark = pytest.mark.gnupg

FOLDER = "f/n/a/a.backup-full.20261121T080000Z.1"
CONTENT = os.urandom(24_000_000) + b"-- a line of a dump\n" * 400_000 + os.urandom(200_000)
"""Its first part does not shrink: while the consumer takes nothing, all pipes together do not hold it."""


@pytest.fixture(scope="module")
def stored(recipient_home: RecipientHome, tmp_path_factory: pytest.TempPathFactory) -> tuple[MemoryStore, StoredStream]:
    """A stream of several parts, stored once."""
    path = tmp_path_factory.mktemp("source") / "content"
    path.write_bytes(CONTENT)
    place = MemoryStore()
    producer = Producer(stream="tree", media="tar", argv=("cat", str(path)), finish=lambda code, stderr: Finished())
    limits = PipeLimits(level=1, threads=1, fed_bytes=14 << 20)
    done = store_stream(
        producer, store=place, prefix=FOLDER, home=recipient_home, progress=lambda _: None, limits=limits
    )
    assert len(done.parts) >= 3
    return place, done


@pytest.fixture(autouse=True)
def holder(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The person at the keyboard holds the drill key."""
    monkeypatch.setenv("GNUPGHOME", str(keys.drill.home))


def accept(code: int, stderr: str) -> None:
    if code != 0:
        raise LoadFailed(destination="the new database", detail=f"code {code}: {stderr}")


def shell(script: str, **changes: object) -> Consumer:
    given: dict[str, object] = {"stream": "tree", "argv": ("sh", "-c", script), "finish": accept}
    return Consumer(**(given | changes))  # type: ignore[arg-type]


def source(place: MemoryStore, done: StoredStream, **changes: object) -> StreamSource:
    given: dict[str, object] = {
        "store": place, "folder": FOLDER, "parts": done.parts, "recipients": done.recipients,
        "source_bytes": done.source_bytes,
    }  # fmt: skip
    return StreamSource(**(given | changes))  # type: ignore[arg-type]


def load(origin: StreamSource, consumer: Consumer, stall_seconds: float = 60) -> LoadedStream:
    return load_stream(origin, consumer, progress=lambda _: None, stall_seconds=stall_seconds)


def changed(place: MemoryStore, done: StoredStream, index: int, content: bytes | None) -> MemoryStore:
    """A copy of the store in which one part has other bytes, or is gone."""
    other = MemoryStore()
    other.objects = dict(place.objects)
    key = f"{FOLDER}/{done.parts[index].name}"
    if content is None:
        del other.objects[key]
    else:
        other.objects[key] = (content, other.objects[key][1])
    return other


def ciphertext(place: MemoryStore, part: Part) -> bytes:
    return place.objects[f"{FOLDER}/{part.name}"][0]


def test_the_consumer_gets_every_byte(
    stored: tuple[MemoryStore, StoredStream], tmp_path: Path, nothing_left: None
) -> None:
    place, done = stored
    told: list[Progress] = []
    loaded = load_stream(
        source(place, done), shell(f"cat > {tmp_path}/out"), progress=told.append, done_bytes=7, total_bytes=99
    )
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert loaded.restored_bytes == len(CONTENT)
    assert loaded.load_seconds > 0
    assert loaded.decrypt_seconds > 0
    assert loaded.fetch_seconds > 0
    assert told[-1] == Progress(phase="load", done_bytes=7 + len(CONTENT), total_bytes=99)
    assert [p.done_bytes for p in told] == sorted(p.done_bytes for p in told)


@pytest.mark.parametrize("size", [0, 5, HEAD_BYTES, HEAD_BYTES + 1])
def test_the_head_is_rewritten_and_the_rest_is_not(
    size: int, recipient_home: RecipientHome, tmp_path: Path, nothing_left: None
) -> None:
    content = os.urandom(size)
    (tmp_path / "in").write_bytes(content)
    place = MemoryStore()
    producer = Producer(
        stream="db", media="sql", argv=("cat", str(tmp_path / "in")), finish=lambda code, stderr: Finished()
    )
    done = store_stream(producer, store=place, prefix=FOLDER, home=recipient_home, progress=lambda _: None)
    seen: list[bytes] = []

    def head(first: bytes) -> bytes:
        seen.append(first)
        return b"USE other;" * 10_000 + first[3:]

    load(source(place, done), shell(f"cat > {tmp_path}/out", head=head))
    assert seen == [content[:HEAD_BYTES]]
    assert (tmp_path / "out").read_bytes() == b"USE other;" * 10_000 + content[3:]


@pytest.mark.parametrize("damage", ["flipped", "truncated", "longer", "missing", "swapped"])
def test_a_changed_part_stops_before_any_byte_of_it(
    damage: str, stored: tuple[MemoryStore, StoredStream], keys: Keys, tmp_path: Path, nothing_left: None
) -> None:
    place, done = stored
    index = 1
    good = ciphertext(place, done.parts[index])
    bad = {
        "flipped": good[:5000] + bytes([good[5000] ^ 1]) + good[5001:],
        "truncated": good[:-1],
        "longer": good + b"\0",
        "missing": None,
        "swapped": ciphertext(place, done.parts[0]),
    }[damage]
    with pytest.raises(PartDamaged) as refused:
        load(source(changed(place, done, index, bad), done), shell(f"cat > {tmp_path}/out"))
    assert done.parts[index].name in refused.value.message
    assert FOLDER.rpartition("/")[2] in refused.value.message
    taken = (tmp_path / "out").read_bytes() if (tmp_path / "out").exists() else b""
    frame = keys.drill.decrypt(ciphertext(place, done.parts[0]))
    first = subprocess.run(["zstd", "-q", "-dc"], input=frame, capture_output=True, check=True).stdout
    assert first.startswith(taken)


def test_a_part_that_its_manifest_does_not_mean_is_refused(
    stored: tuple[MemoryStore, StoredStream], tmp_path: Path, nothing_left: None
) -> None:
    """The ciphertext is as listed, and decrypts; but not to what was backed up."""
    place, done = stored
    parts = (*done.parts[:-1], replace(done.parts[-1], sha256_plain="0" * 64))
    with pytest.raises(PartDamaged, match="not what its manifest lists"):
        load(source(place, done, parts=parts), shell(f"cat > {tmp_path}/out; echo whole > {tmp_path}/taken"))
    assert not (tmp_path / "taken").exists()  # killed before it could see an end


def test_a_stream_that_gives_less_than_its_manifest_says_is_incomplete(
    stored: tuple[MemoryStore, StoredStream], tmp_path: Path, nothing_left: None
) -> None:
    place, done = stored
    with pytest.raises(StreamIncomplete):
        load(source(place, done, parts=done.parts[:-1]), shell(f"cat >/dev/null; echo whole > {tmp_path}/taken"))
    assert not (tmp_path / "taken").exists()
    with pytest.raises(InternalError):
        load(source(place, done, parts=()), shell("cat >/dev/null"))


def test_without_a_key_it_is_said_who_has_one(
    stored: tuple[MemoryStore, StoredStream],
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    nothing_left: None,
) -> None:
    """The node's own keyring decrypts nothing."""
    place, done = stored
    monkeypatch.setenv("GNUPGHOME", str(keys.node.home))
    with pytest.raises(NoSecretKey) as refused:
        load(source(place, done), shell(f"cat > {tmp_path}/out"))
    assert all(fingerprint in refused.value.message for fingerprint in done.recipients)
    assert (tmp_path / "out").read_bytes() == b"" if (tmp_path / "out").exists() else True


def test_a_message_that_was_tampered_with_does_not_decrypt(
    stored: tuple[MemoryStore, StoredStream], tmp_path: Path, nothing_left: None
) -> None:
    """Somebody changed the part and its hash in the manifest alike: the integrity code still tells."""
    place, done = stored
    good = ciphertext(place, done.parts[0])
    bad = good[:-5000] + bytes([good[-5000] ^ 1]) + good[-4999:]
    parts = (replace(done.parts[0], sha256_cipher=sha256(bad).hexdigest()), *done.parts[1:])
    with pytest.raises((DecryptionFailed, ProgramFailed)):
        load(
            source(changed(place, done, 0, bad), done, parts=parts),
            shell(f"cat > {tmp_path}/out; echo whole > {tmp_path}/taken"),
        )
    assert not (tmp_path / "taken").exists()


def test_a_failing_load_is_told_in_the_engines_words(
    stored: tuple[MemoryStore, StoredStream], nothing_left: None
) -> None:
    place, done = stored
    for script in (
        "head -c 100 >/dev/null; echo syntax error >&2; exit 1",
        "cat >/dev/null; echo syntax error >&2; exit 1",
    ):
        with pytest.raises(LoadFailed, match="code 1: syntax error"):
            load(source(place, done), shell(script))


def test_a_consumer_that_is_content_with_less_is_not_believed(
    stored: tuple[MemoryStore, StoredStream], nothing_left: None
) -> None:
    place, done = stored
    with pytest.raises(StageEnded, match="before it had taken the whole stream"):
        load(source(place, done), shell("head -c 100 >/dev/null"))
    with pytest.raises(ProgramFailed, match="-9"):
        load(source(place, done), shell("cat >/dev/null; kill -9 $$", finish=lambda code, stderr: None))


@pytest.mark.parametrize("program", ["zstd", "gpg"])
def test_a_killed_stage_is_the_cause(
    program: str, stored: tuple[MemoryStore, StoredStream], keys: Keys, tmp_path: Path, nothing_left: None
) -> None:
    """Also where gpg had something to say before, here of its home."""
    place, done = stored
    keys.drill.home.chmod(0o750)
    killed = tmp_path / "killed"
    waits = f"until [ -e {killed} ]; do sleep 0.05; done"  # nothing is over, or about to be, before that
    with assassin(program, killed.touch), pytest.raises(ProgramFailed, match=f"`{program}` ended with code -9"):
        load(source(place, done), shell(f"{waits}; cat >/dev/null; echo whole > {tmp_path}/taken"))
    keys.drill.home.chmod(0o700)
    assert not (tmp_path / "taken").exists()


def test_a_consumer_that_hangs_is_ended(stored: tuple[MemoryStore, StoredStream], nothing_left: None) -> None:
    place, done = stored
    with pytest.raises(PipeStalled):
        load(source(place, done), shell("exec sleep 600"), stall_seconds=0.5)
    with pytest.raises(PipeStalled):
        load(source(place, done), shell("cat >/dev/null; exec sleep 600"), stall_seconds=0.5)


class Failing(MemoryStore):
    """A medium that can no longer be read at its first part, or at a later one."""

    def __init__(self, place: MemoryStore, after: int) -> None:
        super().__init__()
        self.objects = place.objects
        self.left = after

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        self.left -= 1
        if self.left < 0:
            raise StoreUnreachable(store=self.name, detail="input/output error")
        with super().open(key) as stream:
            yield stream


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_store_that_goes_away(
    after: int, stored: tuple[MemoryStore, StoredStream], tmp_path: Path, nothing_left: None
) -> None:
    place, done = stored
    with pytest.raises(StoreUnreachable):
        load(source(Failing(place, after), done), shell(f"cat >/dev/null; echo whole > {tmp_path}/taken"))
    assert not (tmp_path / "taken").exists()


def test_no_more_than_two_parts_are_verified_ahead(
    stored: tuple[MemoryStore, StoredStream], tmp_path: Path, nothing_left: None
) -> None:
    """While the consumer takes nothing, the store is not read to its end."""
    place, done = stored
    many = tuple(done.parts[0] for _ in range(8))
    opened: list[str] = []

    class Watched(MemoryStore):
        @contextmanager
        def open(self, key: str) -> Iterator[IO[bytes]]:
            opened.append(key)
            with super().open(key) as stream:
                yield stream

    watched = Watched()
    watched.objects = place.objects
    with pytest.raises(PipeStalled):
        load(source(watched, done, parts=many, source_bytes=None), shell("exec sleep 600"), stall_seconds=1)
    assert len(opened) <= 4  # one that gpg is at work on, the next that it was given, and two ahead of them
