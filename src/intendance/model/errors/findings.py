"""Errors about findings that somebody settles."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class FindingUnknown(IntendanceError):
    """There is no finding {number} here."""

    next_step = "See them with `intendance node findings --all`."
    exit_code = Exit.USAGE


class FindingSettledBefore(IntendanceError):
    """Finding {number} was settled before, by {person}."""

    next_step = "Nothing was changed. What is found again is a finding of its own."
    exit_code = Exit.USAGE


class FindingUnexplained(IntendanceError):
    """A finding is settled with what was looked into and found, in {shortest} to {longest} characters."""

    next_step = "Write it after `--reason`, for whoever reads it in a year."
    exit_code = Exit.USAGE
