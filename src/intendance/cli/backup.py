"""`intendance backup`: make, list, show, inspect and prune backups."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from intendance.agent import service
from intendance.agent.follow import Detached, Watcher
from intendance.agent.service import Outcome
from intendance.cli import outcomes
from intendance.cli.output import INTERRUPTED, Invocation, Output, told_error
from intendance.cli.unwritable import note_unwritable
from intendance.cli.watching import Onlooker
from intendance.language.texts import translator
from intendance.model.errors import Exit, IntendanceError

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]
Asset = Annotated[str | None, typer.Argument(help="The asset's name in the plan; all when none is named.")]


class Kind(StrEnum):
    """Kinds of backups."""

    LOGICAL = "logical"
    PHYSICAL = "physical"
    FULL = "full"
    DIFFERENTIAL = "differential"


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Make, list, show, inspect and prune backups.", no_args_is_help=True)
    noun.command()(run)
    noun.command("list")(list_)
    noun.command()(show)
    noun.command()(inspect)
    noun.command()(prune)
    root.add_typer(noun, name="backup")


def run(
    context: typer.Context,
    asset: Asset = None,
    kind: Annotated[Kind | None, typer.Option(help="Only this kind; otherwise each kind of the plan.")] = None,
    no_inspect: Annotated[bool, typer.Option("--no-inspect", help="Do not look at what was stored.")] = False,
    json: Json = False,
) -> None:
    """Back up now, into every store of the plan, then look at what was stored. The agent performs it where one runs."""
    invocation: Invocation = context.obj
    output = Output(as_json=json)
    _note_other_plan(invocation, output)
    _perform(
        invocation,
        output,
        lambda watcher: service.back_up(
            invocation.state,
            invocation.clock,
            asset=asset,
            kind=None if kind is None else kind.value,
            watcher=watcher,
            inspected=not no_inspect,
            ready=invocation.ready,
        ),
    )


def inspect(
    context: typer.Context,
    asset: Asset = None,
    deep: Annotated[bool, typer.Option("--deep", help="Re-read and compare every stored byte.")] = False,
    host: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Beside the node: this machine's name under `hosts`, the first time."),
    ] = None,
    node: Annotated[str | None, typer.Option(help="Beside the node: whose backups, of several nodes.")] = None,
    fingerprint: Annotated[
        str | None, typer.Option(metavar="FPR", help="Beside the node: the key that it signs with.")
    ] = None,
    json: Json = False,
) -> None:
    """Look into the stores: which sets are there, whole, signed and unchanged. Exit 4, on a host: they lack some."""
    from intendance.agent import inspecting  # only this command looks from beside the node

    invocation: Invocation = context.obj

    if host is not None or inspecting.is_host(invocation.state, invocation.clock):
        from intendance.cli import elsewhere

        asked = inspecting.AskedElsewhere(asset=asset, deep=deep, host=host, node=node, fingerprint=fingerprint)
        plans = _places() if invocation.plan is None else (invocation.plan,)
        elsewhere.look(invocation, Output(as_json=json), plans, asked)
        return
    _perform(
        invocation,
        Output(as_json=json),
        lambda watcher: service.inspect(invocation.state, invocation.clock, asset=asset, deep=deep, watcher=watcher),
    )


def list_(context: typer.Context, asset: Asset = None, json: Json = False) -> None:
    """List the recovery points that the stores hold, newest first."""
    from intendance.agent import shelves  # reads stores and manifests: `backup run` does not
    from intendance.cli import points

    invocation: Invocation = context.obj
    output = Output(as_json=json)
    note_unwritable(invocation, output)
    listing = shelves.list_points(invocation.state, invocation.clock, asset=asset)
    if json:
        output.json(points.as_json(listing))
    else:
        points.draw(output, translator(invocation.language, *points.DOMAINS), listing)
    for error in listing.failures:
        for line in told_error(error, invocation.language):
            output.talk(line)
    if listing.failures:
        raise typer.Exit(Exit.PARTIAL if listing.points else Exit.FAILED)


def show(
    context: typer.Context,
    set_id: Annotated[str, typer.Argument(metavar="SET", help="The set's id.")],
    json: Json = False,
) -> None:
    """Show one set: what it holds, who can open it, where it lies, what its manifest says."""
    from intendance.agent import shelves  # as for `list`
    from intendance.cli import points

    invocation: Invocation = context.obj
    note_unwritable(invocation, Output(as_json=json))
    shown = shelves.show_set(invocation.state, invocation.clock, set_id)
    if json:
        Output(as_json=True).json(points.set_as_json(shown))
        return
    for line in points.set_lines(translator(invocation.language, *points.DOMAINS), shown):
        typer.echo(line)


def prune(
    context: typer.Context,
    asset: Asset = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what becomes of each set, and why.")] = False,
    confirm: Annotated[
        str | None,
        typer.Option(
            metavar="ASSET[:COUNT]",
            help="Mark and delete: the asset's name; with a count, that many sets in place of the ceiling.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Delete what no retention keeps any more: marked first, deleted a week later, on the host that the plan names."""
    from intendance.cli import pruning  # reads stores, drills and rules: no other command does

    invocation: Invocation = context.obj
    output = Output(as_json=json)
    plans = _places() if invocation.plan is None else (invocation.plan,)
    if dry_run:
        pruning.show(invocation, output, plans, asset)
    else:
        pruning.delete(invocation, output, plans, asset, confirm)


def _perform(invocation: Invocation, output: Output, work: Callable[[Watcher], tuple[Outcome, ...]]) -> None:
    _ = translator(invocation.language, "backup", *outcomes.DOMAINS)
    onlooker = Onlooker(output, invocation.language)
    try:
        found = work(onlooker)
    except Detached as left:
        onlooker.ended()
        output.talk(_("Left to the agent, which goes on with {runs}.").format(runs=", ".join(left.runs)))
        output.talk("  → " + _("See how far it is: `intendance run list`; end it: `intendance run cancel RUN`."))
        if output.as_json:
            output.json({"schema": "intendance.detached/1", "runs": list(left.runs)})
        raise typer.Exit(INTERRUPTED) from None
    except KeyboardInterrupt:
        onlooker.ended()
        sentence = "Cancelled; nothing of what was under way is listed."
        output.interrupted(sentence, _("Cancelled; nothing of what was under way is listed."))
        raise typer.Exit(INTERRUPTED) from None
    except IntendanceError:
        onlooker.ended()
        raise
    outcomes.answer(output, _, found)


def _note_other_plan(invocation: Invocation, output: Output) -> None:
    """Say when the plan file at hand is not the one in force."""
    file = invocation.plan or next((place for place in _places() if place.is_file()), None)
    if file is not None and service.differs_from_adopted(invocation.state, invocation.clock, file):
        _ = translator(invocation.language, "backup")
        output.talk(_("note: {file} differs from the adopted plan, which is what is performed.").format(file=file))
        output.talk("  → " + _("Put it in force with `intendance plan adopt {file}`.").format(file=file))


def _places() -> tuple[Path, ...]:
    return (Path("intendance.yaml"), Path("/etc/intendance/intendance.yaml"))
