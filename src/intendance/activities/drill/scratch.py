"""The folder in which a drill restores: taken away at its end, and by the next drill when a crash left it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from intendance.engines.new_folder import open_folders
from intendance.model.errors.drill import ScratchUnusable

_PREFIX = "intendance-drill-"
_LOCK = ".lock"


def default_parent() -> Path:
    """Where there is room that survives no longer than needed: `/var/tmp`, else the folder for temporary files."""
    place = Path("/var/tmp")  # noqa: S108 -- a new folder of our own is made in it
    return place if place.is_dir() and os.access(place, os.W_OK) else Path(tempfile.gettempdir())


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A new private folder in `parent`, after what dead drills left there is cleared away; gone at the end.

    Raises ScratchUnusable.
    """
    try:
        _clear(parent)
        # It has the name by which another drill would clear it away only once it is locked.
        made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=parent)).resolve()
        descriptor = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder = made.rename(made.with_name(made.name.removeprefix(".")))
    except OSError as failure:
        raise ScratchUnusable(folder=parent, detail=failure.strerror or "it cannot be made") from failure
    try:
        yield folder
    finally:
        remove(folder)
        os.close(descriptor)


def require_room(folder: Path, needed_bytes: int) -> None:
    """Raises ScratchUnusable when fewer bytes are free there."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise ScratchUnusable(folder=folder.parent, detail=f"{needed_bytes} bytes are needed and {free} are free there")


def remove(folder: Path) -> None:
    """Remove a tree whose folders may be closed to us. Raises ScratchUnusable: data that was restored stays there."""
    try:
        with suppress(OSError):
            open_folders(folder)
        shutil.rmtree(folder)
    except OSError as failure:
        detail = f"{folder} cannot be removed ({failure.strerror}): it holds restored data"
        raise ScratchUnusable(folder=folder.parent, detail=detail) from failure


def _clear(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        seen = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or seen.st_uid != os.geteuid():
            continue
        with suppress(FileNotFoundError):
            if not _under_way(folder):
                remove(folder)


def _under_way(folder: Path) -> bool:
    """Whether a drill works there: one that has made its folder takes the lock in it at once."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
