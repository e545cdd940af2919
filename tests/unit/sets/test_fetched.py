"""A part is read from its store once, and nobody gets a byte of it before it was found right."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, cast

import pytest

from intendance.activities.drill.metered import MeteredStore
from intendance.model.errors.pipe import SpoolFull
from intendance.model.errors.sets import PartDamaged
from intendance.model.plan import DirectoryStore
from intendance.sets.fetched import fetch_part
from intendance.sets.manifest import Part
from intendance.stores import Store, open_store
from intendance.stores.directory import adopt_store
from tests.support.memory_store import MemoryStore

FOLDER = "f/n/a/set.1"
CONTENT = os.urandom(3 << 20) + b"end"


class Line(MemoryStore):
    """Bytes that come once: nothing can be asked for again."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        self.opened.append(key)
        with super().open(key) as source:
            yield cast(IO[bytes], _Once(source))


class _Once(io.RawIOBase):
    def __init__(self, source: IO[bytes]) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # as stores read
        piece = self._source.read(min(len(buffer), 100_000))
        buffer[: len(piece)] = piece
        return len(piece)


def part(content: bytes = CONTENT) -> Part:
    return Part(
        name="tree-00000.zst.gpg", plain_bytes=1, cipher_bytes=len(content), sha256_plain="0" * 64,
        sha256_cipher=sha256(content).hexdigest(),
    )  # fmt: skip


def kept(store: Store, content: bytes = CONTENT) -> Store:
    store.put(f"{FOLDER}/{part().name}", [content])
    return store


def read(store: Store, spool: Path) -> bytes:
    fetched = fetch_part(store, FOLDER, part(), lambda: None, spool)
    content = b"".join(bytes(chunk) for chunk in fetched.chunks())
    fetched.close()
    fetched.close()
    return content


def test_what_comes_over_a_line_is_read_once_and_waits_without_a_name(tmp_path: Path) -> None:
    line = Line()
    metered = MeteredStore(kept(line))
    assert read(metered, tmp_path) == CONTENT
    assert len(line.opened) == 1
    assert metered.read_bytes == len(CONTENT)
    fetched = fetch_part(line, FOLDER, part(), lambda: None, tmp_path)
    assert list(tmp_path.iterdir()) == []
    fetched.close()


def test_a_file_is_read_again_where_it_lies_whatever_has_its_name_by_then(tmp_path: Path) -> None:
    declared = DirectoryStore(name="disk", path=str(tmp_path / "store"))
    adopt_store(declared)
    metered = MeteredStore(kept(open_store(declared)))
    fetched = fetch_part(metered, FOLDER, part(), lambda: None, tmp_path / "no spool at all")
    place = tmp_path / "store" / FOLDER / part().name
    place.unlink()
    place.write_bytes(b"other bytes")
    assert b"".join(bytes(chunk) for chunk in fetched.chunks()) == CONTENT
    fetched.close()
    assert metered.read_bytes == len(CONTENT)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CONTENT[:-1], f"it has {len(CONTENT) - 1} bytes instead of {len(CONTENT)}"),
        (CONTENT + b"x" * (8 << 20), f"it has more bytes than the {len(CONTENT)} that were stored"),
        (bytes([CONTENT[0] ^ 1]) + CONTENT[1:], "its bytes were changed"),
        (None, "it is missing"),
    ],
)
@pytest.mark.parametrize("place", [MemoryStore, Line])
def test_no_byte_of_another_part_is_given(
    place: type[MemoryStore], content: bytes | None, said: str, tmp_path: Path
) -> None:
    store = place()
    if content is not None:
        kept(store, content)
    told: list[None] = []
    with pytest.raises(PartDamaged, match=said):
        fetch_part(store, FOLDER, part(), lambda: told.append(None), tmp_path)
    assert len(told) <= 34  # nobody waits for the end of what is too long


def test_no_room_for_what_waits(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=True)
    try:
        with pytest.raises(SpoolFull, match="No space left"):
            fetch_part(kept(Line()), FOLDER, part(), lambda: None, tmp_path)
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
