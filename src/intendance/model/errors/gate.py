"""Errors of the gate."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class NothingToLetThrough(IntendanceError):
    """{rule} {detail}, so no repair of it needs to be let through."""

    next_step = "Ask without `--fixes`: `intendance gate`."
    exit_code = Exit.USAGE


class TicketMissing(IntendanceError):
    """A repair of {rule} is let through under a ticket only, and none was named."""

    next_step = "Name it: `intendance gate --fixes {rule} --ticket TICKET`."
    exit_code = Exit.USAGE


class TicketUnusable(IntendanceError):
    """That ticket cannot be recorded: {detail}."""

    next_step = "Name the ticket under which the repair is made, in one line of at most 200 characters."
    exit_code = Exit.USAGE


class TicketAlone(IntendanceError):
    """A ticket says nothing without the rule that is mended under it."""

    next_step = "Name the rule: `intendance gate --fixes RULE --ticket {ticket}`."
    exit_code = Exit.USAGE
