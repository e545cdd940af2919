"""Errors of the keys that open backups, and of the proof that they do."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class KeyUnknown(IntendanceError):
    """The plan in force has no key `{key}`{suggestion}"""

    next_step = "Its keys are: {known}."
    exit_code = Exit.USAGE


class ChallengeAnswerWrong(IntendanceError):
    """No open challenge of this node has that answer."""

    next_step = "Type it as the opened file shows it. A new challenge replaces the one before: `intendance keys list`."


class ChallengeExpired(IntendanceError):
    """The challenge of the key {key} was made on {made_at}; an answer counts for {days} days."""

    next_step = "Ask again: `intendance keys prove {key}`."
