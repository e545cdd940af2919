"""A store whose readings are counted."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, cast

from intendance.stores import Store, StoredObject


class MeteredStore:
    """The same store; `read_bytes` is what was read of its objects, what is read again of a file not counted. Threads
    may read at once."""

    def __init__(self, store: Store) -> None:
        self.name = store.name
        self.read_bytes = 0
        self._store = store
        self._lock = threading.Lock()

    def count(self, read_bytes: int) -> None:
        """That many more bytes were read."""
        with self._lock:
            self.read_bytes += read_bytes

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        """The object's bytes, counted. Raises as the store does."""
        with self._store.open(key) as source:
            yield cast(IO[bytes], _Counted(self, source))

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        """As the store does."""
        return self._store.put(key, chunks)

    def head(self, key: str) -> StoredObject:
        """As the store does."""
        return self._store.head(key)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """As the store does."""
        return self._store.list(prefix)

    def free_bytes(self) -> int | None:
        """As the store does."""
        return self._store.free_bytes()


class _Counted(io.RawIOBase):
    def __init__(self, store: MeteredStore, source: IO[bytes]) -> None:
        self._store, self._source = store, source
        self._at = self._furthest = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the buffer that chunks_of gives
        count = int(self._source.readinto(buffer) or 0)  # type: ignore[attr-defined]  # typeshed's IO[bytes] lacks it
        self._at += count
        self._store.count(max(0, self._at - self._furthest))
        self._furthest = max(self._at, self._furthest)
        return count

    def seekable(self) -> bool:
        return self._source.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = self._source.seek(offset, whence)
        return self._at
