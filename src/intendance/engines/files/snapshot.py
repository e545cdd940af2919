"""GNU tar's notes on a tree (`--listed-incremental`, snapshot format 2), read and made ready for a differential. Pure.

The format is that of the GNU tar manual, "Format of the Incremental Snapshot Files": a first line with the program's
name and `2`; then, each ended by NUL, the second and nanosecond of the reading; per folder: an NFS flag, second and
nanosecond of its time, device, inode, name, its entries (a letter and a name), an empty string and one more NUL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from intendance.engines.files.excludes import Excludes
from intendance.model.frozen import dataclass

EARLIER_SECONDS = 2
"""How far the moment of the full reading is set back: file systems stamp with a clock that lags behind the one that
tar reads by up to one tick (10 ms at most), and FAT counts in steps of two seconds."""

_HEAD = b"GNU tar-"
_FORMAT = b"-2"
_NO_DEVICE = b"0"
_IN_TREE = (b"Y", b"N")


class SnapshotUnreadable(Exception):
    """The notes are not those of GNU tar's snapshot format 2."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of the notes: its fields as they stand there, its name (`./a/b`) and its entries."""

    nfs: bytes
    seconds: bytes
    nanoseconds: bytes
    inode: bytes
    name: bytes
    entries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What tar noted when it read a tree that began at `seconds` since 1970."""

    head: bytes
    seconds: int
    nanoseconds: bytes
    folders: tuple[Folder, ...]


def parse(content: bytes) -> Snapshot:
    """Raises SnapshotUnreadable."""
    head, _, rest = content.partition(b"\n")
    if not (head.startswith(_HEAD) and head.endswith(_FORMAT)):
        raise SnapshotUnreadable
    fields = rest.split(b"\0")
    try:
        return Snapshot(head, int(fields[0]), fields[1], tuple(_folders(fields)))
    except (ValueError, IndexError):
        raise SnapshotUnreadable from None


def _folders(fields: list[bytes]) -> Iterator[Folder]:
    position, last = 2, len(fields) - 1
    if fields[last] != b"":
        raise SnapshotUnreadable
    while position < last:
        nfs, seconds, nanoseconds, _device, inode, name = fields[position : position + 6]
        end = fields.index(b"", position + 6)
        if fields[end + 1] != b"" or end + 1 >= len(fields):
            raise SnapshotUnreadable
        yield Folder(nfs, seconds, nanoseconds, inode, name, tuple(fields[position + 6 : end]))
        position = end + 2
    if position != last:
        raise SnapshotUnreadable


def for_differential(snapshot: Snapshot) -> bytes:
    """The notes as a differential needs them.

    tar takes a folder for a renamed one when device and inode are those of a folder of another name, and then writes
    an instruction to rename instead of the content. GNU tar 1.34 loses content so when names rotate, and cannot extract
    its own archive when a folder took the place of another. With a device that no folder has it finds none: a folder
    under a new name is read whole. Folders under their old name are told by their inode alone (`--no-check-device`).
    """
    fields = [str(snapshot.seconds - EARLIER_SECONDS).encode(), snapshot.nanoseconds]
    for folder in snapshot.folders:
        fields += [folder.nfs, folder.seconds, folder.nanoseconds, _NO_DEVICE, folder.inode, folder.name]
        fields += [*folder.entries, b"", b""]
    return snapshot.head + b"\n" + b"\0".join(fields) + b"\0"


def root_inode(snapshot: Snapshot) -> int | None:
    """The inode of the tree's own folder."""
    return next((int(folder.inode) for folder in snapshot.folders if folder.name == b"."), None)


def count_names(snapshot: Snapshot, excludes: Excludes) -> int:
    """How many names, other than those of folders, stand in the tree and are not left out."""
    if not excludes.patterns:
        return sum(entry[:1] in _IN_TREE for folder in snapshot.folders for entry in folder.entries)
    return sum(
        entry[:1] in _IN_TREE and not excludes.match(os.fsdecode(folder.name + b"/" + entry[1:]))
        for folder in snapshot.folders
        for entry in folder.entries
    )
