"""A restore of a tree into a folder that did not exist before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from intendance.engines import Consumer, StreamInSet, naming
from intendance.engines.files import tar, walk
from intendance.engines.files.differential import CHANGES, CHANGES_AGAIN
from intendance.engines.files.read import AGAIN, TREE
from intendance.engines.new_folder import NewFolder, open_folders
from intendance.model.errors.engine import DestinationUnusable, LoadFailed
from intendance.model.evidence.restore import Check
from intendance.model.plan import FilesAsset
from intendance.system.publish import publish

_ORDER = (TREE, AGAIN, CHANGES, CHANGES_AGAIN)
_ELSEWHERE = "Name a new folder below one that exists, that you may write to, and that is outside the source."


class WriteSession:
    """Extracts `tree`, then `again` over it; of a differential then `changes`, by which tar also deletes what was
    deleted since, and `changes-again`. tar deletes strangers in its target folder, so it only ever gets one that this
    session has just created."""

    def __init__(self, asset: FilesAsset, streams: Sequence[StreamInSet], into: str, *, within: bool = False) -> None:
        self._new = NewFolder(Path(os.path.abspath(into)))  # noqa: PTH100 -- symbolic links stay as they were written
        self.destination = str(self._new.path)
        self.unfinished = str(self._new.partial)
        self._streams = {stream.name: stream for stream in streams}
        self._devices_left = 0  # in the archive, by whoever extracts it
        if TREE not in self._streams:
            raise self._unusable("the set holds no file tree")
        source = Path(os.path.realpath(asset.path))
        if not within and Path(os.path.realpath(self.destination)).is_relative_to(source):
            raise self._unusable(f"it lies inside {asset.path}, which is what is being backed up")

    def prepare(self) -> None:
        """Create the folder under its partial name, closed to others until tar gives it its archived mode. Raises
        DestinationTaken, DestinationUnusable."""
        self._new.create(sum(int(stream.details.get("archive_bytes", 0)) for stream in self._streams.values()))

    def consumers(self) -> Sequence[Consumer]:
        """tar for each stream of the set, in order."""
        return tuple(self._consumer(name) for name in _ORDER if name in self._streams)

    def check(self) -> tuple[Check, ...]:
        """Names and bytes on disk against the archive's own listing."""
        found = walk.count(str(self._new.place))
        if CHANGES in self._streams:
            return self._check_changed(found)
        details = self._streams[TREE].details
        wanted_files = int(details["files"]) + int(details["hard_links"])
        checks = [
            _same("directories", found.directories, int(details["directories"])),
            _same("files", found.files, wanted_files),
            _same("symbolic links", found.symlinks, int(details["symlinks"])),
            _same("devices and pipes", found.others + self._devices_left, int(details["others"])),
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
        names = found.files + found.symlinks + found.others + self._devices_left
        directories = _same("directories", found.directories, int(details["directories"]))
        # Sockets and files that vanished are names in tar's notes, and in no archive.
        if "names" in details and self._streams[TREE].details.get("sockets", 0) == 0:
            return (directories, _same("names", names, int(details["names"])))
        said = f"{names}; which of them the tree had when it was read is not known to one"
        return (directories, Check(name="names", ok=True, found=said))

    def publish(self) -> None:
        """Bring the tree to the disk and give it its name. Raises DestinationTaken, DestinationUnusable."""
        self._new.publish()

    def discard(self) -> None:
        """Remove the folder, if this session created it."""
        self._new.discard()

    def close(self) -> None:
        """Let go of the folder."""
        self._new.close()

    def _consumer(self, name: str) -> Consumer:
        def finish(code: int, stderr: str) -> None:
            if code != 0:
                raise LoadFailed(destination=self.destination, detail=self._complaint(code, stderr))
            if CHANGES in self._streams and name in (TREE, AGAIN):
                # To delete in them, and so that a folder made in one inherits no setgid, which tar would leave on it;
                # the differential brings the modes of all folders again.
                open_folders(self._new.place)

        argv = tar.extract(str(self._new.place), incremental=name in (TREE, CHANGES))
        return Consumer(stream=name, argv=argv, finish=finish)

    def _complaint(self, code: int, stderr: str) -> str:
        """What tar says, without names: those stand in a file beside the destination."""
        if code < 0:
            return f"tar was ended by signal {-code}."
        said = tar.Said()
        for line in stderr.encode().splitlines(keepends=True):
            said.hear(line)
        if not said.errors:
            return f"tar ended with code {code}."
        names = Path(f"{self.destination}.names")
        try:
            publish(names, naming.written("not restored:", tar.complaints(said.errors)), mode=0o600, replace=True)
        except OSError:  # no room for names is no other failure
            return f"{tar.reasons(said.errors)}."
        return f"{tar.reasons(said.errors)} (named in {names})."

    def _unusable(self, detail: str) -> DestinationUnusable:
        return DestinationUnusable(destination=self.destination, detail=detail, remedy=_ELSEWHERE)


def _same(name: str, found: int, wanted: int) -> Check:
    said = f"{found}, as in the set" if found == wanted else f"{found} instead of {wanted}"
    return Check(name=name, ok=found == wanted, found=said)
