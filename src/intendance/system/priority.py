"""The served site comes first, for the processor and for the disk."""

from __future__ import annotations

import os

from intendance.model.errors.process import ProgramMissing
from intendance.system import process

NICE = 10
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


def give_way() -> None:
    """The same for this process, which was not started as a program. Raises ProgramMissing."""
    os.nice(NICE)
    process.run((*_DISK, "--pid", str(os.getpid())))
