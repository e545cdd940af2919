"""A child that goes on with what this process has imported: a second interpreter is neither started nor filled.

What holds for a program that is started (`system/process.py`) holds here too: a session of its own, an end with the
thread that forked it, the small environment, no descriptor of ours but its standard streams, a redacted tail of stderr.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import IO, NoReturn

from intendance.system import process
from intendance.system.process import Child

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_HELD_BACK = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def can_fork() -> bool:
    """Whether a fork is a whole copy: no other thread runs here, whose locks nobody would ever let go of in the copy,
    and names of files are spelled here as in every child (UTF-8)."""
    spelling = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
    with os.scandir("/proc/self/task") as tasks:
        alone = sum(1 for _ in tasks) == 1
    return alone and spelling == ("utf-8", "surrogateescape")


def fork(name: str, body: Callable[[IO[bytes]], int]) -> Child:
    """Start a copy of this process that performs `body`, which is given its standard input, and ends with its code.

    Where `can_fork`, and while nothing is open that must not be used from two processes: no database above all.
    """
    parent = os.getpid()
    orders, tell = os.pipe2(os.O_CLOEXEC)
    heard, said = os.pipe2(os.O_CLOEXEC)
    leads, begins = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        pid = os.fork()
        if pid == 0:
            _be_the_child(parent, (orders, said, begins), masked, body)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
    for theirs in (orders, said, begins):
        os.close(theirs)
    os.read(leads, 1)  # its end: the copy leads a session, by whose number it is ended from here on
    os.close(leads)
    copy = Copy(pid, os.fdopen(tell, "wb", buffering=0), os.fdopen(heard, "rb", buffering=0))
    return process.follow(Child(program=name, process=copy), None)


def take_environment(extra: Mapping[str, str]) -> None:
    """Give this process the environment of a child that was started as a program."""
    small = process.environment(extra)
    os.environ.clear()
    os.environ.update(small)
    time.tzset()


class Copy:
    """What `Child` needs to know of a process: as `subprocess.Popen` has it."""

    def __init__(self, pid: int, stdin: IO[bytes], stderr: IO[bytes]) -> None:
        self.pid = pid
        self.stdin: IO[bytes] | None = stdin
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = stderr
        self.returncode: int | None = None
        self._waiting = threading.Lock()

    def poll(self) -> int | None:
        """The exit code (negative: a signal), or None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        while (code := self._reap(0)) is None:
            pass
        return code

    def _reap(self, options: int) -> int | None:
        with self._waiting:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, options)
                if pid == self.pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode


def _be_the_child(
    parent: int, pipes: tuple[int, int, int], masked: Iterable[int], body: Callable[[IO[bytes]], int]
) -> NoReturn:
    code = 1
    orders, said, begins = pipes
    try:
        os.setsid()
        os.close(begins)
        _end_with(parent)
        for number in _HELD_BACK:
            if callable(signal.getsignal(number)):  # the caller's own; ignored ones stay ignored, as for a program
                signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard, descriptor in enumerate((orders, nothing, said)):
            os.dup2(descriptor, standard)
        _close_what_is_not_ours()
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        code = body(os.fdopen(0, "rb", buffering=0, closefd=False))
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 -- nothing above this may go on in a copy
        import traceback  # said as the interpreter says it of a program, to whoever reads our error output

        os.write(2, traceback.format_exc().encode(errors="replace"))
    finally:
        os._exit(code)


def _close_what_is_not_ours() -> None:
    """All but the standard streams. What had them open is never collected here, where it would close our own later."""
    gc.freeze()
    with os.scandir("/proc/self/fd") as entries:  # the limit of open files, to count up to, may be a thousand million
        numbers = [int(entry.name) for entry in entries]
    for number in numbers:
        if number > 2:
            with contextlib.suppress(OSError):  # the one that listed them has been closed
                os.close(number)


def _end_with(parent: int) -> None:
    """Be killed when the thread that forked us ends (prctl(2)), which it may have done already."""
    import ctypes  # only in the copy: it costs 2 MiB and some milliseconds

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
