"""A folder that a restore makes: it has its name only once it is whole and on the disk.

Until then it stands beside, as `.NAME.intendance-partial`. Whoever works in it holds a lock on it, so that what a
killed restore left there is told from one that is under way: the next restore to that name clears the one away and
leaves the other alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
from pathlib import Path

from intendance.model.errors.engine import DestinationTaken, DestinationUnusable
from intendance.system.publish import publish_folder

_ENDING = ".intendance-partial"
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP)  # network shares do not lock folders
_LONGEST_NAME_BYTES = 255  # NAME_MAX of Linux
_ELSEWHERE = "Name a new folder below one that exists and that you may write to."


def partial_name(name: str) -> str:
    """What a folder is called until it is whole; a name that would become too long is told by its hash."""
    partial = f".{name}{_ENDING}"
    if len(os.fsencode(partial)) <= _LONGEST_NAME_BYTES:
        return partial
    return f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}{_ENDING}"


class NewFolder:
    """The folder `path`: made with `create`, filled at `place`, given its name with `publish`, or taken away with
    `discard`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(partial_name(path.name))
        self.place = self.partial
        self._created = False
        self._lock: int | None = None

    def create(self, needed_bytes: int = 0) -> None:
        """Make the partial folder, closed to others, after clearing what a broken-off restore left.

        Raises DestinationTaken, DestinationUnusable (also when fewer than `needed_bytes` are free there).
        """
        if os.path.lexists(self.path):
            raise DestinationTaken(destination=str(self.path))
        self._clear()
        try:
            free = shutil.disk_usage(self.path.parent).free
            if free < needed_bytes:
                raise self._unusable(f"{needed_bytes} bytes are needed and {free} are free there")
            self.partial.mkdir(mode=0o700)
            self._created = True
        except FileExistsError:
            raise self._under_way() from None
        except OSError as failure:
            raise self._unusable(failure.strerror or "it cannot be created") from None
        self._take()

    def publish(self) -> None:
        """Bring all of it to the disk and give it its name. Raises DestinationTaken when somebody took that
        meanwhile, DestinationUnusable when the disk refuses."""
        try:
            publish_folder(self.partial, self.path)
        except FileExistsError:
            raise DestinationTaken(destination=str(self.path)) from None
        except OSError as failure:
            raise self._unusable(failure.strerror or "it cannot be given its name") from None
        self.place = self.path

    def discard(self) -> None:
        """Remove the folder, if this object made it. Raises DestinationUnusable when that cannot be done."""
        if not self._created:
            return
        # Stopped in the middle of `publish`, it may have its name without our having noticed.
        if self._lock is not None and _is(self._lock, self.path):
            self.place = self.path
        self._remove(self.place)
        self._created = False

    def close(self) -> None:
        """Let go of the lock."""
        descriptor, self._lock = self._lock, None
        if descriptor is not None:
            os.close(descriptor)

    def _take(self) -> None:
        """Lock the folder that was just made: another restore may have met it before, and taken it for left behind."""
        try:
            self._lock = self._open()
            ours = _locked(self._lock) and _is(self._lock, self.partial)
        except FileNotFoundError:
            ours = False
        except OSError as failure:
            if failure.errno not in _NO_LOCKS:
                raise
            ours = True
        if not ours:
            self._created = False
            raise self._under_way()

    def _clear(self) -> None:
        """Remove what a killed restore left, unless it is still being written or is not ours."""
        try:
            seen = self.partial.lstat()
        except FileNotFoundError:
            return
        except OSError as failure:
            raise self._unusable(failure.strerror or "its parent cannot be read") from None
        if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
            raise self._unusable(
                f"{self.partial} stands in its way", remedy=f"See what it is; then remove it: `rm -r {self.partial}`."
            )
        with contextlib.suppress(FileNotFoundError):
            self.partial.chmod(0o700)  # tar may have closed it to its owner
            descriptor = self._open()
            try:
                if not _locked(descriptor):
                    raise self._under_way()
                self._remove(self.partial)
            except OSError as failure:
                if failure.errno not in _NO_LOCKS:
                    raise
                remedy = f"If no restore into it is under way, remove it: `rm -r {self.partial}`."
                raise self._unusable(f"{self.partial} is left of a restore", remedy=remedy) from None
            finally:
                os.close(descriptor)

    def _open(self) -> int:
        return os.open(self.partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def _remove(self, folder: Path) -> None:
        try:
            open_folders(folder)
            shutil.rmtree(folder)
        except OSError as failure:
            raise self._unusable(
                f"{folder} cannot be removed ({failure.strerror})", remedy=f"Remove it: `rm -r {folder}`."
            ) from None

    def _under_way(self) -> DestinationUnusable:
        return self._unusable(
            "another restore into it is under way", remedy="Wait until it has ended, or name another new folder."
        )

    def _unusable(self, detail: str, *, remedy: str = _ELSEWHERE) -> DestinationUnusable:
        return DestinationUnusable(destination=str(self.path), detail=detail, remedy=remedy)


def open_folders(folder: Path) -> None:
    """Let the owner into a tree whose folders may be closed to them."""
    folder.chmod(0o700)
    for place, names, _ in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o700)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(descriptor: int, path: Path) -> bool:
    """Whether `path` still is the folder that was opened."""
    here = os.fstat(descriptor)
    with contextlib.suppress(FileNotFoundError):
        there = path.lstat()
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    return False
