"""Errors about the state directory and its locks."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class LockHeld(IntendanceError):
    """{purpose}: {holder} is already doing that."""

    next_step = "Wait for it to end, or see it with `intendance run list`."
    transient = True


class NoState(IntendanceError):
    """There is no Intendance state in {state}: no plan was ever adopted here."""

    next_step = "Adopt a plan first: `intendance plan adopt intendance.yaml`, or name the folder with `--state`."
    exit_code = Exit.USAGE


class StateUnusable(IntendanceError):
    """The state folder {state} cannot be used: {detail}."""

    next_step = "Run the command as the user who owns that folder, or name another with `--state`."
