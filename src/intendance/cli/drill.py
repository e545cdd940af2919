"""`intendance drill`: a restore that proves that it works."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from intendance.agent import drill_records, drilling
from intendance.agent.drill_records import Drills
from intendance.agent.drilling import Drilled
from intendance.agent.drilling_here import Asked
from intendance.cli.figures import duration, moment, parse
from intendance.cli.output import INTERRUPTED, Invocation, Output
from intendance.cli.page import Page, page_for
from intendance.cli.watching import Onlooker
from intendance.language import dates, durations
from intendance.language.sizes import size
from intendance.language.spoken import told
from intendance.language.texts import Translator, translator
from intendance.model.errors import Exit, UsageError
from intendance.model.errors.drill import DrillCancelled
from intendance.model.evidence.drill import DrillCompleted, Leg
from intendance.model.verdict import Fact
from intendance.system.clock import rfc3339

SHOWN = 20
Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]
OneAsset = Annotated[str, typer.Argument(metavar="ASSET", help="The asset whose backup is tried.")]
Point = Annotated[str | None, typer.Option(metavar="ID", help="This set; else the one whose turn it is.")]
StoreName = Annotated[str | None, typer.Option("--store", help="Take it from this store of the plan, or of that file.")]
FromStore = Annotated[
    str | None,
    typer.Option(
        metavar="STORE", help="Where the sets lie: a folder, or a file with the plan's section `stores`. Needs no node."
    ),
]
NodeName = Annotated[str | None, typer.Option("--node", help="With --from-store: whose sets, where several have some.")]
Fingerprint = Annotated[
    str | None, typer.Option(metavar="FPR", help="With --from-store: the node's key, from its recovery sheet.")
]
HostName = Annotated[
    str | None, typer.Option("--host", metavar="NAME", help="With --from-store: this machine's name, the first time.")
]
Scratch = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Where there is room for what is restored; else /var/tmp.")
]
AnyAsset = Annotated[str | None, typer.Argument(metavar="[ASSET]", help="Only drills of this asset.")]


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Try a restore elsewhere, compare it, and throw it away.", no_args_is_help=True)
    noun.command()(run)
    noun.command("list")(list_drills)
    root.add_typer(noun, name="drill")


def run(  # noqa: PLR0913 -- one parameter per option
    context: typer.Context,
    asset: OneAsset,
    point: Point = None,
    store: StoreName = None,
    from_store: FromStore = None,
    node: NodeName = None,
    fingerprint: Fingerprint = None,
    host: HostName = None,
    scratch: Scratch = None,
    json: Json = False,
) -> None:
    """Restore a set in a sandbox, by the product and by hand, compare what came back, and throw it away."""
    invocation: Invocation = context.obj
    asked = Asked(
        asset=asset,
        point=point,
        store=store,
        scratch=scratch,
        from_store=from_store,
        node=node,
        fingerprint=fingerprint,
        host=host,
    )
    _expect_sense(asked)
    output = Output(as_json=json)
    drilled = _run(invocation, asked, output)
    if json:
        output.json(drilled_json(drilled))
    else:
        page = page_for(sys.stdout)
        draw_drilled(page, translator(invocation.language, "drill"), drilled)
        page.write(sys.stdout)
    if drilled.evidence.passed_over:
        raise typer.Exit(Exit.PARTIAL)


def _run(invocation: Invocation, asked: Asked, output: Output) -> Drilled:
    onlooker = Onlooker(output, invocation.language)
    _ = translator(invocation.language, "drill")

    def trusting(whose: str, key: str, trust: str) -> None:
        if trust == "first_use":
            output.talk(_("{node} signs with {key}: compare it with its recovery sheet. From now on only this key"
                          " counts.").format(node=whose, key=key))  # fmt: skip

    try:
        if asked.from_store is None:
            return drilling.run_here(invocation.state, invocation.clock, asked, onlooker.reading)
        return drilling.run_from_store(invocation.state, invocation.clock, asked, trusting, onlooker.reading)
    except DrillCancelled as cancelled:
        onlooker.ended()
        output.report(cancelled)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        onlooker.ended()


def list_drills(context: typer.Context, asset: AnyAsset = None, json: Json = False) -> None:
    """List the drills that this machine's ledger holds, newest first."""
    invocation: Invocation = context.obj
    found = drill_records.drills(invocation.state, invocation.clock, asset)
    if json:
        Output(as_json=True).json(drills_json(found))
        return
    page = page_for(sys.stdout)
    draw_drills(page, translator(invocation.language, "drill"), found)
    page.write(sys.stdout)


def drilled_json(drilled: Drilled) -> dict[str, Any]:
    """`intendance.drilled/1`; `checks` and `seconds` are those of the product's leg."""
    evidence = drilled.evidence
    (restored, *_) = evidence.legs
    return {
        "schema": "intendance.drilled/1",
        "asset": drilled.asset,
        "point": evidence.set,
        "kind": evidence.kind,
        "store": evidence.store,
        "node": evidence.node,
        "by": evidence.by,
        "target": None,
        "reached": evidence.recovers_to,
        "rpo_seconds": evidence.rpo_seconds,
        "rto_seconds": evidence.rto_ms / 1000,
        "predicted_seconds": None if evidence.predicted_ms is None else evidence.predicted_ms / 1000,
        "passed_over": [{"point": each.set, "fault": each.fault} for each in evidence.passed_over],
        "seconds": _seconds(restored),
        "checks": _checks(restored),
        "legs": [{"name": leg.name, "seconds": _seconds(leg), "checks": _checks(leg)} for leg in evidence.legs],
        "link_bytes_per_second": evidence.link.fetched_bytes * 1000 // evidence.link.fetch_ms,
        "sandbox": list(evidence.sandbox),
        "trust": {
            "fingerprint": evidence.node_fingerprint,
            "why": evidence.trust,
            "signed_by": evidence.signed_by or evidence.node_fingerprint,
        },
        "evidence": {"node": drilled.node, "seq": drilled.seq},
    }


def drills_json(found: Drills) -> dict[str, Any]:
    """`intendance.drills/1`."""
    return {
        "schema": "intendance.drills/1",
        "drills": [_drill_json(fact) for fact in found.facts],
        "due": [
            {"asset": each.asset, "host": each.host, "since": rfc3339(each.since), "by_agent": each.here}
            for each in found.due
        ],
    }


def draw_drilled(page: Page, _: Translator, drilled: Drilled) -> None:
    """What a drill found. Checks are evidence: English."""
    evidence = drilled.evidence
    came_back = _("{asset}: {set} comes back whole, by Intendance and by hand.")
    page.text((came_back.format(asset=drilled.asset, set=evidence.set), "strong"))
    reached = moment(parse(evidence.recovers_to), drilled.zone)
    lost = durations.write(evidence.rpo_seconds, _.language, up=True)
    page.text(_("Reaches {moment}: {lost} would have been lost.").format(moment=reached, lost=lost), indent=2)
    took = duration(evidence.rto_ms / 1000, _.language)
    page.text(_("From {store} to checked data in {took}; {size} before compression.").format(
        store=evidence.store, took=took, size=size(evidence.source_bytes, _.language)), indent=2)  # fmt: skip
    if evidence.predicted_ms is not None:
        expected = duration(evidence.predicted_ms / 1000, _.language)
        page.text(_("Drills before it led to expect {took}.").format(took=expected), indent=2)
    for each in evidence.passed_over:
        said = _("{set} is newer and cannot be used: {fault}")
        fault = told(each.fault, _.language)
        page.text(("◔ ", "soon"), said.format(set=each.set, fault=fault), indent=2, hang=4)
    names = {"restore": _("by Intendance"), "by_hand": _("by hand, with RESTORE.sh")}
    for leg in evidence.legs:
        page.blank()
        page.text(_("{leg}, in {took}:").format(
            leg=names[leg.name], took=duration(leg.phases.total_ms / 1000, _.language)), indent=2)  # fmt: skip
        for check in leg.checks:
            page.text(("✓ ", "pass"), f"{check.name}: {check.found}", indent=4, hang=6)
    page.blank()
    page.text(_("Nothing of it is left here; record {seq} of the ledger of {node}.").format(
        seq=drilled.seq, node=drilled.node), indent=2)  # fmt: skip


def draw_drills(page: Page, _: Translator, found: Drills) -> None:
    """Drills, newest first, below those that are due."""
    for each in found.due:
        since = dates.moment(each.since, found.zone, _.language)
        said = (
            _("{asset}: a drill is due since {moment}; the agent of this node runs it.")
            if each.here
            else _("{asset}: a drill is due on {host} since {moment}, and none is recorded here.")
        )
        page.text(("◔ ", "soon"), said.format(asset=each.asset, host=each.host, moment=since), hang=2)
        if not each.here:
            page.command(f"intendance drill run {each.asset} --from-store STORE")
    if not found.facts:
        page.text(_("No drill is recorded on {node} yet.").format(node=found.node))
        page.command("intendance drill run ASSET")
        return
    for fact in found.facts[:SHOWN]:
        at = dates.moment(fact.at, found.zone, _.language)
        if isinstance(fact.data, DrillCompleted):
            took = duration(fact.data.rto_ms / 1000, _.language)
            said = _("{asset} came back in {took}").format(asset=fact.asset, took=took)
            page.text(("✓ ", "pass"), (said, "strong"), f" · {at}", hang=2)
            page.text((f"{fact.data.set} · {fact.data.store} · {fact.data.by}", "quiet"), indent=2)
        else:
            said = _("{asset} did not come back").format(asset=fact.asset)
            page.text(("✗ ", "fail"), (said, "strong"), f" · {at}", hang=2)
            page.text(told(fact.data.message, _.language), indent=2)
    more = len(found.facts) - SHOWN
    if more > 0:
        page.text((_.plural("and {n} older one", "and {n} older ones", more).format(n=more), "quiet"))


def _expect_sense(asked: Asked) -> None:
    """Raises UsageError."""
    if asked.from_store is None:
        for option, value in (("--node", asked.node), ("--fingerprint", asked.fingerprint), ("--host", asked.host)):
            if value is not None:
                raise UsageError(message=f"`{option}` goes with `--from-store`: here the plan says it.")


def _drill_json(fact: Fact[Any]) -> dict[str, Any]:
    data = fact.data
    completed = isinstance(data, DrillCompleted)
    return {
        "asset": fact.asset,
        "at": rfc3339(fact.at),
        "ok": completed,
        "point": data.set or None,
        "kind": data.kind or None,
        "store": data.store,
        "node": data.node,
        "by": data.by,
        "rpo_seconds": data.rpo_seconds if completed else None,
        "rto_seconds": data.rto_ms / 1000 if completed else None,
        "error": None if completed else {"code": data.error, "message": data.message, "next_step": data.next_step},
        "evidence": {"node": fact.node, "seq": fact.seq},
    }


def _seconds(leg: Leg) -> dict[str, float]:
    phases = leg.phases
    return {
        "fetch": phases.fetch_ms / 1000,
        "decrypt": phases.decrypt_ms / 1000,
        "load": phases.load_ms / 1000,
        "replay": phases.replay_ms / 1000,
        "check": phases.check_ms / 1000,
        "total": phases.total_ms / 1000,
    }


def _checks(leg: Leg) -> list[dict[str, Any]]:
    return [{"name": check.name, "ok": check.ok, "found": check.found} for check in leg.checks]
