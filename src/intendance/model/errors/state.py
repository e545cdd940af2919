"""Errors about the state directory and its locks."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType

from intendance.model.errors import Exit, IntendanceError

_FULL = "Free space on that disk, then try again."
_DENIED = "Run the command as the user who owns that folder, or name another with `--state`."
_DISK = "See what the disk says in `dmesg`, then try again."
_IN_THE_WAY = "Look at what lies there: something else stands where Intendance keeps a file or a folder."
# What a system refuses without any fault in the program, and what to do about it.
_REMEDIES: Mapping[int, str] = MappingProxyType(
    {
        errno.ENOSPC: _FULL,
        errno.EDQUOT: _FULL,
        errno.EROFS: "Mount that disk for writing, then try again.",
        errno.EACCES: _DENIED,
        errno.EPERM: _DENIED,
        errno.EIO: _DISK,
        errno.ESTALE: _DISK,
        errno.EMFILE: "Raise the number of files that a process may open (`ulimit -n`), then try again.",
        errno.ENFILE: "Close what keeps so many files open on this machine, then try again.",
        errno.ENOMEM: "Free memory on this machine, then try again.",
        errno.EEXIST: _IN_THE_WAY,
        errno.ENOTDIR: _IN_THE_WAY,
        errno.EISDIR: _IN_THE_WAY,
        errno.ELOOP: _IN_THE_WAY,
    }
)


class LockHeld(IntendanceError):
    """{purpose} has to wait: {holder} is at work there."""

    next_step = "See how far it is with `intendance run list`, and try again when it has ended."
    transient = True


class NoState(IntendanceError):
    """There is no Intendance state in {state}: no plan was ever adopted here."""

    next_step = "Adopt a plan first: `intendance plan adopt intendance.yaml`, or name the folder with `--state`."
    exit_code = Exit.USAGE


class LedgerLost(IntendanceError):
    """The ledger's database {database} is lost, while its checkpoint is still there: a plan was adopted here before."""

    next_step = (
        "Put the newest copy of that file back. If there is none, move {state} aside as it is, begin its ledger again "
        "(`intendance ledger restart`) and adopt the plan: the sets in the stores stay."
    )


class StateUnusable(IntendanceError):
    """The state folder {state} cannot be used: {detail}."""

    next_step = "{remedy}"

    def __init__(self, **params: object) -> None:
        super().__init__(**({"remedy": _DENIED} | params))


class StateUnwritable(IntendanceError):
    """Nothing can be recorded in the state folder {state}: {detail}. So nothing was done."""

    next_step = "{remedy} What only reads (`status`, `backup list`, `restore`, `ledger`) works meanwhile."

    def __init__(self, *, state: object, refused: OSError) -> None:
        remedy = remedy_for(refused) or _DENIED
        super().__init__(state=state, detail=refused.strerror or str(refused), remedy=remedy)


class SystemRefused(IntendanceError):
    """The system refused what Intendance asked of it: {detail}."""

    next_step = "{remedy}"
    transient = True


class NoHome(IntendanceError):
    """The user id {uid} has no home folder, so there is no usual place for the state."""

    next_step = "Name the folder with `--state`."
    exit_code = Exit.USAGE


def said_by_system(error: OSError) -> str:
    """`No space left on device: /var/lib/…`: the system's words and the file, where it names one."""
    said = error.strerror or str(error)
    return f"{said}: {error.filename}" if error.filename else said


def remedy_for(error: OSError) -> str | None:
    """What to do about what a system refuses; None for an error that a sound program would not meet."""
    return _REMEDIES.get(error.errno or 0)


def refusal(error: BaseException) -> SystemRefused | None:
    """The error as a sentence when the system refused something (a full disk, a missing right), else None."""
    if not isinstance(error, OSError):
        return None
    remedy = remedy_for(error)
    return None if remedy is None else SystemRefused(detail=said_by_system(error), remedy=remedy)
