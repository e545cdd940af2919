"""`intendance restore`: bring a recovery point back, beside the original."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from intendance.agent import restoring, sites
from intendance.agent.restoring import Asked, Planned, Restored
from intendance.agent.sites import SiteAsked
from intendance.cli import restore_answers, restore_site
from intendance.cli.figures import duration, moment, parse
from intendance.cli.output import INTERRUPTED, Invocation, Output
from intendance.cli.unwritable import note_unwritable
from intendance.cli.watching import Onlooker
from intendance.language.sizes import size
from intendance.model.errors import UsageError
from intendance.model.errors.runs import RestoreCancelled
from intendance.model.evidence.restore import Phases

Asset = Annotated[str, typer.Argument(metavar="NAME", help="An asset of the plan; or a site, for all its assets.")]
Into = Annotated[
    str, typer.Option(help="A folder that does not exist yet; for MariaDB also the name of a new database.")
]
To = Annotated[
    str | None, typer.Option(metavar="TIME", help="The newest point at or before then: `2026-11-21 08:30`, or UTC.")
]
Point = Annotated[str | None, typer.Option(metavar="ID", help="One point: its id in `backup list`.")]
StoreName = Annotated[str | None, typer.Option("--store", help="Take it from this store.")]
Streams = Annotated[list[str] | None, typer.Option("--stream", help="Only this stream of the set; again for each.")]
Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Restore a backup beside the original.", no_args_is_help=True)
    noun.command()(plan)
    noun.command()(run)
    root.add_typer(noun, name="restore")


def plan(
    context: typer.Context,
    asset: Asset,
    into: Into,
    to: To = None,
    point: Point = None,
    store: StoreName = None,
    stream: Streams = None,
    json: Json = False,
) -> None:
    """Say what would be restored, from where, how much and how long. Opens and creates nothing."""
    _plan(context, _asked(asset, into, to, point, store, stream), json=json)


def run(  # noqa: PLR0913 -- one parameter per option
    context: typer.Context,
    asset: Asset,
    into: Into,
    to: To = None,
    point: Point = None,
    store: StoreName = None,
    stream: Streams = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json: Json = False,
) -> None:
    """Restore beside the original, with the private key of your own keyring (GNUPGHOME)."""
    asked = _asked(asset, into, to, point, store, stream)
    if dry_run:
        _plan(context, asked, json=json)
        return
    invocation: Invocation = context.obj
    if sites.is_site(invocation.state, asset):
        restore_site.run(invocation, _asked_of_site(asked), json=json)
        return
    output = Output(as_json=json)
    note_unwritable(invocation, output)
    onlooker = Onlooker(output, invocation.language)

    def told(planned: Planned) -> None:
        for line in _plan_lines(planned):
            output.talk(line)

    try:
        restored = restoring.run_restore(
            invocation.state, invocation.clock, asked, planned_as=told, moved=onlooker.reading
        )
    except RestoreCancelled as cancelled:
        onlooker.ended()
        output.report(cancelled)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        onlooker.ended()
    if json:
        output.json(restore_answers.restored_json(restored))
        return
    for line in _lines(restored):
        typer.echo(line)


def _asked(
    asset: str, into: str, to: str | None, point: str | None, store: str | None, streams: list[str] | None
) -> Asked:
    if to is not None and point is not None:
        raise UsageError(message="`--to` and `--point` say the same in two ways: write one of them.")
    if not into.strip():
        raise UsageError(message="`--into` is empty: name a destination that does not exist yet.")
    return Asked(asset=asset, into=into, to=to, point=point, store=store, streams=tuple(streams or ()))


def _asked_of_site(asked: Asked) -> SiteAsked:
    if asked.point is not None or asked.streams:
        raise UsageError(
            message=f"`{asked.asset}` is a site: `--point` and `--stream` choose from one asset, so name that instead."
        )
    return SiteAsked(site=asked.asset, into=asked.into, to=asked.to, store=asked.store)


def _plan(context: typer.Context, asked: Asked, *, json: bool) -> None:
    invocation: Invocation = context.obj
    if sites.is_site(invocation.state, asked.asset):
        restore_site.plan(invocation, _asked_of_site(asked), json=json)
        return
    note_unwritable(invocation, Output(as_json=json))
    planned = restoring.plan_restore(invocation.state, invocation.clock, asked)
    if json:
        Output(as_json=True).json(restore_answers.plan_json(planned))
        return
    for line in _plan_lines(planned):
        typer.echo(line)


def _plan_lines(planned: Planned) -> Iterator[str]:
    plan, zone = planned.plan, planned.zone
    wanted = "the newest point" if plan.target is None else f"at or before {moment(plan.target, zone)}"
    yield f"Restore {plan.asset} into {plan.destination}"
    yield f"  asked for   {wanted}"
    yield f"  reaches     {moment(plan.reached, zone)}"
    yield f"  set         {plan.set} ({plan.kind}, {plan.engine} {plan.engine_version}) from {plan.store}"
    if plan.base is not None:
        yield f"  builds on   {plan.base}, which is restored first"
    names = ", ".join(stream.name for stream in plan.streams)
    yield f"  size        {size(plan.source_bytes)} from {size(plan.stored_bytes)} stored: {names}"
    yield f"  opens with  the private key of {' or '.join(plan.recipients)}"
    if plan.predicted is not None:
        yield f"  time        about {duration(plan.predicted.total_ms / 1000)}, by the restores measured before"
    for warning in plan.warnings:
        yield f"  note: {warning}"


def _lines(restored: Restored) -> Iterator[str]:
    evidence = restored.evidence
    took = duration(evidence.phases.total_ms / 1000)
    yield f"Restored {size(evidence.restored_bytes)} into {evidence.destination} in {took}."
    yield f"  set {evidence.set} from {evidence.store}, reaches {moment(parse(evidence.reached), restored.zone)}"
    for check in evidence.checks:
        yield f"  {'ok ' if check.ok else 'NOT'} {check.name}: {check.found}"
    recorded = "not recorded" if restored.seq is None else f"ledger record {restored.seq}"
    yield f"  {_phases(evidence.phases)}; {recorded}"
    yield f"  → Look at it; the original was not touched. Remove {evidence.destination} when you are done."


def _phases(phases: Phases) -> str:
    shown = {"decrypted": phases.decrypt_ms, "loaded": phases.load_ms, "checked": phases.check_ms}
    return ", ".join(f"{name} in {duration(each / 1000)}" for name, each in shown.items())
