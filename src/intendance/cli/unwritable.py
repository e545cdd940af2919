"""What is said before an answer from a state folder that takes no writes."""

from __future__ import annotations

from intendance.agent.opening import why_unwritable
from intendance.cli.output import Invocation, Output


def note_unwritable(invocation: Invocation, output: Output) -> None:
    """Say, on stderr, that nothing of what follows is recorded."""
    why = why_unwritable(invocation.state)
    if why is not None:
        output.talk(f"note: the state folder {invocation.state} cannot be written ({why}); nothing is recorded.")
