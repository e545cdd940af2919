"""What a file tree's exclusions leave out, in count and bytes: asked of GNU tar itself, as a backup asks it.

tar lists a tree into /dev/null without reading its files' content (GNU tar manual, "create"); what it lists without
patterns and no longer lists with them is what they exclude.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence

from intendance.engines.files.databases import without_databases
from intendance.model.errors.engine import SourceMissing
from intendance.model.frozen import dataclass
from intendance.model.plan import FilesAsset
from intendance.system import process

DEADLINE_SECONDS = 600
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A part of a tree: `files` counts everything that is no folder, `size_bytes` each regular file's bytes once."""

    files: int
    folders: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """What is left out altogether, databases with a backup of their own included, what is kept, and what each pattern
    of the plan would leave out alone."""

    kept: Amount
    excluded: Amount
    by_pattern: dict[str, Amount]


def count(asset: FilesAsset) -> Exclusion:
    """Walk the tree as a backup does. Raises SourceMissing, ProgramMissing, ProgramFailed, ProgramTimedOut."""
    if not os.path.isdir(asset.path):  # noqa: PTH112 -- nothing else of the path is needed
        raise SourceMissing(asset=asset.name, detail=f"there is no folder {asset.path} on this machine")
    whole = members(asset.path, ())
    patterns = without_databases(asset).exclude
    kept = whole if not patterns else members(asset.path, patterns)
    alone = {pattern: whole - members(asset.path, (pattern,)) for pattern in asset.exclude}
    return Exclusion(
        kept=_amount(asset.path, kept),
        excluded=_amount(asset.path, whole - kept),
        by_pattern={pattern: _amount(asset.path, left_out) for pattern, left_out in alone.items()},
    )


def members(path: str, patterns: Sequence[str]) -> frozenset[bytes]:
    """The names that tar would store of a tree, relative to it. Folders that cannot be read count as empty."""
    listed = process.run(
        [
            "tar", "--create", "--file=/dev/null", "--verbose", "--quoting-style=escape", "--one-file-system",
            "--ignore-failed-read", "--directory", path, *(f"--exclude={pattern}" for pattern in patterns), ".",
        ],
        deadline_seconds=DEADLINE_SECONDS,
        accept=(0, 1, 2),  # 1: a file changed while it was looked at; 2: one could not be opened
    )  # fmt: skip
    return frozenset(_unescape(line).rstrip(b"/") for line in listed.stdout.splitlines())


def _unescape(name: bytes) -> bytes:
    def one(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([int(code, 8)]) if len(code) == 3 else _LETTERS.get(code, code)

    return _ESCAPE.sub(one, name)


def _amount(path: str, names: frozenset[bytes]) -> Amount:
    files = folders = size_bytes = 0
    seen: set[tuple[int, int]] = set()
    root = os.fsencode(path)
    for name in names:
        try:
            status = os.lstat(os.path.join(root, name))
        except OSError:  # gone since tar listed it
            continue
        if stat.S_ISDIR(status.st_mode):
            folders += 1
            continue
        files += 1
        if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            size_bytes += status.st_size
    return Amount(files=files, folders=folders, size_bytes=size_bytes)
