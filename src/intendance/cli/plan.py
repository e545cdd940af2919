"""`intendance plan`: check, show, compare and adopt a maintenance plan, print its JSON Schema."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from intendance.cli.output import Invocation, Output
from intendance.cli.plan_problems import as_json, declared, problem_json, problems, warned, warnings
from intendance.cli.rebuild import recover
from intendance.language.texts import Translator, translator
from intendance.model.errors import Exit, IntendanceError
from intendance.model.errors.plan import PlanMissing
from intendance.plan.bounds.seen import NOTHING_SEEN, Seen
from intendance.plan.load import Checked, load
from intendance.plan.saying import DOMAIN

PLACES = (Path("intendance.yaml"), Path("/etc/intendance/intendance.yaml"))

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]
File = Annotated[
    Path | None, typer.Argument(help="The plan file; otherwise --plan, ./intendance.yaml or /etc/intendance/….")
]
Node = Annotated[
    str | None, typer.Option(metavar="NAME", help="The node that is meant, of a plan for several. [this machine's]")
]


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Check, show, compare and adopt a maintenance plan.", no_args_is_help=True)
    for command in (check, show, diff, schema, adopt, recover):
        noun.command()(command)
    root.add_typer(noun, name="plan")


def check(context: typer.Context, file: File = None, json: Json = False) -> None:
    """Say everything that is wrong with a plan, with its line and what to write instead. Executes nothing."""
    checked = _load(context, file)
    if json:
        Output(as_json=json).json(as_json(checked))
    elif not checked.is_valid:
        _echo(problems(_texts(context), checked))
    else:
        _ = _texts(context)
        _echo(warnings(_, checked))
        _echo(_summary(context, checked))
    if not checked.is_valid:
        raise typer.Exit(Exit.USAGE)


def show(
    context: typer.Context,
    file: File = None,
    node: Node = None,
    json: Json = False,
    count: Annotated[bool, typer.Option(help="Count what the exclusions of file trees leave out.")] = True,
) -> None:
    """Say what a plan will do: what, when, where, kept how long, and who can open it. Executes nothing."""
    from intendance.cli.plan_show import answer, lines  # counts and occurrences: not needed by `check`

    plan = _valid(context, file, json=json).valid(node)
    output = Output(as_json=json)
    now = context.obj.clock.read().at
    _ = _texts(context, "plan_show", "run_words")
    if json:
        output.json(answer(_, plan, now, count=count, talk=output.talk))
        return
    _echo(lines(_, plan, now, count=count, talk=output.talk))


def diff(context: typer.Context, file: File = None, node: Node = None, json: Json = False) -> None:
    """Say what adopting a plan would start, stop and change, and what must be confirmed. Changes nothing."""
    from intendance.agent.comparing import compare  # opens the ledger: not needed by `check`
    from intendance.cli.plan_diff import answer, lines

    invocation: Invocation = context.obj
    checked = _valid(context, file, json=json)
    comparison = compare(checked, state=invocation.state, clock=invocation.clock, node=node)
    if json:
        Output(as_json=json).json(answer(comparison, checked.file))
        return
    _echo(lines(_texts(context, "plan_diff"), comparison, checked.file))


def schema() -> None:
    """Print the JSON Schema of plans, for editors that complete and check while one writes."""
    import json

    from intendance.plan.editing import editor_schema
    from intendance.plan.load import published_schema

    typer.echo(json.dumps(editor_schema(published_schema()), ensure_ascii=False, indent=1))


def adopt(
    context: typer.Context,
    file: File = None,
    node: Node = None,
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
        checked, state=invocation.state, clock=invocation.clock, actor=person(), confirmed=confirm or (), node=node
    )
    noted = checked.warnings_of(adoption.node)
    refused = adopt_stores(invocation.state, adoption.plan, invocation.clock)
    output = Output(as_json=json)
    _ = _texts(context, "plan_adopt")
    for line in stores_not_ready(_, refused, checked.file):
        output.talk(line)
    if json:
        output.json(answer(adoption) | {"warnings": [problem_json(problem) for problem in noted]})
    else:
        for line in warned(_, noted):
            output.talk(line)
        _echo(lines(_, adoption, checked.file))
        _echo(declared(_, adoption.plan.declared))
    if adoption.recorded and not (adoption.begun or adoption.agent_told):
        _judge_ahead(invocation)


def _judge_ahead(invocation: Invocation) -> None:
    """Another plan ends all that was found. Where no agent finds it again, it is found once all is said, so that the
    next look need not."""
    from intendance.agent.judging import prepare_node  # the rules: only here

    with suppress(IntendanceError, OSError):  # `status` judges again what is not found, and says what cannot be read
        prepare_node(invocation.state, invocation.clock)


def _texts(context: typer.Context, *domains: str) -> Translator:
    """The texts of this noun, with those of the module that draws, in the reader's language."""
    return translator(context.obj.language, "plan", "plan_problems", DOMAIN, *domains)


def _echo(lines: Iterator[str]) -> None:
    for line in lines:
        typer.echo(line)


def _load(context: typer.Context, file: Path | None) -> Checked:
    """The plan that the command line names, or the one in its usual places. Raises PlanMissing, PlanUnreadable."""
    invocation: Invocation = context.obj
    wanted = file or invocation.plan
    if wanted is None:
        wanted = next((place for place in PLACES if place.exists()), None)
    if wanted is None:
        raise PlanMissing(looked=" or ".join(str(place) for place in PLACES))
    return load(wanted, invocation.clock.read().at, _seen(invocation))


def _seen(invocation: Invocation) -> Seen:
    """What the ledger adds to a plan, where there is one; what reads it is loaded only there."""
    if not os.path.exists(invocation.state / "agent"):  # noqa: PTH110 -- it says no to whoever may not look
        return NOTHING_SEEN
    from intendance.agent.past import seen_if_readable

    return seen_if_readable(invocation.state, invocation.clock)


def _valid(context: typer.Context, file: Path | None, *, json: bool) -> Checked:
    """The plan, when it is valid; otherwise its problems on stderr. Raises PlanInvalid."""
    checked = _load(context, file)
    if not checked.is_valid and not json:
        for line in problems(_texts(context), checked):
            typer.echo(line, err=True)
    if not checked.is_valid:
        checked.valid()
    return checked


def _summary(context: typer.Context, checked: Checked) -> Iterator[str]:
    """What a valid plan will do, in a sentence for each node."""
    from intendance.cli.plan_show import sentence  # only for a valid plan

    _ = _texts(context, "plan_show")
    now = context.obj.clock.read().at
    said = " ".join(sentence(_, plan, now) for plan in checked.plans.values())
    yield _("{file} is valid. {sentence}").format(file=checked.file, sentence=said)
    yield from declared(_, checked.declared)
    node = " --node NAME" if checked.of_fleet and not checked.home else ""
    yield "  → " + _("Put it in force: {command}").format(command=f"`intendance plan adopt {checked.file}{node}`")
