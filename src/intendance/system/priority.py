"""The served site comes first, for the processor and for the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from intendance.model.errors.process import ProgramMissing
from intendance.system import process

NICE = 10
_SESSION = Path("/proc/self/autogroup")
_TRIES, _PAUSE_SECONDS = 20, 0.05
_DISK = ("ionice", "--ignore", "--class", "2", "--classdata", "7")  # best effort, the lowest level

POLITE = (*_DISK, "nice", "-n", str(NICE))
"""In front of a program's arguments: it runs at low priority, and so does all that it starts."""


def can_give_way() -> bool:
    """Whether the programs are there that `POLITE` names and that every worker is started by."""
    try:
        for program in ("setpriv", "ionice", "nice"):
            process.find(program)
    except ProgramMissing:
        return False
    return True


def give_way() -> Callable[[], None]:
    """The same for this process, which was not started as a program; what it returns waits until that is done.

    Raises ProgramMissing; ProgramFailed, ProgramTimedOut when waiting.
    """
    os.nice(NICE)
    asked = process.start((*_DISK, "--pid", str(os.getpid())))

    def done() -> None:
        asked.raise_for(asked.wait(60))

    return done


def session_gives_way() -> None:
    """Give way to other sessions too, for a process that leads its own.

    Where the kernel groups tasks by session, a nice value counts only within the group, and groups share evenly:
    the group has a nice value of its own (sched(7), "The autogroup feature"). A control group of systemd's takes its
    place and has a weight instead: `CPUWeight` of the unit.
    """
    if os.getsid(0) != os.getpid():
        return
    for _ in range(_TRIES):
        try:
            _SESSION.write_text(str(NICE))
        except BlockingIOError:  # who is not root may do so once in a tenth of a second, whoever else did
            time.sleep(_PAUSE_SECONDS)
        except OSError:  # a kernel without such groups
            return
        else:
            return
