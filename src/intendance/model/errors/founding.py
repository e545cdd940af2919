"""Errors of beginning: `init` and what it writes."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class FoundingInTheWay(IntendanceError):
    """{place} is there already, and `init` overwrites nothing."""

    next_step = "Move it away, or name another plan file with `--output`."
    exit_code = Exit.USAGE


class FoundingRefused(IntendanceError):
    """The first plan could not be written: {detail}."""

    next_step = "Mend that, then run `intendance init` again."


class QuestionsUnanswered(IntendanceError):
    """`init` asks a few questions, and nobody is at a terminal to answer them."""

    next_step = "Add `--yes` to take what it proposes: `intendance init --yes`."
    exit_code = Exit.USAGE
