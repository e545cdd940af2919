"""Deleting in a folder: by name, each deletion on the medium before the next begins."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from intendance.model.plan import DirectoryStore as Declared
from intendance.stores import StoredObject
from intendance.stores.directory import MARK, DirectoryStore
from intendance.stores.keys import is_cut_short
from intendance.system.publish import sync_directory


def open_prunable(declared: Declared) -> DirectoryPruner:
    """The folder of the plan, for whoever may delete in it; nothing is touched before its first method is called."""
    return DirectoryPruner(declared.name, Path(declared.path))


class DirectoryPruner(DirectoryStore):
    """A folder whose files may be deleted by whoever opens it: what keeps a node from it is who it runs as."""

    def now(self) -> datetime:
        """As `Prunable.now`: the time that the file system gives to a file that is touched, the store's mark."""
        with self.translated("ask for its time"):
            self._require_mark()
            os.utime(self._root / MARK)
            return datetime.fromtimestamp((self._root / MARK).stat().st_mtime, UTC)

    def everything(self, prefix: str) -> Iterator[StoredObject]:
        """As `Prunable.everything`: objects, and the hidden files of puts that did not end."""
        yield from self.list(prefix)
        folder = self._path(prefix)
        with self.translated(f"list {prefix}"):
            found = [Path(place) / name for place, _, names in os.walk(folder) for name in names if is_cut_short(name)]
        for path in sorted(found):
            with suppress(FileNotFoundError):
                seen = path.lstat()
                at = datetime.fromtimestamp(seen.st_mtime, UTC)
                key = path.relative_to(self._root).as_posix()
                yield StoredObject(key=key, size_bytes=seen.st_size, stored_at=at)

    def delete(self, stored: StoredObject) -> None:
        """As `Prunable.delete`."""
        folder, _, name = stored.key.rpartition("/")
        path = self._path(folder) / name if is_cut_short(name) else self._path(stored.key)
        with self.translated(f"delete {stored.key}"):
            self._require_mark()
            with suppress(FileNotFoundError):
                path.unlink()
                sync_directory(path.parent)

    def tidy(self, prefix: str) -> None:
        """As `Prunable.tidy`."""
        folder = self._path(prefix)
        with self.translated(f"delete the folder {prefix}"):
            self._require_mark()
            try:
                folder.rmdir()
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    return
                raise
            sync_directory(folder.parent)
