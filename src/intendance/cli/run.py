"""`intendance run`: executions of activities."""

from __future__ import annotations

from typing import Annotated

import typer

from intendance.agent import service
from intendance.agent.service import Outcome
from intendance.cli import outcomes, run_words
from intendance.cli.figures import local
from intendance.cli.output import Invocation, Output
from intendance.cli.unwritable import note_unwritable
from intendance.language.activities import activity_name
from intendance.language.texts import Translator, translator
from intendance.system.shown import visible

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Executions of activities: list, show, cancel.", no_args_is_help=True)
    noun.command("list")(list_)
    noun.command()(show)
    noun.command()(cancel)
    root.add_typer(noun, name="run")


def list_(
    context: typer.Context,
    asset: Annotated[str | None, typer.Argument(help="Only those of this asset.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    json: Json = False,
) -> None:
    """List the latest runs, newest first."""
    invocation: Invocation = context.obj
    output = Output(as_json=json)
    note_unwritable(invocation, output)
    _ = translator(invocation.language, run_words.DOMAIN)
    found = service.list_runs(invocation.state, invocation.clock, asset=asset, limit=limit)
    if json:
        output.json({"schema": "intendance.runs/1", "runs": [outcomes.as_json(outcome) for outcome in found]})
    elif not found:
        for line in run_words.nothing(_):
            output.talk(line)
    else:
        _table(output, _, found)


def show(context: typer.Context, run: Annotated[str, typer.Argument(help="The run's id.")], json: Json = False) -> None:
    """Show one run: its state, its steps, its ledger records."""
    invocation: Invocation = context.obj
    output = Output(as_json=json)
    note_unwritable(invocation, output)
    outcome = service.show_run(invocation.state, invocation.clock, run)
    if json:
        output.json({"schema": "intendance.run/1", "run": outcomes.as_json(outcome)})
        return
    for line in run_words.details(translator(invocation.language, run_words.DOMAIN), outcome):
        typer.echo(line)


def cancel(
    context: typer.Context, run: Annotated[str, typer.Argument(help="The run's id.")], json: Json = False
) -> None:
    """End a run and every process of it; nothing of its attempt is listed."""
    invocation: Invocation = context.obj
    output = Output(as_json=json)
    outcome = service.cancel(invocation.state, invocation.clock, run)
    if json:
        output.json({"schema": "intendance.run/1", "run": outcomes.as_json(outcome)})
        return
    typer.echo(run_words.cancelled(translator(invocation.language, run_words.DOMAIN), outcome))


def _table(output: Output, _: Translator, found: tuple[Outcome, ...]) -> None:
    from rich.table import Table  # drawn only for people
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    *others, last = run_words.titles(_)
    for title in others:
        table.add_column(title, overflow="fold")
    table.add_column(last, no_wrap=True, overflow="fold")
    for outcome in found:
        run = outcome.run
        began, state = run.started_at or run.queued_at, run_words.state(_, outcome)
        activity = activity_name(_.language, run.activity)
        took = run_words.took(run, _.language)
        table.add_row(
            *(Text(visible(cell)) for cell in (local(began, outcome.zone), run.asset, activity, state, took, run.id))
        )
    output.console().print(table)
    if any(outcome.worker_gone for outcome in found):
        output.talk(run_words.gone(_))
