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


class AlertNotInHand(IntendanceError):
    """Nobody has alert {number} in hand."""

    next_step = "See how it stands: `intendance alert show {number}`."


class SilenceUnknown(IntendanceError):
    """There is no silence {number} that still holds."""

    next_step = "See those that hold with `intendance alert list`."
    exit_code = Exit.USAGE


class NobodyToTell(IntendanceError):
    """The plan names nobody who can be told: {detail}."""

    next_step = "Write `alerts:` and `contacts:` into the fleet's plan, then start the manager with it."
    exit_code = Exit.USAGE


class ReasonUnusable(IntendanceError):
    """A reason has 1 to {longest} characters, in one line."""

    next_step = "Say in one sentence why it can wait; the next person reads it."
    exit_code = Exit.USAGE


class SpanUnusable(IntendanceError):
    """It lasts longer than nothing, and {longest_hours} hours at most."""

    next_step = "Choose a shorter time; it can be done again when that is over."
    exit_code = Exit.USAGE


class NothingMatched(IntendanceError):
    """A silence names what it is about: one to {most} labels, each with a value, in {longest} printable characters."""

    next_step = "Name a node, a cause or a site, for example `node=web-01`."
    exit_code = Exit.USAGE
