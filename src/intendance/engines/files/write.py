"""A restore of a tree into a folder that did not exist before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from intendance.engines import Consumer, StreamInSet
from intendance.engines.files import tar, walk
from intendance.engines.files.differential import CHANGES, CHANGES_AGAIN
from intendance.engines.files.read import AGAIN, TREE
from intendance.model.errors.engine import DestinationTaken, DestinationUnusable, LoadFailed
from intendance.model.evidence.restore import Check
from intendance.model.plan import FilesAsset

_ORDER = (TREE, AGAIN, CHANGES, CHANGES_AGAIN)
_ELSEWHERE = "Name a new folder below one that exists, that you may write to, and that is outside the source."


class WriteSession:
    """Extracts `tree`, then `again` over it; of a differential then `changes`, by which tar also deletes what was
    deleted since, and `changes-again`. tar deletes strangers in its target folder, so it only ever gets one that this
    session has just created."""

    def __init__(self, asset: FilesAsset, streams: Sequence[StreamInSet], into: str) -> None:
        self.folder = Path(os.path.abspath(into))  # noqa: PTH100 -- symbolic links stay as they were written
        self.destination = str(self.folder)
        self._streams = {stream.name: stream for stream in streams}
        self._created = False
        if TREE not in self._streams:
            raise self._unusable("the set holds no file tree")
        source = Path(os.path.realpath(asset.path))
        if Path(os.path.realpath(self.folder)).is_relative_to(source):
            raise self._unusable(f"it lies inside {asset.path}, which is what is being backed up")

    def prepare(self) -> None:
        """Create the folder, closed to others until tar gives it its archived mode. Raises DestinationTaken,
        DestinationUnusable."""
        if os.path.lexists(self.folder):
            raise DestinationTaken(destination=self.destination)
        self._refuse_too_small()
        try:
            self.folder.mkdir(mode=0o700)
        except FileExistsError:
            raise DestinationTaken(destination=self.destination) from None
        except OSError as failure:
            raise self._unusable(failure.strerror or "it cannot be created") from None
        self._created = True

    def consumers(self) -> Sequence[Consumer]:
        """tar for each stream of the set, in order."""
        return tuple(self._consumer(name) for name in _ORDER if name in self._streams)

    def check(self) -> tuple[Check, ...]:
        """Names and bytes on disk against the archive's own listing."""
        found = walk.count(self.destination)
        if CHANGES in self._streams:
            return self._check_changed(found)
        details = self._streams[TREE].details
        wanted_files = int(details["files"]) + int(details["hard_links"])
        checks = [
            _same("directories", found.directories, int(details["directories"])),
            _same("files", found.files, wanted_files),
            _same("symbolic links", found.symlinks, int(details["symlinks"])),
            _same("devices and pipes", found.others, int(details["others"])),
        ]
        if AGAIN in self._streams:
            count = int(self._streams[AGAIN].details["files"])
            said = f"{found.bytes} bytes, of which {count} files as they were when read again"
            checks.append(Check(name="bytes", ok=True, found=said))
        else:
            checks.append(_same("bytes", found.bytes, int(details["bytes"])))
        return tuple(checks)

    def _check_changed(self, found: walk.Counted) -> tuple[Check, ...]:
        """Folders and names; the sizes of files that did not change stand in no listing of the differential's tar."""
        details = self._streams[CHANGES].details
        names = found.files + found.symlinks + found.others
        directories = _same("directories", found.directories, int(details["directories"]))
        # Sockets and files that vanished are names in tar's notes, and in no archive.
        if "names" in details and self._streams[TREE].details.get("sockets", 0) == 0:
            return (directories, _same("names", names, int(details["names"])))
        said = f"{names}; which of them the tree had when it was read is not known to one"
        return (directories, Check(name="names", ok=True, found=said))

    def discard(self) -> None:
        """Remove the folder, if this session created it."""
        if self._created:
            _remove(self.folder)
            self._created = False

    def close(self) -> None:
        """Nothing is left open."""

    def _consumer(self, name: str) -> Consumer:
        def finish(code: int, stderr: str) -> None:
            if code != 0:
                raise LoadFailed(destination=self.destination, detail=_complaint(code, stderr))
            if CHANGES in self._streams and name in (TREE, AGAIN) and os.geteuid() != 0:
                _open_folders(self.folder)  # to delete in them; the differential brings their modes again

        argv = tar.extract(self.destination, incremental=name in (TREE, CHANGES))
        return Consumer(stream=name, argv=argv, finish=finish)

    def _refuse_too_small(self) -> None:
        needed = sum(int(stream.details.get("archive_bytes", 0)) for stream in self._streams.values())
        try:
            free = shutil.disk_usage(self.folder.parent).free
        except OSError as failure:
            raise self._unusable(failure.strerror or "its parent cannot be read") from None
        if free < needed:
            raise self._unusable(f"{needed} bytes are needed and {free} are free there")

    def _unusable(self, detail: str) -> DestinationUnusable:
        return DestinationUnusable(destination=self.destination, detail=detail, remedy=_ELSEWHERE)


def _remove(folder: Path) -> None:
    _open_folders(folder)
    shutil.rmtree(folder)


def _open_folders(folder: Path) -> None:
    """Let the owner into a tree whose folders may be closed to them."""
    folder.chmod(0o700)
    for place, names, _ in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o700)


def _same(name: str, found: int, wanted: int) -> Check:
    said = f"{found}, as in the set" if found == wanted else f"{found} instead of {wanted}"
    return Check(name=name, ok=found == wanted, found=said)


def _complaint(code: int, stderr: str) -> str:
    if code < 0:
        return f"tar was ended by signal {-code}."
    said = tar.Said()
    for line in stderr.encode().splitlines(keepends=True):
        said.hear(line)
    listed = [f"{tar.shown(name)}: {what}" if name else what for name, what in said.errors[:5]]
    return ("; ".join(listed) or f"tar ended with code {code}") + "."
