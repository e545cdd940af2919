"""What a machine beside the node does and is believed of: its looks into the stores, and its ledger taken into view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from intendance.agent import inspecting
from intendance.agent.inspecting import AskedElsewhere, Looked, LookedInto
from intendance.cli import outcomes
from intendance.cli.figures import moment, parse
from intendance.cli.output import INTERRUPTED, Invocation, Output, told_error
from intendance.cli.watching import Onlooker
from intendance.language.sizes import number
from intendance.language.texts import Translator, translator
from intendance.ledger.taking import Imported
from intendance.model.errors import Exit
from intendance.model.errors.elsewhere import InspectionCancelled


def look(invocation: Invocation, output: Output, plans: Sequence[Path], asked: AskedElsewhere) -> None:
    """Look into the stores from here, and leave with the contract's code."""
    onlooker = Onlooker(output, invocation.language)
    try:
        looked = inspecting.inspect(invocation.state, invocation.clock, plans, asked, onlooker.reading)
    except InspectionCancelled as cancelled:
        onlooker.ended()
        output.report(cancelled)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        onlooker.ended()
    if output.as_json:
        output.json(as_json(looked))
    else:
        tell(output, translator(invocation.language, "elsewhere", *outcomes.DOMAINS), looked)
        for each in looked.looks:
            for line in told_error(each.error, invocation.language) if each.error is not None else ():
                output.talk(line)
    code = exit_code(looked)
    if code is not Exit.DONE:
        raise typer.Exit(code)


def exit_code(looked: Looked) -> Exit:
    """4 when something is missing, old or faulty, else 1 or 3 when stores could not be read, else 5 when a store's
    clock is wrong."""
    standings = {each.standing for each in looked.looks if each.standing is not None}
    if standings & {"never", "old", "faulty"}:
        return Exit.BROKEN
    if any(each.error is not None for each in looked.looks):
        return Exit.PARTIAL if standings else Exit.FAILED
    if not standings:
        return Exit.FAILED
    return Exit.UNKNOWN if "clock" in standings else Exit.DONE


def as_json(looked: Looked) -> dict[str, Any]:
    """`intendance.inspected/1`."""
    return {
        "schema": "intendance.inspected/1",
        "host": looked.host,
        "fleet": looked.fleet,
        "node": looked.node,
        "fingerprint": looked.fingerprint,
        "trust": looked.trust,
        "stores": [_look_json(looked.host, each) for each in looked.looks],
    }


def _look_json(host: str, each: LookedInto) -> dict[str, Any]:
    error = each.error
    return {
        "asset": each.asset,
        "store": each.store,
        "here": each.here,
        "standing": each.standing,
        "inspection": None if each.seen is None else asdict(each.seen),
        "evidence": None if each.seq is None else {"node": host, "seq": each.seq},
        "error": None if error is None else {"code": error.code, "message": error.message, "next_step": error.advice},
    }


def tell(output: Output, _: Translator, looked: Looked) -> None:
    """The answer for people: each store, then what to do with the record of it."""
    if looked.trust == "first_use" and looked.fingerprint:
        said = _("{node} signs with {key}: compare it with its recovery sheet. From now on only this key counts.")
        output.talk(said.format(node=looked.node, key=looked.fingerprint))
    standings = {
        "never": _("{asset}: NOTHING whole lies in {store}, and the plan schedules backups."),
        "old": _("{asset}: the newest set in {store} is OLDER than the rules allow."),
        "clock": _("{asset}: the clock of {store} contradicts ours: what its dates say is not relied upon."),
    }
    for each in looked.looks:
        if each.seen is not None and each.seq is not None:
            for line in outcomes.inspection_lines(_, each.asset, each.seen, each.seq, looked.zone):
                typer.echo(line)
        elif not each.here:
            typer.echo(
                _("{asset}: {store} is a folder that is not on this machine.").format(
                    asset=each.asset, store=each.store
                )
            )
        if each.standing in standings:
            typer.echo("  " + standings[each.standing].format(asset=each.asset, store=each.store))
    if any(each.seq is not None for each in looked.looks):
        typer.echo("  → " + _("Let {node} know: `intendance ledger export PATH` here, `intendance ledger import PATH`"
                              " there.").format(node=looked.node))  # fmt: skip


def imported_json(imported: Imported) -> dict[str, Any]:
    """`intendance.imported/1`."""
    evidence = {"node": imported.node, "seq": imported.seq}
    return {"schema": "intendance.imported/1", **asdict(imported.evidence), "evidence": evidence}


def tell_imported(_: Translator, imported: Imported) -> None:
    """What came into view, for people."""
    evidence = imported.evidence
    text = _.plural(
        "{n} new record of {host} is in view, {size} in all, the newest of {moment}; ledger record {seq}.",
        "{n} new records of {host} are in view, {size} in all, the newest of {moment}; ledger record {seq}.",
        evidence.added,
    )
    typer.echo(
        text.format(
            n=number(evidence.added, _.language),
            host=evidence.host,
            size=number(evidence.size, _.language),
            moment=moment(parse(evidence.newest_at), imported.zone),
            seq=imported.seq,
        )
    )
    typer.echo("  → " + _("See what it changes: `intendance status`."))
