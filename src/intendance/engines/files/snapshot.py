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
_END = b"\0\0\0"  # that of the last entry, that of the empty string, one more; no other field is empty


class SnapshotUnreadable(Exception):
    """The notes are not those of GNU tar's snapshot format 2."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of the notes: its fields as they stand there, its name (`./a/b`) and its entries, each after a NUL."""

    nfs: bytes
    seconds: bytes
    nanoseconds: bytes
    inode: bytes
    name: bytes
    entries: bytes

    def names(self) -> Iterator[bytes]:
        """What stands in it and is no folder, of which tar read (Y) or left (N) the content."""
        return (entry[1:] for entry in self.entries.split(b"\0") if entry[:1] in (b"Y", b"N"))


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
    try:
        seconds, nanoseconds, rest = rest.split(b"\0", 2)
        *folders, last = rest.split(_END)
        if last:
            raise SnapshotUnreadable
        return Snapshot(head, int(seconds), nanoseconds, tuple(map(_folder, folders)))
    except ValueError:
        raise SnapshotUnreadable from None


def _folder(fields: bytes) -> Folder:
    """Raises SnapshotUnreadable, ValueError."""
    if fields[:1] == b"\0" or b"\0\0" in fields:  # a field is empty
        raise SnapshotUnreadable
    nfs, seconds, nanoseconds, _device, inode, rest = fields.split(b"\0", 5)
    name, mark, entries = rest.partition(b"\0")
    return Folder(nfs, seconds, nanoseconds, inode, name, mark + entries)


def for_differential(snapshot: Snapshot) -> bytes:
    """The notes as a differential needs them.

    tar takes a folder for a renamed one when device and inode are those of a folder of another name, and then writes
    an instruction to rename instead of the content. GNU tar 1.34 loses content so when names rotate, and cannot extract
    its own archive when a folder took the place of another. With a device that no folder has it finds none: a folder
    under a new name is read whole. Folders under their old name are told by their inode alone (`--no-check-device`).
    """
    fields = [str(snapshot.seconds - EARLIER_SECONDS).encode(), snapshot.nanoseconds]
    for folder in snapshot.folders:
        fields += [
            folder.nfs,
            folder.seconds,
            folder.nanoseconds,
            _NO_DEVICE,
            folder.inode,
            folder.name + folder.entries,
        ]
        fields += [b"", b""]
    return snapshot.head + b"\n" + b"\0".join(fields) + b"\0"


def root_inode(snapshot: Snapshot) -> int | None:
    """The inode of the tree's own folder."""
    return next((int(folder.inode) for folder in snapshot.folders if folder.name == b"."), None)


def count_names(content: bytes, excludes: Excludes) -> int:
    """How many names, other than those of folders, stand in notes and are not left out. Raises SnapshotUnreadable."""
    if not excludes.patterns:
        if not content.startswith(_HEAD):
            raise SnapshotUnreadable
        return content.count(b"\0Y") + content.count(b"\0N")  # numbers and folders' names begin with neither
    return sum(
        not excludes.match(os.fsdecode(folder.name + b"/" + name))
        for folder in parse(content).folders
        for name in folder.names()
    )
