"""`intendance store`: what the stores let us do, tried and recorded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from intendance.agent.attesting import attest as give_word
from intendance.agent.compose import person
from intendance.agent.probing import ProbeRecorded
from intendance.agent.probing import probe as probe_store
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Page, Words, page_for
from intendance.language.texts import Translator, translator
from intendance.model.errors import Exit
from intendance.model.evidence.probe import Attempt


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="What the stores let us do, and where they stand.", no_args_is_help=True)
    noun.callback()(_noun)
    noun.command("probe")(probe)
    noun.command("attest")(attest)
    root.add_typer(noun, name="store")


def _noun() -> None:
    """What the stores let us do, and where they stand."""


def probe(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="STORE", help="A store of the plan in force.")],
    json: Annotated[bool, typer.Option("--json", help="The answer for machines.")] = False,
) -> None:
    """Try what a thief would, on a small object; recorded. Exit 1: nothing is written; 3: unsafe; 5: unclear."""
    invocation: Invocation = context.obj
    recorded = probe_store(invocation.state, invocation.clock, name, actor=person())
    if json:
        Output(as_json=True).json(as_json(recorded))
    else:
        page = page_for(sys.stdout)
        draw(page, translator(invocation.language, "store"), recorded)
        page.write(sys.stdout)
    code = exit_code(recorded)
    if code is not Exit.DONE:
        raise typer.Exit(code)


def attest(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="STORE", help="A store of the plan in force.")],
    region: Annotated[str, typer.Option(help="Where its provider says that it is, as the plan names it.")],
    by: Annotated[str, typer.Option(metavar="CONTACT", help="The contact of the plan whose word it is.")],
    confirm: Annotated[str | None, typer.Option(metavar="STORE", help="The store's name once more.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The answer for machines.")] = False,
) -> None:
    """Take down a person's word on where a store stands, for a year: only Amazon's can be asked."""
    invocation: Invocation = context.obj
    recorded = give_word(
        invocation.state, invocation.clock, name, region=region, by=by, confirmed=confirm, actor=person()
    )
    word = recorded.attested
    if json:
        evidence = {"node": recorded.node, "seq": recorded.seq}
        Output(as_json=True).json({"schema": "intendance.store-attested/1", **asdict(word), "evidence": evidence})
        return
    _ = translator(invocation.language, "store")
    said = _("{store} stands in {region}: the word of {by}, for a year; ledger record {seq}.")
    typer.echo(said.format(store=word.store, region=word.region, by=word.by, seq=recorded.seq))


def exit_code(recorded: ProbeRecorded) -> Exit:
    """What the probe comes to."""
    outcomes = [(each.tried, each.outcome, each.wanted) for each in recorded.probed.attempts]
    if any(outcome != "done" for _tried, outcome, wanted in outcomes if wanted == "done"):
        return Exit.FAILED
    if any(outcome == "done" for _tried, outcome, wanted in outcomes if wanted == "refused"):
        return Exit.PARTIAL
    return Exit.UNKNOWN if any(outcome == "unclear" for _tried, outcome, _wanted in outcomes) else Exit.DONE


def as_json(recorded: ProbeRecorded) -> dict[str, Any]:
    """The answer for machines."""
    evidence = {"node": recorded.node, "seq": recorded.seq}
    return {
        "schema": "intendance.store-probed/1",
        **asdict(recorded.probed),
        "attempts": [asdict(each) for each in recorded.probed.attempts],
        "safe": exit_code(recorded) is Exit.DONE,
        "evidence": evidence,
    }


def draw(page: Page, _: Translator, recorded: ProbeRecorded) -> None:
    """The answer for people: each thing that was tried, the place, the record."""
    probed = recorded.probed
    page.text((_("What {store} let us do: {place}").format(store=probed.store, place=probed.place), "strong"))
    for each in probed.attempts:
        sign, ink = _sign(each)
        page.text((f"{sign} ", ink), (_told(_, each), "plain"), indent=2, hang=4)
        if each.detail and each.outcome != each.wanted:
            page.text((each.detail, "quiet"), indent=4)
    if probed.kind == "s3":
        regions = {
            _("in the plan"): probed.region_declared,
            _("as the bucket says"): probed.region_located,
            _("as its answers say"): probed.region_headed,
            _("endpoint"): probed.endpoint,
        }
        said = ", ".join(f"{name} {region or '—'}" for name, region in regions.items())
        page.text(_("Region: {regions}. The node's: {node}.").format(regions=said, node=probed.node_region or "—"))
        words = {"yes": _("yes"), "no": _("no"), "unclear": _("unclear")}
        kept = _("It keeps versions: {versions}; locks: {locks}.")
        page.text(kept.format(versions=words[probed.versions], locks=words[probed.locks]))
    page.text((_("Recorded: record {seq}.").format(seq=recorded.seq), "quiet"))


def _sign(each: Attempt) -> Words:
    if each.outcome == each.wanted:
        return "✔", "pass"
    return ("?", "unknown") if each.outcome == "unclear" else ("✘", "fail")


def _told(_: Translator, each: Attempt) -> str:
    outcomes: Mapping[str, str] = {"done": _("it let that happen"), "refused": _("refused"), "unclear": _("unclear")}
    tried: Mapping[str, str] = {
        "write": _("Writing an object"),
        "read": _("Reading it back"),
        "overwrite": _("Writing over it"),
        "rename": _("Renaming it"),
        "delete": _("Deleting it"),
        "delete_version": _("Deleting its version for good"),
        "shorten_lock": _("Shortening its lock"),
        "bypass_lock": _("Shortening its lock by the right to bypass"),
        "wrong_checksum": _("Bytes that do not fit their checksum"),
        "wrong_secret": _("Asking with a wrong secret"),
    }
    return f"{tried[each.tried]} — {outcomes[each.outcome]}"
