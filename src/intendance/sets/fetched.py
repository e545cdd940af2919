"""A part's ciphertext, read from its store once and hashed before anybody gets a byte of it.

A file is kept open and read again where it lies, from memory as a rule. What comes over a line waits in a file of
ours that has no name: it is ciphertext, and gone with us.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from hashlib import sha256
from pathlib import Path
from typing import IO, cast

from intendance.model.errors.pipe import SpoolFull
from intendance.model.errors.sets import PartDamaged
from intendance.model.errors.store import ObjectMissing
from intendance.sets.fetch import CHUNK_BYTES, key, read_into
from intendance.sets.manifest import Part
from intendance.stores import Store

_SPOOL = Path("/var/tmp")  # noqa: S108 -- a file there has no name; on a disk where /tmp may be memory
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class FetchedPart:
    """Ciphertext that is as its manifest lists it; `close` lets go of it."""

    def __init__(self, store: Store, file: IO[bytes], held: ExitStack) -> None:
        self._store, self._file, self._held = store, file, held

    def chunks(self) -> Iterator[memoryview]:
        """The bytes in chunks of at most 1 MiB; each chunk is overwritten by the next. Raises StoreUnreachable."""
        buffer = memoryview(bytearray(CHUNK_BYTES))
        while count := read_into(self._store, self._file, buffer):
            yield buffer[:count]

    def close(self) -> None:
        """Let go of it; twice does nothing."""
        self._held.close()


def fetch_part(
    store: Store, folder: str, part: Part, moved: Callable[[], None], spool: Path | None = None
) -> FetchedPart:
    """Read a part of the set in `folder` from its store, once, and see that it is what was stored.

    `moved` is told of each chunk. Raises PartDamaged, SpoolFull, the errors of stores, and what `moved` raises.
    """
    try:
        with ExitStack() as held:
            source = held.enter_context(store.open(key(folder, part.name)))
            if source.seekable():
                _read(store, folder, part, source, None, moved)
                source.seek(0)
                return FetchedPart(store, source, held.pop_all())
            with ExitStack() as kept:
                waiting = kept.enter_context(closing(_spooled(spool)))
                _read(store, folder, part, source, waiting, moved)
                waiting.seek(0)
                return FetchedPart(store, waiting, kept.pop_all())
    except ObjectMissing:
        raise _damaged(store, folder, part, "it is missing") from None


def _read(
    store: Store, folder: str, part: Part, source: IO[bytes], waiting: IO[bytes] | None, moved: Callable[[], None]
) -> None:
    hashed, seen = sha256(), 0
    buffer = memoryview(bytearray(CHUNK_BYTES))
    while seen <= part.cipher_bytes and (count := read_into(store, source, buffer)):
        hashed.update(buffer[:count])
        seen += count
        if waiting is not None:
            _keep(waiting, buffer[:count])
        moved()
    if seen > part.cipher_bytes:  # whose end nobody waits for
        raise _damaged(store, folder, part, f"it has more bytes than the {part.cipher_bytes} that were stored")
    if seen < part.cipher_bytes:
        raise _damaged(store, folder, part, f"it has {seen} bytes instead of {part.cipher_bytes}")
    if hashed.hexdigest() != part.sha256_cipher:
        raise _damaged(store, folder, part, "its bytes were changed")


def _spooled(folder: Path | None) -> IO[bytes]:
    return cast(IO[bytes], tempfile.TemporaryFile(buffering=0, dir=str(folder or _SPOOL)))


def _keep(waiting: IO[bytes], chunk: memoryview) -> None:
    try:
        while chunk:
            chunk = chunk[waiting.write(chunk) :]
    except OSError as failure:
        if failure.errno in _NO_ROOM:
            raise SpoolFull(detail=failure.strerror) from failure
        raise


def _damaged(store: Store, folder: str, part: Part, detail: str) -> PartDamaged:
    return PartDamaged(part=part.name, set=folder.rpartition("/")[2], store=store.name, detail=detail)
