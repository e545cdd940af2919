"""Driving the pipe in tests: small producers, a store in memory, and proof that nothing is left running."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from intendance.engines import Finished, Producer
from intendance.model.errors.engine import EngineFailed
from intendance.runs import Progress
from intendance.sets.manifest import Part
from intendance.sets.pipe import PipeLimits, StoredStream, store_stream
from intendance.system.openpgp import RecipientHome
from tests.support.children import children_of, open_descriptors
from tests.support.gnupg import Keys
from tests.support.memory_store import MemoryStore

SMALL = PipeLimits(level=1, threads=1, part_bytes=1 << 20, fed_bytes=4 << 20, stall_seconds=60)
ONE_PART = replace(SMALL, fed_bytes=1 << 50)
"""For a producer that never ends: nothing of it is stored before somebody ends it, however slow that is."""


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
    deadline = time.monotonic() + 60
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert set(children_of()) <= set(children)
    assert threading.active_count() <= threads
    assert open_descriptors() <= descriptors
