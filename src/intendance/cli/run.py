"""`intendance run`: executions of activities."""

from __future__ import annotations

from typing import Annotated

import typer

from intendance.agent import service
from intendance.agent.service import Outcome
from intendance.cli import outcomes
from intendance.cli.figures import local
from intendance.cli.output import Invocation, Output
from intendance.cli.unwritable import note_unwritable
from intendance.cli.watching import described

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
    found = service.list_runs(invocation.state, invocation.clock, asset=asset, limit=limit)
    if json:
        output.json({"schema": "intendance.runs/1", "runs": [outcomes.as_json(outcome) for outcome in found]})
    elif not found:
        output.talk("Nothing has run yet.")
        output.talk("  → Make a first backup: `intendance backup run`.")
    else:
        _table(output, found)


def show(context: typer.Context, run: Annotated[str, typer.Argument(help="The run's id.")], json: Json = False) -> None:
    """Show one run: its state, its steps, its ledger records."""
    invocation: Invocation = context.obj
    output = Output(as_json=json)
    note_unwritable(invocation, output)
    outcome = service.show_run(invocation.state, invocation.clock, run)
    if json:
        output.json({"schema": "intendance.run/1", "run": outcomes.as_json(outcome)})
        return
    for line in _details(outcome):
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
    record = outcome.latest("run.ended")
    where = "" if record is None else f"; ledger record {record.seq}"
    typer.echo(f"{outcome.run.id}: {outcome.run.state}{where}.")


def _table(output: Output, found: tuple[Outcome, ...]) -> None:
    from rich.table import Table  # drawn only for people

    table = Table(box=None, pad_edge=False)
    for title in ("STARTED", "ASSET", "ACTIVITY", "STATE", "TOOK", "RUN"):
        table.add_column(title, no_wrap=title == "RUN", overflow="fold")
    for outcome in found:
        run = outcome.run
        began, state = run.started_at or run.queued_at, outcomes.state_of(outcome)
        table.add_row(local(began, outcome.zone), run.asset, described(run), state, outcomes.took(run), run.id)
    output.console().print(table)
    if any(outcome.worker_gone for outcome in found):
        output.talk("A run whose process is gone is broken off; the agent or the next backup records it as such.")


def _details(outcome: Outcome) -> list[str]:
    run = outcome.run
    lines = [
        f"{run.id}: {outcomes.state_of(outcome)}",
        f"  {described(run)} of {run.asset}, asked for by {run.actor}, attempt {run.attempt} of {run.attempts_allowed}",
        f"  due {local(run.occurrence, outcome.zone)}, queued {local(run.queued_at, outcome.zone)}",
    ]
    if run.started_at is not None:
        ended = (
            "" if run.ended_at is None else f", ended {local(run.ended_at, outcome.zone)} after {outcomes.took(run)}"
        )
        lines.append(f"  started {local(run.started_at, outcome.zone)}{ended}")
    lines += [
        f"  step {step.name}: committed by attempt {step.attempt}"
        + ("" if step.seq is None else f", ledger record {step.seq}")
        for step in outcome.steps
    ]
    lines += [f"  evidence {fact.kind}: ledger record {fact.seq}" for fact in outcome.evidence]
    if run.message is not None:
        lines += [f"  {run.message}", f"  → {run.next_step}"]
    return lines
