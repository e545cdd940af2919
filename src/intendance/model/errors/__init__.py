"""One exception tree. A class's docstring is its message; the class says what to do next and how the process exits.

A family of errors is one file of this folder. Messages are shown to people and recorded as evidence, so parameters must
already be redacted: no secret, no row of user data.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """Exit codes of every command (`docs/errors.md`)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    BROKEN = 4
    UNKNOWN = 5


class IntendanceError(Exception):
    """{message}"""

    next_step: ClassVar[str] = ""
    exit_code: ClassVar[Exit] = Exit.FAILED
    transient: ClassVar[bool] = False

    def __init__(self, **params: object) -> None:
        self.params = params
        template = type(self).__doc__ or "{message}"
        self.message = template.strip().format(**params)
        self.advice = type(self).next_step.format(**params)
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """The stable name that evidence and JSON carry: `StoreFull` is `store_full`."""
        name = type(self).__name__
        return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


class UsageError(IntendanceError):
    """{message}"""

    exit_code = Exit.USAGE


class WrongWords(UsageError):
    """{sentence}"""

    next_step = "See what can be written: `{command} --help`."


class AnswerLost(IntendanceError):
    """The answer could not be written: {detail}."""

    next_step = "Send it somewhere with room. What the command did is done: `intendance run list` shows it."


class InternalError(IntendanceError):
    """Intendance met a case that it does not know: {detail}"""

    next_step = "Keep the lines above and report them; nothing was changed after this point."
