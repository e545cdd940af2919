"""`intendance status`: do the rules hold, since when, why not, and what to type."""

from __future__ import annotations

from typing import Annotated

import typer

from intendance.cli.fleet_status import Authority, Manager, Node, Token, where
from intendance.cli.fleet_status import answer as ask_manager
from intendance.cli.output import Invocation
from intendance.cli.status import answer
from intendance.cli.words import Question
from intendance.model.errors import Exit, UsageError


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command(help="Which rules hold, since when, and what to do about the others.")(status)


def status(  # noqa: PLR0913 -- options
    context: typer.Context,
    asset: Annotated[str | None, typer.Option(help="Only what concerns this asset.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule, with its evidence.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="List the rules that this version does not perform too.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The answer for machines.")] = False,
    manager: Manager = "",
    token: Token = "",
    authority: Authority = "",
    node: Node = "",
) -> None:
    """Judge the rules of the plan in force. Exit 4: a blocking rule is broken; 5: one is unknown."""
    invocation: Invocation = context.obj
    asked = where(manager, token, authority, node)
    if asked is not None:
        if asset is not None or rule is not None:
            raise UsageError(message="`--asset` and `--rule` are for the node itself: a manager answers for all of it.")
        code = ask_manager(invocation, asked, question="status", json=json, everything=everything)
    else:
        code = answer(invocation, Question(asset=asset, rule=rule, everything=everything, json=json))
    if code is not Exit.DONE:
        raise typer.Exit(code)
