"""`intendance waiver`: who answers for a broken rule, until when; granting and taking back."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from intendance.agent.compose import person
from intendance.agent.waiving import Asked, Waivers, grant, listed, revoke
from intendance.catalogue.waivers import Waiver
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Ink, Page, page_for
from intendance.language import dates
from intendance.language.texts import Translator, translator

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Who answers for a broken rule, and until when.", no_args_is_help=True)
    noun.command("list")(list_)
    noun.command("grant")(grant_)
    noun.command("revoke")(revoke_)
    root.add_typer(noun, name="waiver")


def list_(context: typer.Context, json: Json = False) -> None:
    """List the waivers of the last 400 days: what counts now, then what is over."""
    invocation: Invocation = context.obj
    known = listed(invocation.state, invocation.clock)
    if json:
        Output(as_json=True).json(
            {"schema": "intendance.waivers/1", "waivers": [as_json(known, each) for each in known.found]}
        )
        return
    page = page_for(sys.stdout)
    draw(page, translator(invocation.language, "waiver"), known)
    page.write(sys.stdout)


def grant_(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="The rule's id, for example ASBL_013.")],
    reason: Annotated[str, typer.Option(help="Why it cannot hold yet.")],
    ticket: Annotated[str, typer.Option(help="Where the work on it is followed.")],
    by: Annotated[str, typer.Option(metavar="CONTACT", help="The contact of the plan who answers for it.")],
    until: Annotated[str, typer.Option(metavar="INSTANT", help="Until when, with its zone; 90 days away at most.")],
    asset: Annotated[
        str, typer.Option(metavar="NAME", help="Only for this asset, or for this thing that the inventory found.")
    ] = "",
    json: Json = False,
) -> None:
    """Record that a rule may be broken until a day. Its check goes on, and `status` shows it as waived."""
    invocation: Invocation = context.obj
    asked = Asked(rule=rule, reason=reason, ticket=ticket, by=by, until=until, asset=asset)
    fact = grant(invocation.state, invocation.clock, asked, actor=person())
    known = listed(invocation.state, invocation.clock)
    waiver = next(each for each in known.found if each.grant.seq == fact.seq)
    if json:
        Output(as_json=True).json({"schema": "intendance.waiver/1", "waiver": as_json(known, waiver)})
        return
    page = page_for(sys.stdout)
    _ = translator(invocation.language, "waiver")
    page.text((_("Recorded: {rule} is waived while it is broken.").format(rule=fact.data.rule), "strong"))
    draw_one(page, _, known, waiver)
    page.write(sys.stdout)


def revoke_(
    context: typer.Context,
    record: Annotated[int, typer.Argument(help="The waiver's record, as `waiver list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why it is taken back.")],
    json: Json = False,
) -> None:
    """Take a waiver back before its end; a broken rule is broken again at once."""
    invocation: Invocation = context.obj
    evidence = revoke(invocation.state, invocation.clock, record, reason=reason, actor=person())
    if json:
        Output(as_json=True).json({"schema": "intendance.waiver_revoked/1", "rule": evidence.rule, "record": record})
        return
    _ = translator(invocation.language, "waiver")
    page = page_for(sys.stdout)
    page.text(_("The waiver of {rule} in record {record} counts no more.").format(rule=evidence.rule, record=record))
    page.write(sys.stdout)


def as_json(known: Waivers, waiver: Waiver) -> dict[str, Any]:
    """A waiver for machines; `days` counts, of the last 400, those on which its rule was waived."""
    grant_data = waiver.grant.data
    return {
        "record": waiver.grant.seq,
        "rule": grant_data.rule,
        "asset": known.names.get(grant_data.about),
        "about": grant_data.about or None,
        "reason": grant_data.reason,
        "ticket": grant_data.ticket,
        "granted_by": grant_data.granted_by,
        "granter": grant_data.granter,
        "began_at": dates.iso(waiver.began_at),
        "ends_at": dates.iso(waiver.ends_at),
        "counts": _counts(known, waiver),
        "revoked": waiver.revoked,
        "renewal": grant_data.renewal,
        "days": waiver.days,
        "source": grant_data.source,
    }


def draw(page: Page, _: Translator, known: Waivers) -> None:
    """Every waiver, those that count first."""
    if not known.found:
        page.text(_("No rule was waived in the last 400 days."))
        return
    ordered = sorted(known.found, key=lambda each: not _counts(known, each))
    for waiver in ordered:
        page.blank()
        draw_one(page, _, known, waiver)


def draw_one(page: Page, _: Translator, known: Waivers, waiver: Waiver) -> None:
    """One waiver: its rule, until when, who answers for it and why."""
    data = waiver.grant.data
    title = known.rulebook.rules[data.rule].title.of(_.language) if data.rule in known.rulebook.rules else ""
    ink: Ink = "strong" if _counts(known, waiver) else "quiet"
    record = _("record {number}").format(number=waiver.grant.seq)
    page.row(((data.rule, ink), f" · {title}"), (record, "quiet"), indent=2, hang=4)
    page.text(_span(_, known, waiver), indent=4)
    told = _("granted by {granter}: {reason} ({ticket})")
    page.text(told.format(granter=data.granter, reason=data.reason, ticket=data.ticket), indent=4)
    remarks = []
    if data.about:
        about = known.names.get(data.about, data.about)
        remarks.append(_("only for {asset}").format(asset=about))
    if data.renewal:
        remarks.append(_("renewal {number}").format(number=data.renewal))
    counted = _.plural("waived for {n} day in all", "waived for {n} days in all", waiver.days)
    remarks.append(counted.format(n=waiver.days))
    page.text((" · ".join(remarks), "quiet"), indent=4)


def _span(_: Translator, known: Waivers, waiver: Waiver) -> str:
    end = dates.moment(waiver.ends_at, known.zone, _.language)
    if _counts(known, waiver):
        return _("until {moment}").format(moment=end)
    if waiver.revoked:
        return _("taken back on {moment}").format(moment=end)
    return _("over since {moment}").format(moment=end)


def _counts(known: Waivers, waiver: Waiver) -> bool:
    return waiver.began_at <= known.at < waiver.ends_at
