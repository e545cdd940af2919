"""Errors about waivers."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class WaiverNever(IntendanceError):
    """{rule} admits no waiver."""

    next_step = "Mend what breaks it: `intendance status --rule {rule}`."
    exit_code = Exit.USAGE


class WaiverTooLong(IntendanceError):
    """A waiver lasts 90 days at most, and {until} is further away."""

    next_step = "Write `--until {latest}` or sooner."
    exit_code = Exit.USAGE


class WaiverEnded(IntendanceError):
    """{until} is over."""

    next_step = "Write an instant to come, such as `--until {latest}`."
    exit_code = Exit.USAGE


class WaiverUntilUnreadable(IntendanceError):
    """`{until}` is not an instant with its zone."""

    next_step = "Write date, time and distance from UTC, such as `--until {latest}`."
    exit_code = Exit.USAGE


class WaiverSamePerson(IntendanceError):
    """{rule} was waived twice in a row by {granter}; a second renewal needs another person."""

    next_step = "Have another contact of the plan grant it: `--by NAME`."
    exit_code = Exit.USAGE


class WaiverUnfounded(IntendanceError):
    """A waiver needs a reason and a ticket, each in one line of at most 200 characters."""

    next_step = "Say why the rule cannot hold yet, and where the work on it is followed."
    exit_code = Exit.USAGE


class GranterUnknown(IntendanceError):
    """`{name}` is no contact of the plan in force{suggestion}."""

    next_step = "Name one of these: {known}."
    exit_code = Exit.USAGE


class WaivedThingUnknown(IntendanceError):
    """`{name}` is no asset of the plan in force, and the last inventory did not find it{suggestion}."""

    next_step = "Name one of these: {known}; or leave `--asset` out."
    exit_code = Exit.USAGE


class WaiverUnknown(IntendanceError):
    """No waiver stands in the record {number}."""

    next_step = "List them: `intendance waiver list`."
    exit_code = Exit.USAGE


class WaiverOver(IntendanceError):
    """The waiver of record {number} is over since {ended}."""

    next_step = "Nothing needs to be taken back: `intendance waiver list`."
    exit_code = Exit.USAGE
