"""`intendance backup`: make, list, show, inspect and prune backups."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from intendance.cli import backing_up
from intendance.cli.output import Invocation, Output, told_error
from intendance.cli.unwritable import note_unwritable
from intendance.cli.words import BackupAsked
from intendance.language.texts import translator
from intendance.model.errors import Exit

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
    wanted = None if kind is None else kind.value
    asked = BackupAsked(asset=asset, kind=wanted, inspected=not no_inspect, json=json)
    _leave(backing_up.back_up(context.obj, asked))


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
        plans = backing_up.plan_places() if invocation.plan is None else (invocation.plan,)
        elsewhere.look(invocation, Output(as_json=json), plans, asked)
        return
    _leave(backing_up.inspect(invocation, asset=asset, deep=deep, as_json=json))


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
    plans = backing_up.plan_places() if invocation.plan is None else (invocation.plan,)
    if dry_run:
        pruning.show(invocation, output, plans, asset)
    else:
        pruning.delete(invocation, output, plans, asset, confirm)


def _leave(code: int) -> None:
    if code != Exit.DONE:
        raise typer.Exit(code)
