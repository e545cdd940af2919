"""Errors about rules."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class RuleUnknown(IntendanceError):
    """There is no rule `{rule}`{suggestion}."""

    next_step = "List them with `intendance rules list`."
    exit_code = Exit.USAGE


class RuleNotJudged(IntendanceError):
    """{rule} is not judged here: the plan in force follows {followed}, not {catalogue}."""

    next_step = "Read it with `intendance rules show {rule}`, or add `{catalogue}` to `catalogues` and adopt the plan."
    exit_code = Exit.USAGE


class CatalogueUnknown(IntendanceError):
    """There is no catalogue `{catalogue}`."""

    next_step = "Write `--catalogue maint` or `--catalogue asbl`."
    exit_code = Exit.USAGE
