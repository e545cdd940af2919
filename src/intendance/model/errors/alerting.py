"""Errors of alerts and of telling people."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class AlertUnknown(IntendanceError):
    """There is no alert {number}."""

    next_step = "See them all with `intendance alert list --all`."
    exit_code = Exit.USAGE


class AlertNotFiring(IntendanceError):
    """Nobody can take alert {number} in hand: it does not fire (any more)."""

    next_step = "See how it stands: `intendance alert show {number}`."


class SilenceUnknown(IntendanceError):
    """There is no silence {number} that still holds."""

    next_step = "See those that hold with `intendance alert list`."
    exit_code = Exit.USAGE


class NobodyToTell(IntendanceError):
    """The plan names nobody who can be told: {detail}."""

    next_step = "Write `alerts:` and `contacts:` into the fleet's plan, then start the manager with it."
    exit_code = Exit.USAGE
