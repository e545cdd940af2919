"""`intendance node findings` and `settle`: what no sound node does, and that somebody looked into it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intendance.agent.compose import person
from intendance.cli.output import Invocation, Output
from intendance.cli.page import page_for
from intendance.language import dates
from intendance.language.texts import translator

if TYPE_CHECKING:
    from intendance.fleet.ledgers.decide import Doubt

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]


def findings(
    context: typer.Context,
    node: Annotated[str, typer.Argument(metavar="[NODE]", help="Only of this node.")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Those that were settled too.")] = False,
    json: Json = False,
) -> None:
    """List what was found about ledgers that no sound node does, newest first; on the manager's machine."""
    from intendance.fleet.compose import open_findings

    invocation: Invocation = context.obj
    with open_findings(invocation.state, invocation.clock) as (settling, zone):
        found = settling.listed(node, settled=all_)
    if json:
        Output(as_json=True).json({"schema": "intendance.held-findings/1", "findings": [_json(each) for each in found]})
        return
    _ = translator(invocation.language, "findings")
    page = page_for(sys.stdout)
    if not found:
        page.text(_("No finding stands."))
    for each in found:
        moment = dates.moment(each.found_at, zone, _.language)
        told = _("{number} · {node} · {kind}, found on {moment}")
        text = told.format(number=each.id, node=each.node, kind=each.kind, moment=moment)
        page.text((text, "quiet" if each.settled_at is not None else "fail"))
        page.text(each.detail, indent=4)
        if each.settled_at is not None:
            said = _("settled by {person} on {moment}: {reason}")
            moment = dates.moment(each.settled_at, zone, _.language)
            page.text(said.format(person=each.settled_by, moment=moment, reason=each.settled_why), indent=4)
    page.write(sys.stdout)


def settle(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The finding's number: `node findings` says it.")],
    reason: Annotated[str, typer.Option(help="What was looked into, and why the node is believed again.")] = "",
    json: Json = False,
) -> None:
    """Say that a finding was looked into: its node's word counts again, and the finding stays to be read."""
    from intendance.fleet.compose import open_findings

    invocation: Invocation = context.obj
    with open_findings(invocation.state, invocation.clock) as (settling, _zone):
        found = settling.settle(number, by=person(), reason=reason)
    if json:
        Output(as_json=True).json({"schema": "intendance.finding-settled/1", "finding": _json(found)})
        return
    _ = translator(invocation.language, "findings")
    page = page_for(sys.stdout)
    told = _("Finding {number} about {node} is settled; record {seq} of the fleet log says by whom, and why.")
    page.text(told.format(number=found.id, node=found.node, seq=found.settled_seq))
    page.write(sys.stdout)


def _json(each: Doubt) -> dict[str, Any]:
    settled: dict[str, Any] | None = None
    if each.settled_at is not None:
        settled = {"at": dates.iso(each.settled_at), "by": each.settled_by, "reason": each.settled_why,
                   "seq": each.settled_seq}  # fmt: skip
    return {
        "id": each.id,
        "node": each.node,
        "incarnation": each.incarnation,
        "kind": each.kind,
        "subject": each.subject,
        "detail": each.detail,
        "found_at": dates.iso(each.found_at),
        "settled": settled,
    }
