"""What to type so that the first node of a fleet joins. Pure."""

from __future__ import annotations

from intendance.language.texts import Translator
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something to do, where, and what to type."""

    title: str
    told: str
    command: tuple[str, ...]


def steps(_: Translator) -> tuple[Step, ...]:
    """The way from nothing to the first verdict."""
    return (
        Step(
            title=_("Write the plan of a machine, and adopt it"),
            told=_("On that machine: what is found there is written down to be read over, and nothing runs before."),
            command=("intendance", "init"),
        ),
        Step(
            title=_("Invite it"),
            told=_("On the manager’s machine. The token is good for 15 minutes, and once."),
            command=("intendance", "node", "enroll", "NAME"),
        ),
        Step(
            title=_("Let it join"),
            told=_("On that machine again, with this manager’s address. What it proves then stands here by itself."),
            command=("intendance", "node", "join", "ADDRESS", "--token", "token.txt"),
        ),
    )
