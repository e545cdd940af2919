"""File trees with everything that a site may hold, and a comparison that looks at all of it.

Names are bytes here, which pathlib cannot hold.
"""
# ruff: noqa: PTH101, PTH102, PTH103, PTH115, PTH211

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

ODD_NAMES = (
    b"new\nline",
    b"invalid-\xff\xfe-utf8",
    b"-n leading dash",
    b"  spaces  ",
    b"quote'\"\\backslash",
    "accentué-é.txt".encode(),
    b"\x01control",
    b"*glob?[x]",
    b"n" * 255,
)


def fill_oddly(tree: Path) -> None:
    """Names with newlines and invalid UTF-8, hard links, holes, symbolic links, empty folders, modes, owners,
    attributes, access lists."""
    root = os.fsencode(tree)
    os.makedirs(root, exist_ok=True)
    for number, name in enumerate(ODD_NAMES):
        _write(root + b"/" + name, b"content %d\n" % number * 50)
    os.makedirs(root + b"/odd\nfolder\xff/deep/er", exist_ok=True)
    _write(root + b"/odd\nfolder\xff/deep/er/file", b"x" * 70_000)
    os.mkdir(root + b"/empty", 0o750)
    os.mkdir(root + b"/closed", 0o700)
    _write(root + b"/closed/secret", b"s", mode=0o600)
    os.chmod(root + b"/closed", 0o500)
    _write(root + b"/empty file", b"")
    _write(root + b"/run me", b"#!/bin/sh\n", mode=0o4755)
    os.link(root + b"/empty file", root + b"/hard link to empty")
    os.link(root + b"/odd\nfolder\xff/deep/er/file", root + b"/closed-link")
    os.symlink(b"empty", root + b"/link to folder")
    os.symlink(b"/nowhere/at\nall\xff", root + b"/dangling link")
    os.mkfifo(root + b"/fifo", 0o640)
    _sparse(root + b"/holes", 3 << 20)
    if os.geteuid() == 0:
        os.chown(root + b"/run me", 12345, 54321)
        os.chmod(root + b"/run me", 0o4755)
    _attribute(root + b"/empty file", b"user.note", b"\x00\xffbinary")
    _acl(root + b"/empty", "u:4242:rwx,d:u:4242:rx")
    _acl(root + b"/closed/secret", "g:4343:r")
    os.utime(root + b"/holes", ns=(1_000_000_000, 981_173_106_000_000_000))


@dataclass(frozen=True, slots=True)
class Entry:
    """All that a restore must bring back of one name; `twins` are the other names of the same file."""

    mode: int
    owner: tuple[int, int]
    size: int
    modified_seconds: int
    content: bytes
    target: bytes
    attributes: tuple[tuple[str, bytes], ...]
    twins: tuple[bytes, ...]


def snapshot(tree: Path) -> dict[bytes, Entry]:
    """Every name below `tree` (and `.` itself), by its bytes."""
    root = os.fsencode(tree)
    names = [b"."]
    for place, folders, files in os.walk(root):
        names += [os.path.relpath(os.path.join(place, name), root) for name in (*folders, *files)]
    inodes: dict[int, list[bytes]] = {}
    for name in names:
        seen = os.lstat(os.path.join(root, name))
        if not stat.S_ISDIR(seen.st_mode):
            inodes.setdefault(seen.st_ino, []).append(name)
    return {name: _entry(os.path.join(root, name), name, inodes) for name in names}


def hole_bytes(path: bytes) -> int:
    """How much of a file takes no room on the disk."""
    seen = os.lstat(path)
    return max(0, seen.st_size - seen.st_blocks * 512)


def _entry(path: bytes, name: bytes, inodes: dict[int, list[bytes]]) -> Entry:
    seen = os.lstat(path)
    kind = stat.S_IFMT(seen.st_mode)
    content = b""
    if kind == stat.S_IFREG:
        with open(path, "rb") as source:
            content = source.read()
    return Entry(
        mode=seen.st_mode,
        owner=(seen.st_uid, seen.st_gid),
        size=seen.st_size if kind in (stat.S_IFREG, stat.S_IFLNK) else 0,
        modified_seconds=int(seen.st_mtime) if kind != stat.S_IFLNK else 0,
        content=content,
        target=os.readlink(path) if kind == stat.S_IFLNK else b"",
        attributes=tuple(
            (each, os.getxattr(path, each, follow_symlinks=False))
            for each in sorted(os.listxattr(path, follow_symlinks=False))
        ),
        twins=tuple(sorted(other for other in inodes.get(seen.st_ino, []) if other != name)),
    )


def _write(path: bytes, content: bytes, *, mode: int = 0o644) -> None:
    with open(path, "wb") as target:
        target.write(content)
    os.chmod(path, mode)


def _sparse(path: bytes, size: int) -> None:
    with open(path, "wb") as target:
        target.write(b"begin")
        target.seek(size)
        target.write(b"end")


def _attribute(path: bytes, name: bytes, value: bytes) -> None:
    try:
        os.setxattr(path, name, value)
    except OSError:  # a file system without them: there is nothing to bring back
        return


def _acl(path: bytes, entries: str) -> None:
    if shutil.which("setfacl") is not None:
        subprocess.run(["setfacl", "-m", entries, path], check=False, capture_output=True)
