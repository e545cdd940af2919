"""What is said before an answer from a state folder that takes no writes."""

from __future__ import annotations

from intendance.agent.opening import why_unwritable
from intendance.cli.output import Invocation, Output
from intendance.language.spoken import told
from intendance.language.texts import translator


def note_unwritable(invocation: Invocation, output: Output) -> None:
    """Say, on stderr, that nothing of what follows is recorded."""
    why = why_unwritable(invocation.state)
    if why is not None:
        _ = translator(invocation.language, "unwritable")
        said = _("note: the state folder {folder} cannot be written ({why}); nothing is recorded.")
        output.talk(said.format(folder=invocation.state, why=told(why, invocation.language)))
