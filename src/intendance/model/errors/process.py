"""Errors of programs that Intendance runs."""

from __future__ import annotations

from intendance.model.errors import IntendanceError


class ProgramMissing(IntendanceError):
    """The program `{program}` is not installed on this machine."""

    next_step = "Install it as root: `apt-get install {package}`."


class ProgramFailed(IntendanceError):
    """`{program}` ended with code {code}: {detail}"""

    next_step = "Read what it said above; the same command can be tried again once that is mended."


class ProgramTimedOut(IntendanceError):
    """`{program}` did not end within {seconds} s and was stopped."""

    next_step = "See whether the machine or the service it talks to hangs, then try again."
    transient = True
