"""`intendance restore` of a site: its assets together, and in words how far apart in time they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import typer

from intendance.agent import sites
from intendance.agent.restoring import Planned
from intendance.agent.sites import RestoredSite, SiteAsked, SitePlanned
from intendance.cli import restore_answers, run_words
from intendance.cli.figures import duration, moment, parse
from intendance.cli.output import Invocation, Language, Output
from intendance.cli.unwritable import note_unwritable
from intendance.cli.watching import Onlooker
from intendance.language import durations
from intendance.language.sizes import size
from intendance.language.spoken import told
from intendance.language.texts import Translator, translator
from intendance.system.clock import rfc3339

DOMAINS = ("restore_site", run_words.DOMAIN)


def plan(invocation: Invocation, asked: SiteAsked, *, json: bool) -> None:
    """Say what would be restored of each asset, and how far they are apart."""
    note_unwritable(invocation, Output(as_json=json))
    planned = sites.plan_site(invocation.state, invocation.clock, asked)
    if json:
        Output(as_json=True).json(_plan_json(planned))
        return
    for line in plan_lines(planned, _texts(invocation), invocation.language):
        typer.echo(line)


def run(invocation: Invocation, asked: SiteAsked, *, json: bool) -> None:
    """Restore all assets of the site beside each other, or nothing."""
    output = Output(as_json=json)
    note_unwritable(invocation, output)
    onlooker = Onlooker(output, invocation.language)
    _ = _texts(invocation)

    def told(planned: SitePlanned) -> None:
        for line in plan_lines(planned, _, invocation.language):
            output.talk(line)

    def begun(each: Planned) -> None:
        onlooker.ended()
        output.talk(_("Restoring {asset}…").format(asset=each.plan.asset))

    try:
        restored = sites.run_site(
            invocation.state, invocation.clock, asked, planned_as=told, begun=begun, moved=onlooker.reading
        )
    finally:
        onlooker.ended()
    if json:
        output.json(_restored_json(restored))
        return
    for line in restored_lines(restored, _, invocation.language):
        typer.echo(line)


def _texts(invocation: Invocation) -> Translator:
    return translator(invocation.language, *DOMAINS)


def plan_lines(planned: SitePlanned, _: Translator, language: Language) -> Iterator[str]:
    """What the restore of a site would do, as a page."""
    together, zone = planned.together, planned.zone
    yield _("Restore the site {site} into {folder}").format(site=planned.site, folder=planned.destination)
    if planned.target is None:
        yield "  " + _("asked for: the newest points that belong together")
    else:
        yield "  " + _("asked for: of each the newest at or before {moment}").format(
            moment=moment(planned.target, zone)
        )
    yield from (f"  {line}" for line in _apart(together.skew, _, language))
    for each in planned.plans:
        yield from _asset_lines(each, _, language)
    for newer in together.newer:
        yield "  " + _(
            "note: {asset} has a newer point, {moment}, which is left out so that all are close together;"
            " `intendance restore run {asset}` takes it."
        ).format(asset=newer.asset, moment=moment(newer.recovers_to, zone))


def _apart(skew: timedelta, _: Translator, language: Language) -> Iterator[str]:
    """How far the assets are apart, in words."""
    seconds = -(-skew // timedelta(seconds=1))
    if seconds == 0:
        yield _("all of one instant")
        return
    yield _("{skew} apart: what changed within that time is in some of them and not in the others").format(
        skew=durations.write(seconds, language, up=True)
    )


def _asset_lines(planned: Planned, _: Translator, language: Language) -> Iterator[str]:
    plan, zone = planned.plan, planned.zone
    yield "  " + _("{asset} reaches {moment}").format(asset=plan.asset, moment=moment(plan.reached, zone))
    yield "    " + _("set {set} ({kind}, {engine} {version}) from {store}").format(
        set=plan.set,
        kind=run_words.kind(_, plan.kind),
        engine=plan.engine,
        version=plan.engine_version,
        store=plan.store,
    )
    if plan.base is not None:
        yield "    " + _("builds on {base}, which is restored first").format(base=plan.base)
    yield "    " + _("{size} from {stored} stored, into {folder}").format(
        size=size(plan.source_bytes, language), stored=size(plan.stored_bytes, language), folder=plan.destination
    )
    for warning in plan.warnings:
        yield "    " + _("note: {text}").format(text=told(warning, language))


def restored_lines(restored: RestoredSite, _: Translator, language: Language) -> Iterator[str]:
    """What came of it."""
    evidence = restored.evidence
    took = duration(sum(each.evidence.phases.total_ms for each in restored.restores) / 1000, language)
    yield _("Restored the site {site} into {folder} in {took}.").format(
        site=evidence.site, folder=evidence.destination, took=took
    )
    skew = parse(evidence.reached_to) - parse(evidence.reached_from)
    yield from (f"  {line}" for line in _apart(skew, _, language))
    for share, each in zip(evidence.shares, restored.restores, strict=True):
        yield "  " + _("{asset} reaches {moment}: {size} into {folder}").format(
            asset=share.asset,
            moment=moment(parse(share.reached), restored.zone),
            size=size(each.evidence.restored_bytes, language),
            folder=share.destination,
        )
        for check in each.evidence.checks:
            sign = _("ok ") if check.ok else _("NOT")
            found = _("{name}: {found}").format(name=told(check.name, language), found=told(check.found, language))
            yield f"    {sign} {found}"
    if restored.seq is None:
        yield "  " + _("not recorded")
    else:
        yield "  " + _("ledger record {seq}").format(seq=restored.seq)
    yield "  " + _("→ Look at it; the originals were not touched. Remove {folder} when you are done.").format(
        folder=evidence.destination
    )


def _plan_json(planned: SitePlanned) -> dict[str, Any]:
    together = planned.together
    return {
        "schema": "intendance.site-plan/1",
        "site": planned.site,
        "destination": planned.destination,
        "target": restore_answers.instant(planned.target),
        "reached_from": rfc3339(together.first),
        "reached_to": rfc3339(together.last),
        "skew_seconds": sites.skew_seconds(together),
        "assets": [restore_answers.plan_json(each) for each in planned.plans],
        "newer": [
            {"asset": each.asset, "point": each.set, "recovers_to": rfc3339(each.recovers_to)}
            for each in together.newer
        ],
    }


def _restored_json(restored: RestoredSite) -> dict[str, Any]:
    evidence = restored.evidence
    return {
        "schema": "intendance.site-restored/1",
        "site": evidence.site,
        "destination": evidence.destination,
        "target": None if evidence.target == "newest" else evidence.target,
        "reached_from": evidence.reached_from,
        "reached_to": evidence.reached_to,
        "skew_seconds": evidence.skew_seconds,
        "seconds": {"total": sum(each.evidence.phases.total_ms for each in restored.restores) / 1000},
        "assets": [restore_answers.restored_json(each) for each in restored.restores],
        "evidence": None if restored.seq is None else {"node": restored.node, "seq": restored.seq},
    }
