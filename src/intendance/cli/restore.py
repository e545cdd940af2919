"""`intendance restore`: bring a recovery point back, beside the original."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from intendance.agent import restoring, sites
from intendance.agent.restoring import Asked, Planned, Restored
from intendance.agent.sites import SiteAsked
from intendance.cli import restore_answers, restore_guide, restore_site, run_words
from intendance.cli.figures import duration, moment, parse
from intendance.cli.output import INTERRUPTED, Invocation, Language, Output
from intendance.cli.unwritable import note_unwritable
from intendance.cli.watching import Onlooker
from intendance.language.sizes import size
from intendance.language.spoken import told
from intendance.language.texts import Translator, translator
from intendance.model.errors import UsageError
from intendance.model.errors.runs import RestoreCancelled

DOMAINS = ("restore", run_words.DOMAIN)
_LABEL_COLUMNS: Mapping[Language, int] = {"en": 12, "fr": 14}
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
    noun = typer.Typer(help="Restore a backup beside the original, or guided into its place.", no_args_is_help=True)
    noun.command()(plan)
    noun.command()(run)
    noun.command()(restore_guide.guide)
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
    output = Output(as_json=json, language=invocation.language)
    note_unwritable(invocation, output)
    onlooker = Onlooker(output, invocation.language)
    _ = translator(invocation.language, *DOMAINS)

    def told(planned: Planned) -> None:
        for line in plan_lines(_, planned):
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
    for line in restored_lines(_, restored):
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
    for line in plan_lines(translator(invocation.language, *DOMAINS), planned):
        typer.echo(line)


def plan_lines(_: Translator, planned: Planned) -> Iterator[str]:
    """What a restore would do, as a page."""
    plan = planned.plan
    yield _("Restore {asset} into {destination}").format(asset=plan.asset, destination=plan.destination)
    for label, text in _rows(_, planned):
        yield f"  {label:{_LABEL_COLUMNS[_.language]}}{text}"
    for warning in plan.warnings:
        yield "  " + _("note: {text}").format(text=told(warning, _.language))


def _rows(_: Translator, planned: Planned) -> Iterator[tuple[str, str]]:
    """What stands in the two columns of a plan."""
    plan, zone = planned.plan, planned.zone
    if plan.target is None:
        yield _("asked for"), _("the newest point")
    else:
        yield _("asked for"), _("at or before {moment}").format(moment=moment(plan.target, zone))
    yield _("reaches"), moment(plan.reached, zone)
    yield (
        _("set"),
        _("{set} ({kind}, {engine} {version}) from {store}").format(
            set=plan.set,
            kind=run_words.kind(_, plan.kind),
            engine=plan.engine,
            version=plan.engine_version,
            store=plan.store,
        ),
    )
    if plan.base is not None:
        yield _("builds on"), _("{base}, which is restored first").format(base=plan.base)
    yield (
        _("size"),
        _("{source} from {stored} stored: {streams}").format(
            source=size(plan.source_bytes, _.language),
            stored=size(plan.stored_bytes, _.language),
            streams=", ".join(stream.name for stream in plan.streams),
        ),
    )
    yield _("opens with"), _("the private key of {keys}").format(keys=_(" or ").join(plan.recipients))
    if plan.predicted is not None:
        time = duration(plan.predicted.total_ms / 1000, _.language)
        yield _("time"), _("about {time}, by the restores measured before").format(time=time)


def restored_lines(_: Translator, restored: Restored) -> Iterator[str]:
    """What came of it."""
    evidence, phases = restored.evidence, restored.evidence.phases
    yield _("Restored {size} into {destination} in {took}.").format(
        size=size(evidence.restored_bytes, _.language),
        destination=evidence.destination,
        took=duration(phases.total_ms / 1000, _.language),
    )
    yield "  " + _("set {set} from {store}, reaches {moment}").format(
        set=evidence.set, store=evidence.store, moment=moment(parse(evidence.reached), restored.zone)
    )
    for check in evidence.checks:
        found = _("{name}: {found}").format(name=told(check.name, _.language), found=told(check.found, _.language))
        yield f"  {_('ok ') if check.ok else _('NOT')} {found}"
    spent = {
        "decrypted": duration(phases.decrypt_ms / 1000, _.language),
        "loaded": duration(phases.load_ms / 1000, _.language),
        "checked": duration(phases.check_ms / 1000, _.language),
    }
    if restored.seq is None:
        said = _("decrypted in {decrypted}, loaded in {loaded}, checked in {checked}; not recorded").format(**spent)
    else:
        said = _("decrypted in {decrypted}, loaded in {loaded}, checked in {checked}; ledger record {seq}").format(
            **spent, seq=restored.seq
        )
    yield "  " + said
    yield "  → " + _("Look at it; the original was not touched. Remove {destination} when you are done.").format(
        destination=evidence.destination
    )
