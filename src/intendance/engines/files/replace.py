"""A restored tree, or some of it, in the place of the original: by renames on the original's own file system.

What no backup keeps (excluded names, databases that are assets of their own, other file systems) stays where it is, and
so does the tree's own folder: a web server goes on in it, and it may be a mount. Each entry is exchanged with the one
that was restored in one system call, or put, or taken away; what was there lies in `replaced`. What was done is told
by inode numbers, so that a second start finishes it, in either direction.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from intendance.engines.files.databases import without_databases
from intendance.engines.files.excludes import Excludes
from intendance.engines.files.placing import Moves, Placing, find_moves
from intendance.engines.new_folder import open_folders
from intendance.engines.replacing import Standing, Target
from intendance.model.errors import InternalError
from intendance.model.errors.engine import SourceMissing
from intendance.model.errors.guide import GuideNoRoom, GuideRefused
from intendance.model.evidence.restore import Check
from intendance.model.plan import Asset, FilesAsset
from intendance.system.publish import make_folder, mount_points, sync_directory, sync_file_system


def where(asset: Asset, target: Target, case: str) -> dict[str, Any]:  # noqa: ARG001 -- the same for all of a tree
    """Beside the tree, on its own file system; in it where it is one of its own, or its parent cannot be written."""
    if not isinstance(asset, FilesAsset):
        raise InternalError(detail=f"asset {asset.name} is not a tree of files")
    root = Path(os.path.realpath(asset.path))
    beside = root.parent / f".{root.name}.intendance-{case}"
    inside = root / f".intendance-{case}"
    if not root.is_dir():
        return {"root": os.fspath(root), "folder": os.fspath(beside)}
    parent = root.parent
    same = parent.stat().st_dev == root.stat().st_dev and str(root) not in mount_points() and os.access(parent, os.W_OK)
    return {"root": os.fspath(root), "folder": os.fspath(beside if same else inside)}


class TreeReplacement:
    """See the module. `folder` is closed to others and holds `restored` and `replaced`."""

    def __init__(self, asset: FilesAsset, wanted: Sequence[str], found: Mapping[str, Any]) -> None:
        self._asset = asset
        self._root = Path(found["root"])
        self._folder = Path(found["folder"])
        self._wanted = tuple(wanted)
        self._excludes = Excludes(without_databases(asset).exclude)
        self._restored, self._replaced = self._folder / "restored", self._folder / "replaced"
        self.into = str(self._restored)
        self.kept = str(self._replaced)

    def standing(self) -> Standing:
        """Whether anything is there; how much is not asked, for nothing is copied."""
        try:
            with os.scandir(self._root) as entries:
                return Standing(present=any(entry.path != str(self._folder) for entry in entries), bytes=0)
        except FileNotFoundError:
            return Standing(present=False, bytes=0)
        except NotADirectoryError:
            raise SourceMissing(asset=self._asset.name, detail=f"{self._asset.path} is not a folder") from None

    def prepare(self, source_bytes: int) -> None:
        """Make the working folder. Raises GuideNoRoom, GuideRefused."""
        place = next(each for each in self._folder.parents if each.exists())
        free = shutil.disk_usage(place).free
        if free < source_bytes:
            raise GuideNoRoom(place=str(place), free=_size(free), need=_size(source_bytes))
        try:
            make_folder(self._folder.parent)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._folder.chmod(0o700)
            sync_directory(self._folder.parent)
        except OSError as failure:
            raise GuideRefused(
                asset=self._asset.name,
                detail=f"{self._folder} cannot be made ({failure.strerror})",
                remedy="Run it as root, or as a user who may write there.",
            ) from None

    def plan(self) -> dict[str, Any]:
        """Which entries go where, by their inodes. Raises GuideFindsNothing."""
        moves = find_moves(self._root, self._restored, self._excludes, self._wanted, self._folder)
        self._placing(moves).note()
        return {"moves": moves.as_values(), "listing": self._listing(moves, self._restored)}

    def forward(self, plan: Mapping[str, Any]) -> None:
        """Put what was restored in place. Raises GuideRefused."""
        self._act(lambda placing: placing.forward(), plan)

    def back(self, plan: Mapping[str, Any]) -> None:
        """Put what was there before in place again; what is there now goes to `restored`."""
        self._act(lambda placing: placing.back(), plan)

    def check(self, plan: Mapping[str, Any], details: Mapping[str, Any]) -> tuple[Check, ...]:  # noqa: ARG002
        """Whether the very entries that were tested stand there, and as they were tested."""
        moves = Placing.read(plan["moves"])
        strange = [move.path for move in moves.moves if not move.stands(self._root)]
        found = self._listing(moves, self._root)
        names, size = plan["listing"]["names"], plan["listing"]["bytes"]
        said = f"{names} names, {size} bytes, as they were tested"
        if found["sha256"] != plan["listing"]["sha256"]:
            said = f"{names} names, {size} bytes; something has already written to them since"
        return (
            Check(
                name="entries",
                ok=not strange,
                found=f"{len(strange)} of {len(moves.moves)} are not the ones that were tested"
                if strange
                else f"all {len(moves.moves)} are the ones that were tested",
            ),
            Check(name="files", ok=found["names"] > 0 or plan["listing"]["names"] == 0, found=said),
        )

    def tidy(self) -> None:
        """What was restored and not wanted goes; what was replaced stays."""
        _remove(self._restored)

    def discard(self) -> None:
        """All that was made goes."""
        _remove(self._folder)

    def removal(self) -> str:
        """What removes what is kept."""
        return f"rm -r {shlex.quote(str(self._folder))}"

    def close(self) -> None:
        """Nothing is held open."""

    def _act(self, act: Callable[[Placing], None], plan: Mapping[str, Any]) -> None:
        try:
            act(self._placing(Placing.read(plan["moves"])))
            sync_file_system(self._folder)
        except OSError as failure:
            raise GuideRefused(
                asset=self._asset.name,
                detail=f"the system said: {failure.strerror}",
                remedy="Mend that and start again: it goes on where it stands. `--back` puts everything back.",
            ) from failure

    def _placing(self, moves: Moves) -> Placing:
        return Placing(moves, self._root, self._restored, self._replaced)

    def _listing(self, moves: Moves, base: Path) -> dict[str, Any]:
        """Names, bytes and a hash of what is put: of each entry its path, size, time, owner and mode."""
        digest, names, total = sha256(), 0, 0
        for path in sorted(move.path for move in moves.moves if move.new is not None):
            for name, seen in _below(base, path):
                names += 1
                regular = stat.S_ISREG(seen.st_mode)
                total += seen.st_size if regular else 0
                size = seen.st_size if regular else 0
                told = (size, 0 if stat.S_ISDIR(seen.st_mode) else seen.st_mtime_ns, seen.st_uid, seen.st_gid)
                digest.update(os.fsencode(name) + repr((*told, seen.st_mode)).encode())
        return {"names": names, "bytes": total, "sha256": digest.hexdigest()}


def _below(base: Path, path: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        seen = os.lstat(base / path)
    except FileNotFoundError:
        return
    yield path, seen
    if stat.S_ISDIR(seen.st_mode):
        for name in sorted(entry.name for entry in (base / path).iterdir()):
            yield from _below(base, f"{path}/{name}")


def _remove(folder: Path) -> None:
    if folder.exists():
        open_folders(folder)
        shutil.rmtree(folder)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def open_replacement(asset: Asset, target: Target, case: str, found: Mapping[str, Any]) -> TreeReplacement:  # noqa: ARG001
    """The replacement of a tree, or of what matches `target.paths`."""
    if not isinstance(asset, FilesAsset):
        raise InternalError(detail=f"asset {asset.name} is not a tree of files")
    return TreeReplacement(asset, target.paths, found)
