"""A tree of files looked at beforehand: how much there is, and what in it deserves a warning. No content is read
except the first 16 bytes of what looks like a SQLite database."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from intendance.engines.files.excludes import Excludes
from intendance.model.frozen import dataclass

SQLITE_HEADER = b"SQLite format 3\0"  # the file format's own documentation, section 1.3
SQLITE_NAMES = (".sqlite", ".sqlite3", ".db", ".db3", ".s3db", ".sdb")
SQLITE_COMPANIONS = ("-wal", "-journal")


@dataclass(slots=True, kw_only=True)
class Counted:
    """What stands in a tree. `files` counts names, `bytes` counts a file with several names once."""

    directories: int = 0
    files: int = 0
    symlinks: int = 0
    others: int = 0
    sockets: int = 0
    bytes: int = 0
    databases: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    excluded_entries: int = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing below the tree's own folder."""
        return self.directories == 1 and not (self.files or self.symlinks or self.others or self.sockets)


def count(root: str, excludes: Excludes | None = None) -> Counted:
    """Walk the tree on its own file system, not into what is excluded. Folders that cannot be read are listed."""
    return _Walk(root, excludes or Excludes(())).run()


class _Walk:
    def __init__(self, root: str, excludes: Excludes) -> None:
        self.root = root
        self.excludes = excludes
        self.device = os.stat(root).st_dev
        self.found = Counted()
        self._linked: set[int] = set()

    def run(self) -> Counted:
        self.found.directories = 1
        pending = ["."]
        while pending:
            folder = pending.pop()
            entries = self._entries(folder)
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if self.excludes.match(path):
                    self.found.excluded_entries += 1
                elif entry.is_dir(follow_symlinks=False):
                    self.found.directories += 1
                    if self._stat(entry).st_dev == self.device:
                        pending.append(path)
                else:
                    self._note(entry)
            self._note_databases(folder, entries)
        return self.found

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self.root}/{folder}") as found:
                return list(found)
        except OSError:
            self.found.unreadable.append(folder)
            return []

    def _stat(self, entry: os.DirEntry[str]) -> os.stat_result:
        try:
            return entry.stat(follow_symlinks=False)
        except OSError:
            return _NOTHING

    def _note(self, entry: os.DirEntry[str]) -> None:
        seen = self._stat(entry)
        kind = stat.S_IFMT(seen.st_mode)
        if kind == stat.S_IFREG:
            self.found.files += 1
            if seen.st_nlink == 1 or seen.st_ino not in self._linked:
                self.found.bytes += seen.st_size
            if seen.st_nlink > 1:
                self._linked.add(seen.st_ino)
        elif kind == stat.S_IFLNK:
            self.found.symlinks += 1
        elif kind == stat.S_IFSOCK:
            self.found.sockets += 1
        elif kind:
            self.found.others += 1

    def _note_databases(self, folder: str, entries: list[os.DirEntry[str]]) -> None:
        names = {entry.name for entry in entries}
        for name in names:
            in_use = any(name + companion in names for companion in SQLITE_COMPANIONS)
            path = f"{folder}/{name}"
            candidate = (in_use or name.endswith(SQLITE_NAMES)) and not self.excludes.match(path)
            if candidate and is_sqlite(f"{self.root}/{path}"):
                self.found.databases.append(path)


def is_sqlite(path: str | bytes) -> bool:
    """Whether a regular file begins as SQLite databases do; one that cannot be read does not.

    A file that this process has open itself is the ledger: closing a second descriptor of it would drop the locks that
    SQLite holds on it (POSIX locks belong to the process), so it is known without being opened.
    """
    try:
        seen = os.stat(path, follow_symlinks=False)
        if (seen.st_dev, seen.st_ino) in _open_here():
            return True
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return regular and os.read(descriptor, len(SQLITE_HEADER)) == SQLITE_HEADER
    finally:
        os.close(descriptor)


def _open_here() -> set[tuple[int, int]]:
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the descriptor of the listing itself is gone by now
            held = os.fstat(int(link.name))
            found.add((held.st_dev, held.st_ino))
    return found


_NOTHING = os.stat_result((0,) * 10)
