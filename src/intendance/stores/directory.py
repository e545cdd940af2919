"""A store in a folder: a second disk, a mounted NAS, a USB drive.

Objects are files, keys are paths. A file appears under its name only when all of its bytes are on the medium, and is
never written over. The folder carries a mark from its adoption on, so that an unmounted disk is told from an empty
store
(`docs/stores/directory.md`).
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NoReturn

from intendance.language.sizes import size
from intendance.model.errors.store import (
    ObjectExists,
    ObjectMissing,
    StoreFull,
    StoreRefused,
    StoreUnreachable,
)
from intendance.model.plan import DirectoryStore as Declared
from intendance.stores import StoredObject, Use
from intendance.stores.keys import SEGMENT, require_key
from intendance.stores.probing import Probed, attempted
from intendance.system.publish import publish, publish_name, sync_directory

MARK = ".intendance-store"
_FSTAB = Path("/etc/fstab")
MARK_TEXT = """This folder is a store of Intendance: the sets of backups in it are written once and never changed.
While this file is here, Intendance knows that the right disk is mounted. Keep it when you copy the store.

Ce dossier est un dépôt d'Intendance : les sauvegardes y sont écrites une fois et ne changent plus.
Tant que ce fichier est là, Intendance sait que le bon disque est monté. Gardez-le si vous copiez le dépôt.
"""
_TEMPORARY = ".{name}.{token}.part"
_WRITE_BACK_BYTES = 8 << 20
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def open_store(declared: Declared, use: Use) -> DirectoryStore:  # noqa: ARG001 -- a folder needs to know nothing of it
    """The store of the plan; nothing is touched before its first method is called."""
    return DirectoryStore(declared.name, Path(declared.path))


def probe_store(declared: Declared, prefix: str) -> Probed:
    """Write a small file, then try to overwrite and delete it, as whoever runs us may."""
    store, key = DirectoryStore(declared.name, Path(declared.path)), f"{prefix}/{secrets.token_hex(8)}"
    written = attempted("write", lambda: store.put(key, [b"a probe of this store\n"]))
    if written.outcome != "done":
        return Probed(attempts=(written,), versions="no", locks="no")
    others = (
        attempted("read", lambda: store.head(key)),
        attempted("overwrite", lambda: store.put(key, [b"other bytes"])),
        attempted("delete", lambda: store.remove(key)),
    )
    return Probed(attempts=(written, *others), versions="no", locks="no")


def adopt_store(declared: Declared) -> None:
    """Make the folder a store: create it where its parent stands, and set the mark. Does nothing to one that has it.

    Raises StoreUnreachable (also when /etc/fstab mounts something there that is not mounted now), StoreRefused,
    StoreFull.
    """
    root = Path(declared.path)
    store = DirectoryStore(declared.name, root)
    with store.translated("adopt it"):
        waiting = _unmounted(root)
        if waiting is not None:
            raise StoreUnreachable(store=declared.name, detail=f"{waiting} stands in /etc/fstab and is not mounted")
        if not root.is_dir():
            if not root.parent.is_dir():
                raise StoreUnreachable(store=declared.name, detail=f"the folder {root.parent} does not exist")
            root.mkdir(mode=0o750)
            sync_directory(root.parent)
        if not (root / MARK).exists():
            with suppress(FileExistsError):
                publish(root / MARK, MARK_TEXT.encode(), mode=0o640)


class DirectoryStore:
    """A folder as a store. Two threads, or two processes, may put at the same time."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self._root = root

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        """As `Store.put`: temporary name, fsync, a link that fails when the name is taken, fsync of the folders."""
        path = self._path(key)
        temporary = path.with_name(_TEMPORARY.format(name=path.name, token=secrets.token_hex(8)))
        with self.translated(f"store {key}"):
            self._require_mark()
            if path.exists():
                raise ObjectExists(store=self.name, key=key)
            self._make_folders(path.parent)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        try:
            try:
                self._write(descriptor, chunks, key)
                seen = os.fstat(descriptor)
            finally:
                os.close(descriptor)
            self._publish(temporary, path, key)
        finally:
            with suppress(OSError):  # what went wrong before is what counts
                temporary.unlink(missing_ok=True)
        return _stored(key, seen)

    def remove(self, key: str) -> None:
        """Take a file away, as a thief who is us could. Only a probe does, with what it has written."""
        with self.translated(f"delete {key}", key):
            self._path(key).unlink()

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        """As `Store.open`."""
        path = self._path(key)
        with self.translated(f"read {key}", key):
            self._require_mark()
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise ObjectMissing(store=self.name, key=key)
        with os.fdopen(descriptor, "rb", buffering=0) as source:
            yield source

    def head(self, key: str) -> StoredObject:
        """As `Store.head`."""
        path = self._path(key)
        with self.translated(f"look at {key}", key):
            self._require_mark()
            seen = path.lstat()
        if not stat.S_ISREG(seen.st_mode):
            raise ObjectMissing(store=self.name, key=key)
        return _stored(key, seen)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """As `Store.list`; whether the store can be reached shows at once, not at the first object."""
        folder = self._root if prefix == "" else self._path(prefix)
        with self.translated("list"):
            self._require_mark()
        return self._walk(folder, prefix)

    def free_bytes(self) -> int | None:
        """What the file system leaves to our user, in bytes."""
        with self.translated("ask for its room"):
            self._require_mark()
            room = os.statvfs(self._root)
        return room.f_bavail * room.f_frsize

    @contextmanager
    def translated(self, operation: str, key: str | None = None) -> Iterator[None]:
        """Turn the system's errors into those of stores; `key` is set where a missing file is a missing object."""
        try:
            yield
        except OSError as error:
            self._raise(error, operation, key)

    def _raise(self, error: OSError, operation: str, key: str | None) -> NoReturn:
        if key is not None and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise ObjectMissing(store=self.name, key=key) from error
        if error.errno in _NO_ROOM:
            raise StoreFull(store=self.name, free=size(self._free_now())) from error
        if error.errno in _REFUSALS:
            raise StoreRefused(store=self.name, operation=operation, detail=self._why_refused(error)) from error
        raise StoreUnreachable(store=self.name, detail=_said(error)) from error

    def _why_refused(self, error: OSError) -> str:
        if error.errno == errno.EROFS:
            return f"{self._root} is mounted read-only"
        return f"{_said(error)}, as user id {os.geteuid()}"

    def _free_now(self) -> int:
        try:
            room = os.statvfs(self._root)
        except OSError:
            return 0
        return room.f_bavail * room.f_frsize

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*require_key(self.name, key).split("/"))

    def _require_mark(self) -> None:
        if (self._root / MARK).exists():
            return
        if not self._root.is_dir():
            raise StoreUnreachable(store=self.name, detail=f"the folder {self._root} does not exist")
        detail = f"{self._root} lacks the file {MARK} that marks it as a store, so its disk is probably not mounted"
        raise StoreUnreachable(store=self.name, detail=detail)

    def _make_folders(self, folder: Path) -> None:
        """Create the folders between the root and `folder`, each durable in its parent; never the root itself."""
        if folder == self._root or folder.is_dir():
            return
        self._make_folders(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o750)
        sync_directory(folder.parent)

    def _write(self, descriptor: int, chunks: Iterable[bytes | memoryview], key: str) -> None:
        written = told = 0
        for chunk in chunks:  # outside the translation below: what the caller's own bytes raise is not the store's
            view = memoryview(chunk)
            with self.translated(f"store {key}"):
                while view:
                    count = os.write(descriptor, view)
                    view = view[count:]
                    written += count
            if written - told >= _WRITE_BACK_BYTES:
                # Starts the write-back now, so that fsync has little left to wait for.
                os.posix_fadvise(descriptor, told, written - told, os.POSIX_FADV_DONTNEED)
                told = written
        with self.translated(f"store {key}"):
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # the page cache is for the machine's own work

    def _publish(self, temporary: Path, path: Path, key: str) -> None:
        with self.translated(f"store {key}"):
            try:
                publish_name(temporary, path)
            except FileExistsError:
                raise ObjectExists(store=self.name, key=key) from None
            sync_directory(path.parent)

    def _walk(self, folder: Path, prefix: str) -> Iterator[StoredObject]:
        with self.translated(f"list {prefix}" if prefix else "list it"):
            try:
                with os.scandir(folder) as entries:
                    found = [entry for entry in entries if SEGMENT.fullmatch(entry.name)]
            except (FileNotFoundError, NotADirectoryError):
                return
            folders = {entry.name for entry in found if entry.is_dir(follow_symlinks=False)}
        # A folder sorts by its name with the slash, as all keys under it do.
        for name in sorted(entry.name + "/" * (entry.name in folders) for entry in found):
            key = f"{prefix}/{name}" if prefix else name
            if name.endswith("/"):
                yield from self._walk(folder / name, key.rstrip("/"))
            else:
                with suppress(ObjectMissing):  # gone since, or a link that leads elsewhere
                    yield self.head(key)


def _stored(key: str, seen: os.stat_result) -> StoredObject:
    return StoredObject(key=key, size_bytes=seen.st_size, stored_at=datetime.fromtimestamp(seen.st_mtime, UTC))


def _unmounted(root: Path) -> Path | None:
    """The nearest folder at or above `root` that /etc/fstab names as a mount point and where nothing is mounted."""
    try:
        lines = _FSTAB.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    fields = [line.split() for line in lines if not line.lstrip().startswith("#")]
    targets = {Path(words[1].replace("\\040", " ")) for words in fields if len(words) > 1 and words[1] != "/"}
    return next((place for place in (root, *root.parents) if place in targets and not os.path.ismount(place)), None)


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
