"""Durable publication of files: a name either does not exist or holds all of its bytes, even after power loss."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_AT_FDCWD = -100  # linux/fcntl.h
_RENAME_NOREPLACE = 1  # linux/fs.h


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, names durable; one that is there is left as it is."""
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for absent in reversed(missing):
        absent.mkdir(exist_ok=True)
        sync_directory(absent.parent)


def publish_name(temporary: Path, path: Path) -> None:
    """Give a complete file its name, unless that is taken: atomically, whoever else tries. Raises FileExistsError.

    By a hard link; on file systems without them (FAT, some network shares) by renameat2 with RENAME_NOREPLACE.
    """
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        _rename_without_replacing(temporary, path)
    else:
        temporary.unlink()


def publish_folder(temporary: Path, folder: Path) -> None:
    """Give a complete tree its name beside, unless that is taken: all that is in it reaches the disk before.

    The whole file system is flushed, which is quicker than file by file. Raises FileExistsError.
    """
    import ctypes  # as below

    library = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(temporary, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if library.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(temporary))
    finally:
        os.close(descriptor)
    try:
        _rename_without_replacing(temporary, folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        # A network share: there rename() itself replaces at most an empty folder.
        if os.path.lexists(folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder)) from None
        temporary.rename(folder)
    sync_directory(folder.parent)


def _rename_without_replacing(temporary: Path, path: Path) -> None:
    import ctypes  # only where it is needed: it costs 2 MiB and some milliseconds

    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    if renameat2(_AT_FDCWD, os.fsencode(temporary), _AT_FDCWD, os.fsencode(path), _RENAME_NOREPLACE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(path))


def publish(path: Path, content: bytes, *, mode: int = 0o644, replace: bool = False) -> None:
    """Write `content` under `path` durably: temporary name, fsync, rename, fsync of the folder.

    Raises FileExistsError when `path` exists and `replace` is false.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if replace:
            os.replace(temporary, path)
        else:
            publish_name(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
