"""Durable publication of files: a name either does not exist or holds all of its bytes, even after power loss."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_AT_FDCWD = -100  # linux/fcntl.h
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2  # linux/fs.h


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
    sync_file_system(temporary)
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


def sync_file_system(folder: Path) -> None:
    """Bring all that was written to the file system of a folder to its disk."""
    import ctypes  # as below

    library = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if library.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(descriptor)


def rename_new(source: Path, target: Path) -> None:
    """Give something another name on its file system, unless that is taken. Raises FileExistsError."""
    try:
        _rename_without_replacing(source, target)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        if os.path.lexists(target):  # a network share
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.rename(target)


def exchange(one: Path, other: Path) -> bool:
    """Let two names of a file system trade what they stand for, in one act (renameat2, RENAME_EXCHANGE); False where
    that file system cannot, and nothing was done."""
    try:
        _rename(one, other, _RENAME_EXCHANGE)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        return False
    return True


def mount_points() -> frozenset[str]:
    """Where something is mounted, bind mounts among them: such a folder cannot be given another name."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as lines:
        return frozenset(_unescaped(line.split(" ")[1]) for line in lines)


def _unescaped(place: str) -> str:
    """A path as proc(5) writes it, with blanks and backslashes in octal."""
    for octal in ("040", "011", "012", "134"):
        place = place.replace(f"\\{octal}", chr(int(octal, 8)))
    return place


def _rename_without_replacing(temporary: Path, path: Path) -> None:
    _rename(temporary, path, _RENAME_NOREPLACE)


def _rename(one: Path, other: Path, flags: int) -> None:
    import ctypes  # only where it is needed: it costs 2 MiB and some milliseconds

    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))


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
