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


class OwnKeyUnusable(IntendanceError):
    """The key in {file} cannot be one that opens the backups: {detail}."""

    next_step = "{remedy}. Or leave `--key` out: `init` then makes the keys. Nothing was written."
    exit_code = Exit.USAGE


class TooManyKeys(IntendanceError):
    """`--key` was given {count} times; a first plan has the keys of two people."""

    next_step = "Name one or two, and add others to the plan before you adopt it."
    exit_code = Exit.USAGE


class QuestionsUnanswered(IntendanceError):
    """`init` asks a few questions, and nobody is at a terminal to answer them."""

    next_step = "Add `--yes` to take what it proposes: `intendance init --yes`."
    exit_code = Exit.USAGE
