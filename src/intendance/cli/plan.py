"""`intendance plan`: check, show and adopt a maintenance plan, print its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from intendance.cli.output import Invocation, Output
from intendance.model.errors import Exit
from intendance.model.errors.plan import PlanMissing
from intendance.plan.load import Checked, load
from intendance.plan.problems import Problem

PLACES = (Path("intendance.yaml"), Path("/etc/intendance/intendance.yaml"))

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]
File = Annotated[
    Path | None, typer.Argument(help="The plan file; otherwise --plan, ./intendance.yaml or /etc/intendance/….")
]


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Check, show and adopt a maintenance plan.", no_args_is_help=True)
    for command in (check, show, schema, adopt):
        noun.command()(command)
    root.add_typer(noun, name="plan")


def check(context: typer.Context, file: File = None, json: Json = False) -> None:
    """Say everything that is wrong with a plan, with its line and what to write instead. Executes nothing."""
    checked = _load(context, file)
    output = Output(as_json=json)
    if json:
        output.json(_as_json(checked))
    elif checked.plan is None:
        for line in _problems(checked):
            typer.echo(line)
    else:
        for line in (*_warnings(checked), *_summary(context, checked)):
            typer.echo(line)
    if checked.plan is None:
        raise typer.Exit(Exit.USAGE)


def show(
    context: typer.Context,
    file: File = None,
    json: Json = False,
    count: Annotated[bool, typer.Option(help="Count what the exclusions of file trees leave out.")] = True,
) -> None:
    """Say what a plan will do: what, when, where, kept how long, and who can open it. Executes nothing."""
    from intendance.cli.plan_show import answer, lines  # counts and occurrences: not needed by `check`

    checked = _valid(context, file, json=json)
    output = Output(as_json=json)
    now = context.obj.clock.read().at
    if json:
        output.json(answer(checked.valid(), now, count=count, talk=output.talk))
        return
    for line in lines(checked.valid(), now, count=count, talk=output.talk):
        typer.echo(line)


def schema() -> None:
    """Print the JSON Schema of plans, for editors that complete and check while one writes."""
    from intendance.plan import load as loading

    typer.echo(loading.schema_text(), nl=False)


def adopt(
    context: typer.Context,
    file: File = None,
    confirm: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="What may lose protection, by its name; again for each.")
    ] = None,
    json: Json = False,
) -> None:
    """Put a plan in force: the ledger records it, the agent follows it."""
    from intendance.agent.adoption import adopt_checked  # opens the ledger: not needed by `check`
    from intendance.agent.compose import person
    from intendance.agent.store_adoption import adopt_stores
    from intendance.cli.plan_adopt import answer, lines, stores_not_ready

    invocation: Invocation = context.obj
    checked = _valid(context, file, json=json)
    adoption = adopt_checked(
        checked, state=invocation.state, clock=invocation.clock, actor=person(), confirmed=confirm or ()
    )
    refused = adopt_stores(invocation.state, adoption.plan, invocation.clock)
    output = Output(as_json=json)
    for line in stores_not_ready(refused, checked.file):
        output.talk(line)
    if json:
        output.json(answer(adoption) | {"warnings": [problem_json(problem) for problem in checked.warnings]})
        return
    for line in _warnings(checked):
        output.talk(line)
    for line in lines(adoption, checked.file):
        typer.echo(line)


def _load(context: typer.Context, file: Path | None) -> Checked:
    """The plan that the command line names, or the one in its usual places. Raises PlanMissing, PlanUnreadable."""
    invocation: Invocation = context.obj
    wanted = file or invocation.plan
    if wanted is None:
        wanted = next((place for place in PLACES if place.exists()), None)
    if wanted is None:
        raise PlanMissing(looked=" or ".join(str(place) for place in PLACES))
    return load(wanted, invocation.clock.read().at)


def _valid(context: typer.Context, file: Path | None, *, json: bool) -> Checked:
    """The plan, when it is valid; otherwise its problems on stderr. Raises PlanInvalid."""
    checked = _load(context, file)
    if checked.plan is None and not json:
        for line in _problems(checked):
            typer.echo(line, err=True)
    checked.valid()
    return checked


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem in the contract's shape."""
    fields = ("file", "line", "column", "path", "rule", "message", "fix")
    return {name: getattr(problem, name) for name in fields}


def _as_json(checked: Checked) -> dict[str, Any]:
    return {
        "schema": "intendance.plan-check/1",
        "file": checked.file,
        "valid": checked.plan is not None,
        "problems": [problem_json(problem) for problem in checked.problems],
        "warnings": [problem_json(problem) for problem in checked.warnings],
    }


def _problems(checked: Checked) -> Iterator[str]:
    for problem in checked.problems:
        yield from _drawn(problem, "")
    yield from _warnings(checked)
    count = len(checked.problems)
    yield f"{checked.file}: {count} problem{'s' if count > 1 else ''} to correct."


def _warnings(checked: Checked) -> Iterable[str]:
    for problem in checked.warnings:
        yield from _drawn(problem, "warning: ")


WIDTH = 100


def _drawn(problem: Problem, word: str) -> Iterator[str]:
    """A problem with its line, a caret under the place, and what to write instead."""
    rule = f" [{problem.rule}]" if problem.rule else ""
    where = f"{problem.path}: " if problem.path else ""
    yield f"{problem.file}:{problem.line}:{problem.column}: {word}{where}{problem.message}{rule}"
    if problem.source.strip():
        first = max(0, problem.column - 1 - WIDTH // 2) if len(problem.source) > WIDTH else 0
        shown = problem.source[first : first + WIDTH].replace("\t", " ")
        before = "…" if first else ""
        margin = f"{problem.line:>6} │ "
        yield f"{margin}{before}{shown}{'…' if len(problem.source) > first + WIDTH else ''}"
        yield f"{' ' * 6} │ {' ' * (len(before) + problem.column - 1 - first)}^"
    if problem.fix:
        yield f"  → {problem.fix}"
    yield ""


def _summary(context: typer.Context, checked: Checked) -> Iterator[str]:
    """What a valid plan will do, in a sentence."""
    from intendance.cli.plan_show import sentence  # only for a valid plan

    yield f"{checked.file} is valid. {sentence(checked.valid(), context.obj.clock.read().at)}"
    yield f"  → Put it in force: `intendance plan adopt {checked.file}`"
