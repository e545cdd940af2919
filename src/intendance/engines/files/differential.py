"""A differential backup of a tree: what changed since the full backup whose notes are at hand."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from intendance.engines import Finished, Producer
from intendance.engines.files import snapshot, tar
from intendance.engines.files.excludes import Excludes
from intendance.engines.files.read import ReadSession, readable_root
from intendance.model.errors.engine import BaseUnusable
from intendance.model.plan import FilesAsset

CHANGES = "changes"
CHANGES_AGAIN = "changes-again"


class ChangesSession(ReadSession):
    """One differential in the making: `changes`, then what has to be read a second time.

    tar dumps a file that was written, renamed or whose rights were changed (modification or change time after the full
    reading), and every file of a folder whose name or inode is new; of every folder it lists the names, so that
    extracting removes the others. Raises BaseUnusable when the notes do not fit the tree.
    """

    again = CHANGES_AGAIN

    def __init__(self, asset: FilesAsset, base: Path, scratch: Path, expected_bytes: int) -> None:
        notes = b""

        def read_base() -> None:
            nonlocal notes
            notes = _notes(asset, base)

        super().__init__(asset, scratch, expected_bytes, read_base)
        self.snapshot.write_bytes(notes)

    def _tree(self) -> Producer:
        return self._producer(CHANGES, (*self._incremental(), "."), self._changes_finished)

    def _changes_finished(self, said: tar.Said, listing: tar.Listing) -> Finished:
        split = _split_links(os.fsencode(self._root), self._scratch / f"{CHANGES}.list", Excludes(self.asset.exclude))
        self._changed = list(dict.fromkeys((*said.changed, *split)))
        details = listing.details() | {"archive_bytes": said.archive_bytes, "changed": len(said.changed)}
        if not (said.vanished or said.mounts or said.sockets):
            with _readable(self.asset):
                details["names"] = snapshot.count_names(self.snapshot.read_bytes(), Excludes(self.asset.exclude))
        return Finished(details=details, warnings=(*self.in_use(listing), *self.told(said)))


def _notes(asset: FilesAsset, base: Path) -> bytes:
    """The notes of the full backup as tar takes them for a differential."""
    with _readable(asset):
        before = snapshot.parse(base.read_bytes())
    if snapshot.root_inode(before) != os.stat(readable_root(asset)).st_ino:
        raise BaseUnusable(asset=asset.name, detail="the folder is another one than when the full backup was made")
    return snapshot.for_differential(before)


@contextmanager
def _readable(asset: FilesAsset) -> Iterator[None]:
    try:
        yield
    except (OSError, snapshot.SnapshotUnreadable):
        raise BaseUnusable(asset=asset.name, detail="tar's notes on the full backup cannot be read") from None


def _split_links(root: bytes, index: Path, excludes: Excludes) -> list[bytes]:
    """All names of files of which tar dumped some names and left others to the base: a folder with one of them was
    moved. Dumped apart they would come back as two files; read again together they stay one."""
    dumped: dict[int, int] = {}
    links: dict[int, int] = {}
    with index.open("rb") as lines:
        for name in _file_names(lines):
            try:
                seen = os.lstat(root + b"/" + name)
            except OSError:  # gone since: tar has its content
                continue
            if seen.st_nlink > 1:
                dumped[seen.st_ino] = dumped.get(seen.st_ino, 0) + 1
                links[seen.st_ino] = seen.st_nlink
    wanted = {inode for inode, count in dumped.items() if links[inode] > count}
    if not wanted:
        return []
    names: dict[int, list[bytes]] = {}
    for name, inode in _linked(root, excludes, wanted):
        names.setdefault(inode, []).append(name)
    return [name for inode, group in names.items() if len(group) > dumped[inode] for name in group]


def _file_names(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The names of files, and second names, in a listing made with -vv."""
    for line in lines:
        if line[:1] == b"-":
            yield tar.unquoted(line[line.index(b'"') + 1 : line.rindex(b'"')])
        elif line[:1] == b"h":
            yield tar.unquoted(line[line.index(b'"') + 1 : line.index(b'" link to "')])


def _linked(root: bytes, excludes: Excludes, wanted: set[int]) -> Iterator[tuple[bytes, int]]:
    """Every name of these files in the tree, on its own file system, with its inode."""
    device = os.stat(root).st_dev
    pending = [b"."]
    while pending:
        folder = pending.pop()
        with os.scandir(root + b"/" + folder) as entries:
            for entry in entries:
                name = folder + b"/" + entry.name
                if excludes.match(os.fsdecode(name)):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if entry.stat(follow_symlinks=False).st_dev == device:
                        pending.append(name)
                elif entry.inode() in wanted and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                    yield name, entry.inode()
