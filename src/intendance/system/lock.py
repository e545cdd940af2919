"""Advisory locks on files: they end with the process that holds them, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intendance.model.errors.state import LockHeld

_TRIES, _PAUSE_SECONDS = 20, 0.005
_ASKED_TRIES = 2000
"""Who asks `is_held` shares the lock for microseconds, and for as long as the machine lets it wait in between: that
refuses nobody who wants it."""


@contextmanager
def held(path: Path, *, purpose: str) -> Iterator[None]:
    """Hold `path` exclusively for the block; `purpose` is told to whoever finds it held.

    Raises LockHeld, within a tenth of a second, when another process has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _taken(descriptor):
            raise LockHeld(purpose=purpose, holder=_holder(descriptor))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {purpose}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Hold `path` exclusively, waiting for it: for sections that last milliseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock now; those who ask at the same time are not taken for one."""
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Take the lock; whether it could be had. Those who only ask share it among them: who can share it with them knows
    that nobody holds it."""
    refused = asked = 0
    while not _locked(descriptor, fcntl.LOCK_EX):
        if _locked(descriptor, fcntl.LOCK_SH):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            asked += 1
        else:
            refused += 1
        if refused == _TRIES or asked == _ASKED_TRIES:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    """`process 4711 (Restoring site)`, as the holder wrote it down."""
    written = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
    number, _, purpose = written.partition(" ")
    if not number.isdigit():
        return "another process"
    return f"process {number} ({purpose})" if purpose else f"process {number}"
