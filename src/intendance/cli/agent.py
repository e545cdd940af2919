"""`intendance agent`: the process that performs the plan."""

from __future__ import annotations

import os
import sys

import typer

from intendance.agent import service
from intendance.cli.output import Invocation


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("agent")(agent)


def agent(context: typer.Context) -> None:
    """Run the agent on this node until it is told to stop: it performs the adopted plan as it falls due."""
    invocation: Invocation = context.obj
    state = invocation.state.absolute()
    service.require_adopted(state)
    # The agent lives for months: it becomes a process that never imported the command line.
    os.execv(sys.executable, [sys.executable, "-m", "intendance.agent.loop", str(state)])  # noqa: S606 -- ourselves
