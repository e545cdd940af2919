"""Entries of a restored tree and of the original, exchanged one by one; each act is told from its outcome."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from intendance.catalogue.excluding import expression
from intendance.engines.files.excludes import Excludes
from intendance.model.errors.guide import GuideFindsNothing
from intendance.model.frozen import dataclass
from intendance.system.publish import exchange, mount_points, rename_new


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One entry: `old` and `new` are inode numbers of what stands in production and of what was restored, None where
    there is none."""

    path: str
    old: int | None
    new: int | None

    def stands(self, root: Path) -> bool:
        """Whether production has what was restored."""
        return inode(root / self.path) == self.new


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """All that is to be done: `folders` stay, and get the owner and mode of the restored ones; `made` are folders that
    have to be made for what goes into them."""

    moves: tuple[Move, ...]
    folders: tuple[str, ...]
    made: tuple[str, ...]

    def as_values(self) -> dict[str, Any]:
        """For the case's memory."""
        return {"moves": [asdict(move) for move in self.moves], "folders": list(self.folders), "made": list(self.made)}


def inode(path: Path) -> int | None:
    """An entry's inode number, without following a link."""
    try:
        return os.lstat(path).st_ino
    except (FileNotFoundError, NotADirectoryError):
        return None


def find_moves(root: Path, restored: Path, excludes: Excludes, wanted: Sequence[str], working: Path) -> Moves:
    """What makes production what was restored; with `wanted`, only what of the restored tree matches these patterns,
    each read from the tree's folder on. Raises GuideFindsNothing."""
    finding = _Finding(root, restored, excludes, working)
    if not wanted:
        finding.level(".")
        if not finding.folders:
            finding.folders.append(".")
    for pattern in wanted:
        finding.matching(_anchored(root, pattern), pattern)
    return Moves(moves=tuple(finding.moves), folders=tuple(finding.folders), made=tuple(finding.made))


def _anchored(root: Path, pattern: str) -> re.Pattern[str]:
    """A pattern as somebody types it: from the root on, or with the whole path."""
    inside = pattern.removeprefix(f"{root}/").removeprefix("./").strip("/")
    return re.compile(f"\\./{expression(inside)}", re.DOTALL)


class _Finding:
    def __init__(self, root: Path, restored: Path, excludes: Excludes, working: Path) -> None:
        self._root = root
        self._restored = restored
        self._excludes = excludes
        self._working = inode(working) if working.is_relative_to(root) else None
        self._mounts = mount_points()
        self._holding = set(self._folders_that_hold())
        self.moves: list[Move] = []
        self.folders: list[str] = []
        self.made: list[str] = []

    def level(self, folder: str) -> None:
        """All entries of a folder that both trees have; its own stays."""
        if (self._restored / folder).is_dir():
            self.folders.append(folder)
            if not (self._root / folder).is_dir():
                self.made.append(folder)
        names = {*_names(self._root / folder), *_names(self._restored / folder)}
        for name in sorted(names):
            path = f"{folder}/{name}"
            if not self._is_kept(path):
                self.entry(path)

    def entry(self, path: str) -> None:
        """One entry, or all below it where something of it has to stay."""
        if path in self._holding and not _is_other(self._restored / path):
            self.level(path)
            return
        self.moves.append(Move(path=path, old=inode(self._root / path), new=inode(self._restored / path)))

    def matching(self, pattern: re.Pattern[str], said: str) -> None:
        """The entries of the restored tree that match, with the folders above them."""
        found = list(self._matches(".", pattern))
        if not found:
            raise GuideFindsNothing(wanted=f"`{said}`")
        for path in found:
            above = path.split("/")[:-1]
            for depth in range(1, len(above) + 1):
                folder = "/".join(above[:depth])
                if not (self._root / folder).is_dir() and folder not in self.made:
                    self.made.append(folder)
            self.entry(path)

    def _matches(self, folder: str, pattern: re.Pattern[str]) -> Iterator[str]:
        for name in _names(self._restored / folder):
            path = f"{folder}/{name}"
            if pattern.fullmatch(path):
                yield path
            elif _is_folder(self._restored / path):
                yield from self._matches(path, pattern)

    def _is_kept(self, path: str) -> bool:
        if self._excludes.match(path):
            return True
        place = self._root / path
        return os.path.normpath(place) in self._mounts or (self._working is not None and inode(place) == self._working)

    def _folders_that_hold(self) -> Iterator[str]:
        """The folders of production with something below them that stays."""
        for place, folders, files in os.walk(self._root):
            folder = os.path.relpath(place, self._root)
            base = "." if folder == "." else f"./{folder}"
            stay = [name for name in (*folders, *files) if self._is_kept(f"{base}/{name}")]
            folders[:] = [name for name in folders if name not in stay]
            if stay:
                parts = base.split("/")
                yield from ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


class Placing:
    """Does it, and takes it back; each may be called again after a kill."""

    def __init__(self, moves: Moves, root: Path, restored: Path, replaced: Path) -> None:
        self._moves = moves
        self._root = root
        self._restored = restored
        self._replaced = replaced
        self._noted = replaced.with_name("folders")

    @staticmethod
    def read(values: Mapping[str, Any]) -> Moves:
        """Moves as `as_values` wrote them."""
        return Moves(
            moves=tuple(Move(**each) for each in values["moves"]),
            folders=tuple(values["folders"]),
            made=tuple(values["made"]),
        )

    def note(self) -> None:
        """Keep owner, mode and times of the folders that stay, in both trees: what moves in and out changes them."""
        shutil.rmtree(self._noted, ignore_errors=True)
        for folder in (*self._moves.made, *self._moves.folders):
            _make_like(self._noted / "new" / folder, self._restored / folder)
            _make_like(self._noted / "old" / folder, self._root / folder)
        for folder in reversed((*self._moves.made, *self._moves.folders)):
            _take_after(self._noted / "new" / folder, self._restored / folder)
            _take_after(self._noted / "old" / folder, self._root / folder)

    def forward(self) -> None:
        """Production becomes what was restored."""
        for folder in self._moves.made:
            _make_like(self._root / folder, self._noted / "new" / folder)
        for move in self._moves.moves:
            self._put(move)
        for folder in reversed((*self._moves.folders, *self._moves.made)):
            _take_after(self._root / folder, self._noted / "new" / folder)

    def back(self) -> None:
        """Production becomes what it was."""
        for move in reversed(self._moves.moves):
            self._return(move)
        for folder in reversed(self._moves.made):
            with suppress(OSError):  # somebody has put something into it since
                (self._root / folder).rmdir()
        for folder in reversed(self._moves.folders):
            if folder not in self._moves.made:
                _take_after(self._root / folder, self._noted / "old" / folder)

    def _put(self, move: Move) -> None:
        here, new, old = self._root / move.path, self._restored / move.path, self._replaced / move.path
        if move.new is None:
            if inode(here) is not None and inode(old) is None:
                _carry(here, old)
            return
        if inode(here) == move.new:
            if inode(new) is not None:  # stopped after the exchange
                _carry(new, old)
            return
        if inode(new) != move.new:
            raise FileNotFoundError(2, "what was restored is not there any more", str(new))
        if inode(here) is None:
            rename_new(new, here)
        elif exchange(new, here):
            _carry(new, old)
        else:
            _carry(here, old)
            rename_new(new, here)

    def _return(self, move: Move) -> None:
        here, new, old = self._root / move.path, self._restored / move.path, self._replaced / move.path
        if inode(old) is None:
            self._return_uncarried(move)
            return
        if inode(here) == move.old or inode(old) == move.new:  # stopped after the exchange
            _carry(old, _free(new))
            return
        if inode(here) is None:
            rename_new(old, here)
        elif exchange(old, here):
            _carry(old, _free(new))
        else:
            _carry(here, _free(new))
            rename_new(old, here)

    def _return_uncarried(self, move: Move) -> None:
        """Nothing had been there; or it is there again; or the way there stopped between its exchange and the carrying
        aside, and the original lies where the restored one did."""
        here, new = self._root / move.path, self._restored / move.path
        if move.old is None:
            if inode(here) is not None and inode(new) is None:
                _carry(here, new)
        elif inode(new) == move.old and not (inode(here) is not None and exchange(new, here)):
            rename_new(new, here)


def _carry(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    rename_new(source, target)


def _free(path: Path) -> Path:
    number = 0
    found = path
    while inode(found) is not None:
        number += 1
        found = path.with_name(f"{path.name}.{number}")
    return found


def _make_like(folder: Path, model: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if model.is_dir():
        _take_after(folder, model)


def _take_after(folder: Path, model: Path) -> None:
    """Owner, mode, times and extended attributes (access lists are such) of another folder."""
    if not model.is_dir():
        return
    seen = model.stat()
    with suppress(PermissionError):
        os.chown(folder, seen.st_uid, seen.st_gid)
    for name in os.listxattr(folder):
        if name not in os.listxattr(model):
            with suppress(OSError):
                os.removexattr(folder, name)
    shutil.copystat(model, folder)


def _names(folder: Path) -> list[str]:
    if not _is_folder(folder):
        return []
    return sorted(entry.name for entry in folder.iterdir())


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_other(path: Path) -> bool:
    """Something that is there and is no folder."""
    return inode(path) is not None and not _is_folder(path)
