"""A store on another machine, reached by SSH: a storage box, a NAS, a friend's server.

Objects are files, keys are paths, as in a directory store; what SFTP cannot promise is said in `docs/stores/sftp.md`.
"""

from __future__ import annotations

import errno
import io
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import IO, NoReturn, TypeVar, cast

import asyncssh

from intendance.language.sizes import size
from intendance.model.errors import IntendanceError
from intendance.model.errors.store import ObjectExists, ObjectMissing, StoreFull, StoreRefused, StoreUnreachable
from intendance.model.plan import SftpStore as Declared
from intendance.stores import StoredObject, Use
from intendance.stores.directory import MARK, MARK_TEXT
from intendance.stores.keys import SEGMENT, require_key
from intendance.stores.probing import Probed, Standing
from intendance.stores.secret import read_secret
from intendance.stores.sftp.link import Link, Question

T = TypeVar("T")
BLOCK_BYTES = 4 << 20
"""What is on its way at once, twice: one block is answered while the next is filled."""
_TEMPORARY = ".{name}.{token}.part"
_NO_ROOM_BYTES = 1 << 20
_FOLDER, _FILE = 0o750, 0o640
GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory)
TAKEN = (asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists)
_FULL = (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)
_LOST = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
_ANY = (asyncssh.Error, OSError, TimeoutError)


def open_store(declared: Declared, use: Use) -> SftpStore:  # noqa: ARG001 -- nothing waits here, and SSH has no locks
    """The store of the plan; nobody is called before its first method is."""
    return SftpStore(declared)


def adopt_store(declared: Declared) -> None:
    """Make the folder a store: create it where its parent stands, see that nothing is written over, set the mark.

    Does nothing to one that has the mark. Raises the errors of stores.
    """
    SftpStore(declared).adopt()


def probe_store(declared: Declared, prefix: str) -> Probed:
    """Try what the key of the plan allows."""
    from intendance.stores.sftp.probing import probe  # nothing else tries to do harm

    return probe(declared, prefix)


def look_at_store(declared: Declared) -> Standing:
    """As `intendance.stores.look_at_store`."""
    return Standing(locks="no", free_bytes=SftpStore(declared).free_bytes())


class SftpStore:
    """A folder of another machine as a store."""

    def __init__(self, declared: Declared, link: Link | None = None) -> None:
        self.name = declared.name
        self._root = declared.path.rstrip("/") or "/"
        self._link = link or Link(declared, lambda: read_secret(declared.name, declared.credentials))

    def adopt(self) -> None:
        """As `adopt_store`."""
        with self.translated("adopt it"):
            if self._marked():
                return
            if self._look(self._root) is None:
                parent = self._root.rsplit("/", 1)[0] or "/"
                if self._look(parent) is None:
                    raise StoreUnreachable(store=self.name, detail=f"the folder {parent} does not exist there")
                self._ask(lambda far: far.mkdir(self._root, asyncssh.SFTPAttrs(permissions=_FOLDER)))
            self._require_write_once()
            self._write_small(f"{self._root}/{MARK}", MARK_TEXT.encode())

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        """As `Store.put`: temporary name, fsync where the far side offers it, a renaming that overwrites nothing."""
        path = self._path(key)
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/{_TEMPORARY.format(name=name, token=secrets.token_hex(8))}"
        with self.translated(f"store {key}"):
            self._require_mark()
            if self._look(path) is not None:
                raise ObjectExists(store=self.name, key=key)
            self._make_folders(folder)
            file = self._create(temporary)
        named = False
        try:
            try:
                self._write(file, chunks, key)
                with self.translated(f"store {key}"):
                    seen = self._ask(lambda _: self._settle(file))
            finally:
                self._close(file)
            with self.translated(f"store {key}"):
                self._rename(temporary, path, key)
            named = True
        finally:
            if not named:
                self._remove(temporary)  # what went wrong before is what counts
        return self._stored(key, seen)

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        """As `Store.open`."""
        path = self._path(key)
        with self.translated(f"read {key}", key):
            self._require_mark()
            seen = self._look(path)
            if seen is None or not _is_file(seen):
                raise ObjectMissing(store=self.name, key=key)
            file = self._opened(path, asyncssh.FXF_READ)
        source = _Source(self, file, seen.size or 0, key)
        try:
            yield cast(IO[bytes], source)
        finally:
            source.close()
            self._close(file)

    def head(self, key: str) -> StoredObject:
        """As `Store.head`."""
        path = self._path(key)
        with self.translated(f"look at {key}", key):
            self._require_mark()
            seen = self._look(path)
        if seen is None or not _is_file(seen):
            raise ObjectMissing(store=self.name, key=key)
        return self._stored(key, seen)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """As `Store.list`; whether the store can be reached shows at once, not at the first object."""
        folder = self._root if prefix == "" else self._path(prefix)
        with self.translated("list"):
            self._require_mark()
        return self._walk(folder, prefix)

    def free_bytes(self) -> int | None:
        """What the far side's file system leaves to our user, in bytes; None where it does not say."""
        with self.translated("ask for its room"):
            self._require_mark()
            return self._room()

    def read(self, file: asyncssh.SFTPClientFile, offset: int, count: int) -> Future[bytes]:
        """Ask for bytes of an opened object, and go on."""

        async def some(_: asyncssh.SFTPClient) -> bytes:
            return cast(bytes, await file.read(count, offset))  # opened without an encoding

        return self._link.begin(some)

    @contextmanager
    def translated(self, operation: str, key: str | None = None) -> Iterator[None]:
        """Turn what SSH, SFTP and the network say into the errors of stores."""
        try:
            yield
        except IntendanceError:
            raise
        except _ANY as error:
            self._raise(error, operation, key)

    def _raise(self, error: Exception, operation: str, key: str | None) -> NoReturn:
        if key is not None and isinstance(error, GONE):
            raise ObjectMissing(store=self.name, key=key) from error
        if isinstance(error, _FULL) or (isinstance(error, asyncssh.SFTPFailure) and self._is_full()):
            raise StoreFull(store=self.name, free=size(self._room_now())) from error
        if isinstance(error, asyncssh.SFTPError) and not isinstance(error, (*_LOST, *GONE)):
            raise StoreRefused(store=self.name, operation=operation, detail=_said(error)) from error
        raise StoreUnreachable(store=self.name, detail=_said(error)) from error

    def _is_full(self) -> bool:
        """SFTP has no word for a full disk in the version that servers speak: it is a failure as any other."""
        room = self._room_now()
        return 0 <= room < _NO_ROOM_BYTES

    def _room_now(self) -> int:
        with suppress(*_ANY, IntendanceError):
            room = self._room()
            return -1 if room is None else room
        return -1

    def _room(self) -> int | None:
        try:
            room = self._ask(lambda far: far.statvfs(self._root))
        except asyncssh.SFTPOpUnsupported:
            return None
        return int(room.bavail * room.frsize)

    def _ask(self, question: Question[T]) -> T:
        return self._link.ask(question)

    def _path(self, key: str) -> str:
        return f"{self._root}/{require_key(self.name, key)}"

    def _look(self, path: str) -> asyncssh.SFTPAttrs | None:
        """What stands there; links are not followed."""
        try:
            return self._ask(lambda far: far.lstat(path))
        except GONE:
            return None

    def _marked(self) -> bool:
        return self._look(f"{self._root}/{MARK}") is not None

    def _require_mark(self) -> None:
        if self._marked():
            return
        if self._look(self._root) is None:
            raise StoreUnreachable(store=self.name, detail=f"the folder {self._root} does not exist there")
        detail = f"{self._root} lacks the file {MARK} that marks it as a store; its disk is probably not mounted there"
        raise StoreUnreachable(store=self.name, detail=detail)

    def _make_folders(self, folder: str) -> None:
        """Create the folders between the root and `folder`; never the root itself."""
        if folder == self._root or self._look(folder) is not None:
            return
        self._make_folders(folder.rpartition("/")[0])
        try:
            self._ask(lambda far: far.mkdir(folder, asyncssh.SFTPAttrs(permissions=_FOLDER)))
        except TAKEN:
            if self._look(folder) is None:  # not made by somebody else at the same moment
                raise

    def _create(self, path: str) -> asyncssh.SFTPClientFile:
        return self._opened(path, asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_EXCL)

    def _opened(self, path: str, how: int) -> asyncssh.SFTPClientFile:
        async def opened(far: asyncssh.SFTPClient) -> asyncssh.SFTPClientFile:
            return await far.open(path, how, asyncssh.SFTPAttrs(permissions=_FILE), encoding=None)

        return self._ask(opened)

    def _write(self, file: asyncssh.SFTPClientFile, chunks: Iterable[bytes | memoryview], key: str) -> None:
        """Send all of it; whoever gives the chunks goes on while a block is on its way."""
        block, offset = bytearray(), 0
        pending: Future[int] | None = None
        for chunk in chunks:  # outside the translation: what the caller's own bytes raise is not the store's
            block += chunk
            if len(block) >= BLOCK_BYTES:
                self._await(pending, key)
                pending = self._send(file, bytes(block), offset)
                offset += len(block)
                block.clear()
        self._await(pending, key)
        if block:
            self._await(self._send(file, bytes(block), offset), key)

    def _send(self, file: asyncssh.SFTPClientFile, block: bytes, offset: int) -> Future[int]:
        async def whole(_: asyncssh.SFTPClient) -> int:
            return await file.write(block, offset)

        return self._link.begin(whole)

    def _await(self, pending: Future[int] | None, key: str) -> None:
        if pending is not None:
            with self.translated(f"store {key}"):
                pending.result()

    async def _settle(self, file: asyncssh.SFTPClientFile) -> asyncssh.SFTPAttrs:
        """Bring it to the far medium, where the server can, and look at it."""
        with suppress(asyncssh.SFTPOpUnsupported):
            await file.fsync()
        return await file.stat()

    def _close(self, file: asyncssh.SFTPClientFile) -> None:
        with suppress(*_ANY, IntendanceError):  # the connection ended, and the file with it

            async def closed(_: asyncssh.SFTPClient) -> None:
                await file.close()

            self._ask(closed)

    def _remove(self, path: str) -> None:
        with suppress(*_ANY, IntendanceError):
            self._ask(lambda far: far.remove(path))

    def _rename(self, temporary: str, path: str, key: str) -> None:
        try:
            self._ask(lambda far: far.rename(temporary, path))
        except TAKEN:
            if self._look(path) is None:
                raise
            raise ObjectExists(store=self.name, key=key) from None

    def _require_write_once(self) -> None:
        """See that the far side renames nothing over what is there. Raises StoreRefused where it does."""
        token = secrets.token_hex(8)
        names = [f"{self._root}/.probe.{token}.{number}.part" for number in (1, 2)]
        for name in names:
            self._write_small(name, b"probe")
        with suppress(*TAKEN):
            self._ask(lambda far: far.rename(names[0], names[1]))
            detail = "its server renames one file over another, and a set must never be written over"
            raise StoreRefused(store=self.name, operation="keep what is there", detail=detail)
        for name in names:
            self._remove(name)  # a server that lets nothing be removed keeps two small hidden files

    def _write_small(self, path: str, content: bytes) -> None:
        try:
            file = self._create(path)
        except TAKEN:
            if self._look(path) is None:
                raise
            return
        try:
            self._send(file, content, 0).result()
            self._ask(lambda _: self._settle(file))
        finally:
            self._close(file)

    def _walk(self, folder: str, prefix: str) -> Iterator[StoredObject]:
        with self.translated(f"list {prefix or 'it'}"):
            try:
                entries = self._ask(lambda far: far.readdir(folder.encode()))
            except GONE:
                return
        named = {text(entry.filename): entry.attrs for entry in entries}
        found = {name: attrs for name, attrs in named.items() if SEGMENT.fullmatch(name)}
        # A folder sorts by its name with the slash, as all keys under it do.
        for name in sorted(name + "/" * is_folder(attrs) for name, attrs in found.items()):
            key = f"{prefix}/{name}" if prefix else name
            if name.endswith("/"):
                yield from self._walk(f"{folder}/{name[:-1]}", key[:-1])
            elif _is_file(found[name]):
                yield self._stored(key, found[name])

    def _stored(self, key: str, seen: asyncssh.SFTPAttrs) -> StoredObject:
        at = datetime.fromtimestamp(seen.mtime or 0, UTC)
        return StoredObject(key=key, size_bytes=seen.size or 0, stored_at=at)


class _Source(io.RawIOBase):
    """An object as it is read: the next block is asked for while one is used."""

    def __init__(self, store: SftpStore, file: asyncssh.SFTPClientFile, length: int, key: str) -> None:
        self._store, self._file, self._length, self._key = store, file, length, key
        self._at = self._asked = 0
        self._block = memoryview(b"")
        self._next: Future[bytes] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # the buffer protocol has no name in 3.11
        if not self._block:
            self._block = memoryview(self._fetched())
        count = min(len(buffer), len(self._block))
        buffer[:count] = self._block[:count]
        self._block = self._block[count:]
        return count

    def _fetched(self) -> bytes:
        pending = self._next or self._begin()
        if pending is None:
            return b""
        with self._store.translated(f"read {self._key}", self._key):
            block = pending.result()
            if not block:
                raise ConnectionError(errno.EPIPE, "the object ended before its size")
        self._at += len(block)
        self._asked = self._at
        self._next = self._begin()
        return block

    def _begin(self) -> Future[bytes] | None:
        count = min(BLOCK_BYTES, self._length - self._asked)
        return self._store.read(self._file, self._asked, count) if count > 0 else None


def _is_file(seen: asyncssh.SFTPAttrs) -> bool:
    return seen.type == asyncssh.FILEXFER_TYPE_REGULAR


def is_folder(seen: asyncssh.SFTPAttrs) -> bool:
    """Whether that is a folder, and no link to one."""
    return seen.type == asyncssh.FILEXFER_TYPE_DIRECTORY


def text(name: bytes | str) -> str:
    """A name of the far side, which may be none in UTF-8."""
    return name if isinstance(name, str) else name.decode("utf-8", errors="surrogateescape")


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    said = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error) or type(error).__name__
    return str(said).strip().rstrip(".").lower()
