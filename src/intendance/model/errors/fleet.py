"""Errors of the fleet manager and of what nodes say to it."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class DatabaseAddressUnusable(IntendanceError):
    """The address given with `--database` cannot be used: {detail}."""

    next_step = "Write it as `postgresql://USER@HOST/NAME`, or leave the option out: SQLite then keeps the state."
    exit_code = Exit.USAGE


class DatabaseUnreachable(IntendanceError):
    """The manager's database {where} cannot be used now: {detail}."""

    next_step = "See that it runs, has room and lets this user in. What was acknowledged to nodes is kept."
    transient = True


class DatabaseTooNew(IntendanceError):
    """The manager's database was changed by a newer version of Intendance (its tables are at {revision})."""

    next_step = (
        "Start that version again, or put back the copy that it made before: `manager/backups/` in the state folder."
    )


class MessageMalformed(IntendanceError):
    """A message between node and manager cannot be read: {detail}."""

    next_step = "Let both run the same version of Intendance; the manager is brought up to date first."
