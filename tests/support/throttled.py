"""A store behind a line that carries so many bytes a second, and no more: time passes, and nobody waits for it.

The rest of a drill takes the time that it takes here; what the line takes is the same on every machine.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import IO, cast

import pytest

from intendance.stores import Store, StoredObject
from intendance.system import clock

_PIECE_BYTES = 32 << 10


class PassingTime:
    """The machine's monotonic time and all that lines took; every part of the product reads it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._lock = threading.Lock()
        self._passed = 0.0
        read = SimpleNamespace(monotonic=self.monotonic, monotonic_ns=time.monotonic_ns, sleep=time.sleep)
        monkeypatch.setattr(clock, "time", read)

    def monotonic(self) -> float:
        return time.monotonic() + self._passed

    def let_pass(self, seconds: float) -> None:
        with self._lock:
            self._passed += seconds


class ThrottledStore:
    """The same store; all its readers share one line."""

    def __init__(self, store: Store, bytes_per_second: float, passing: PassingTime) -> None:
        self.name = store.name
        self._store, self._rate, self._passing = store, bytes_per_second, passing

    def carry(self, count: int) -> None:
        """Let as much time pass as that many bytes take."""
        self._passing.let_pass(count / self._rate)

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        with self._store.open(key) as source:
            yield cast(IO[bytes], _Line(self, source))

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        return self._store.put(key, chunks)

    def head(self, key: str) -> StoredObject:
        return self._store.head(key)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        return self._store.list(prefix)

    def free_bytes(self) -> int | None:
        return self._store.free_bytes()


class _Line(io.RawIOBase):
    def __init__(self, store: ThrottledStore, source: IO[bytes]) -> None:
        self._store, self._source = store, source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # as stores read
        count = int(self._source.readinto(buffer[:_PIECE_BYTES]) or 0)  # type: ignore[attr-defined] # IO[bytes] lacks it
        self._store.carry(count)
        return count
