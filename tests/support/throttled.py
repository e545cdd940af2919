"""A store behind a line that carries so many bytes a second, and no more."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, cast

from intendance.stores import Store, StoredObject

_PIECE_BYTES = 32 << 10


class ThrottledStore:
    """The same store; all its readers share one line."""

    def __init__(self, store: Store, bytes_per_second: float) -> None:
        self.name = store.name
        self._store, self._rate = store, bytes_per_second
        self._lock = threading.Lock()
        self._free_at = 0.0

    def carry(self, count: int) -> None:
        """Wait until that many bytes have passed."""
        with self._lock:
            begins = max(self._free_at, time.monotonic())
            self._free_at = begins + count / self._rate
            until = self._free_at
        time.sleep(max(0.0, until - time.monotonic()))

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
