"""A store in memory for tests of what uses stores; `tests/contract/test_stores.py` holds it to the contract."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import IO

from intendance.model.errors.store import ObjectExists, ObjectMissing, StoreRefused
from intendance.stores import StoredObject

_SEGMENT = re.compile(r"[A-Za-z0-9_@+-][A-Za-z0-9._@+-]{0,199}")


class MemoryStore:
    """As a directory store, without the disk. Its clock is its own: one second for each object."""

    def __init__(self, name: str = "memory", *, locks: bool = False) -> None:
        self.name = name
        self.locks = locks
        self.locked: dict[str, datetime] = {}
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self._lock = threading.Lock()
        self._at = datetime(2026, 11, 1, tzinfo=UTC)

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        self._require_key(key)
        if key in self.objects:
            raise ObjectExists(store=self.name, key=key)
        content = b"".join(bytes(chunk) for chunk in chunks)
        with self._lock:
            if key in self.objects:
                raise ObjectExists(store=self.name, key=key)
            self._at += timedelta(seconds=1)
            self.objects[key] = (content, self._at)
        return self.head(key)

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        self._require_key(key)
        if key not in self.objects:
            raise ObjectMissing(store=self.name, key=key)
        with io.BytesIO(self.objects[key][0]) as source:
            yield source

    def head(self, key: str) -> StoredObject:
        self._require_key(key)
        if key not in self.objects:
            raise ObjectMissing(store=self.name, key=key)
        content, at = self.objects[key]
        return StoredObject(key=key, size_bytes=len(content), stored_at=at, lock_until=self.locked.get(key))

    def lengthen_lock(self, key: str, until: datetime) -> datetime:
        self.head(key)
        if not self.locks:
            raise StoreRefused(store=self.name, operation=f"lengthen the lock of {key}", detail="it has no locks")
        self.locked[key] = max(until, self.locked.get(key, until))
        return self.locked[key]

    def list(self, prefix: str) -> Iterator[StoredObject]:
        if prefix:
            self._require_key(prefix)
        return iter([self.head(key) for key in sorted(self.objects) if not prefix or key.startswith(f"{prefix}/")])

    def free_bytes(self) -> int | None:
        return None

    def _require_key(self, key: str) -> None:
        if len(key) > 1000 or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
            raise StoreRefused(store=self.name, operation=f"use the name {key[:100]!r}", detail="it is not a key")
