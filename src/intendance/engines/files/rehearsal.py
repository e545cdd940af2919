"""A drill of a tree: extracted in a sandbox by tar, behind a sieve, and hashed file by file."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from intendance.engines import Consumer, StreamInSet
from intendance.engines.files.sift import HOSTILE
from intendance.engines.files.write import WriteSession
from intendance.engines.new_folder import open_folders
from intendance.model.errors import InternalError
from intendance.model.errors.drill import ArchiveHostile
from intendance.model.evidence.restore import Check
from intendance.model.plan import FilesAsset
from intendance.system.sandbox import Sandbox

_SIEVE = Path(__file__).with_name("sift.py")
_ELSEWHERE = "/nonexistent"  # the tree that was backed up is not on this machine, or not looked at
_PIECE_BYTES = 1 << 20


class TreeRehearsal(WriteSession):
    """A tree in the sandbox. Devices and setuid bits stay in the archive."""

    def __init__(self, streams: Sequence[StreamInSet], into: str, sandbox: Sandbox) -> None:
        super().__init__(FilesAsset(name="drill", path=_ELSEWHERE, backup=None), streams, into)
        self._sandbox = sandbox
        self._left_out = {"devices": 0, "setuid": 0}

    def prepare(self) -> None:
        """Create the folder and give it to the user of the sandbox."""
        super().prepare()
        self._sandbox.own(self._new.place)

    def consumers(self) -> Sequence[Consumer]:
        """tar behind the sieve, for each stream of the set, in order."""
        return tuple(self._locked_in(each) for each in super().consumers())

    def check(self) -> tuple[Check, ...]:
        """As any restore, with what stays in the archive: as much as it listed when it was made."""
        open_folders(self._new.place)
        self._devices_left = self._left_out["devices"]
        left = sum(self._left_out.values())
        counted = sum(
            int(stream.details.get(name, 0)) for stream in self._streams.values() for name in ("devices", "setuid")
        )
        checks = [*super().check()]
        if left or counted:
            said = f"{self._left_out['devices']} devices and {self._left_out['setuid']} setuid bits stay in the archive"
            checks.append(Check(name="left in the archive", ok=left == counted, found=f"{said}; it lists {counted}"))
        return tuple(checks)

    def content(self) -> Mapping[str, str]:
        """One hash over every name, kind and byte."""
        hashed, count = sha256(), 0
        for line in _lines(os.fsencode(self._new.place)):
            hashed.update(line)
            count += 1
        return {"tree": f"{count} names, {hashed.hexdigest()}"}

    def ask(self, sql: str, point_time: str, deadline_seconds: int) -> str | None:
        """A tree answers no question."""
        raise InternalError(detail=f"{sql} {point_time} {deadline_seconds}")

    def holds(self, name: str) -> Check:
        """The file of that path in the tree, links within it followed."""
        root = Path(os.path.realpath(self._new.place))
        place = Path(os.path.realpath(root / name.lstrip("/")))
        try:
            seen = place.lstat()
        except OSError:
            seen = None
        inside = place.is_relative_to(root) and seen is not None and stat.S_ISREG(seen.st_mode)
        size = seen.st_size if inside and seen is not None else 0
        return Check(name=f"holds {name}", ok=size > 0, found=f"{size} bytes" if inside else "it is not there")

    def _locked_in(self, consumer: Consumer) -> Consumer:
        tar = self._sandbox.argv((sys.executable, "-I", str(_SIEVE), *consumer.argv))

        def finish(code: int, stderr: str) -> None:
            said, complaints = _parted(stderr)
            if code == HOSTILE and "hostile" in said:
                raise ArchiveHostile(set=consumer.stream, detail=said["hostile"])
            for name, count in said.get("left_out", {}).items():
                self._left_out[name] += int(count)
            consumer.finish(code, complaints)
            open_folders(self._new.place)

        return replace(consumer, argv=tar, finish=finish)


def open_rehearsal(
    streams: Sequence[StreamInSet],
    details: Mapping[str, Any],  # noqa: ARG001 -- the streams say enough
    into: str,
    sandbox: Sandbox,
    *,
    by_hand: bool,  # noqa: ARG001 -- it is tar both ways
) -> TreeRehearsal:
    """A rehearsal of a tree."""
    return TreeRehearsal(streams, into, sandbox)


def _parted(stderr: str) -> tuple[dict[str, Any], str]:
    """What the sieve said, and what tar did."""
    lines = stderr.splitlines()
    if lines and lines[-1].startswith("{"):
        return json.loads(lines[-1]), "\n".join(lines[:-1])
    return {}, stderr


def _lines(root: bytes) -> Iterator[bytes]:
    """Every entry of a tree in the order of names: what it is, how large, its content's hash or where it leads."""
    pending = [b""]
    while pending:
        folder = pending.pop()
        with os.scandir(os.path.join(root, folder)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            name = os.path.join(folder, entry.name)
            seen = entry.stat(follow_symlinks=False)
            kind = stat.S_IFMT(seen.st_mode)
            said = b"%o %d" % (kind, seen.st_size if kind == stat.S_IFREG else 0)
            if kind == stat.S_IFDIR:
                pending.append(name)
            elif kind == stat.S_IFREG:
                said += b" " + _hash(entry.path, seen.st_mode)
            elif kind == stat.S_IFLNK:
                said += b" " + os.readlink(entry.path)  # noqa: PTH115 -- names are bytes
            yield b"%d %s\0%s\0" % (len(name), name, said)


def _hash(path: bytes, mode: int) -> bytes:
    if not mode & stat.S_IRUSR:
        os.chmod(path, 0o600)  # noqa: PTH101 -- names are bytes
    hashed = sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb", buffering=0) as source:
        while piece := source.read(_PIECE_BYTES):
            hashed.update(piece)
    return hashed.hexdigest().encode()
