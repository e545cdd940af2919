"""What the command line is connected to: streams that are closed or full, a terminal that goes away."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from intendance.system.shown import shield_streams


def open_streams() -> None:
    """Stand in for standard streams that the caller closed; to those that are open any text can be written, and what
    would steer a terminal is shown instead.

    Without it the next file opened, a database for instance, would get the number of a standard stream.
    """
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:  # 0, 1 and 2 are taken
            os.close(descriptor)
            break
    sys.stdout = _usable(sys.stdout, 1)
    sys.stderr = _usable(sys.stderr, 2)
    shield_streams()


def _usable(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        return os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        # A name typed in another encoding is shown as `\\udcff`, which is also its form in JSON.
        reconfigure(errors="backslashreplace")
    return stream


@contextmanager
def ended_gently() -> Iterator[None]:
    """SIGTERM and a closed terminal (SIGHUP) end the command like Ctrl-C, unless they are ignored (`nohup`)."""
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    changed = [number for number, handler in former.items() if handler is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def lost_answer() -> OSError | None:
    """Why stdout cannot be written, or None. What it still holds is then given up."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None
