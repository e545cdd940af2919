"""`intendance node`: who belongs to the fleet. `join` runs on a node, the others on the manager's machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intendance.agent.compose import person
from intendance.cli.findings import findings, settle
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Ink, Page, page_for
from intendance.language import dates
from intendance.language.texts import Translator, translator
from intendance.model.errors import UsageError

if TYPE_CHECKING:
    from intendance.fleet.nodes.service import NodeSeen

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]
Name = Annotated[str, typer.Argument(metavar="NODE", help="The node's name in the plan.")]


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Who belongs to the fleet.", no_args_is_help=True)
    noun.command("enroll")(enroll)
    noun.command("join")(join)
    noun.command("list")(list_)
    noun.command("decommission")(decommission)
    noun.command("findings")(findings)
    noun.command("settle")(settle)
    root.add_typer(noun, name="node")


def enroll(
    context: typer.Context,
    name: Name,
    key: Annotated[
        str, typer.Option(metavar="FINGERPRINT", help="The one key that may take the place of a known node's.")
    ] = "",
    confirm: Annotated[str, typer.Option(metavar="NODE", help="A known node's name, to let another key in.")] = "",
    json: Json = False,
) -> None:
    """Make a token of 15 minutes with which a node joins; on the manager's machine. A known node needs `--key`."""
    from intendance.fleet.compose import open_nodes

    invocation: Invocation = context.obj
    _expect_fingerprint(key)
    _ = translator(invocation.language, "node")
    with open_nodes(invocation.state, invocation.clock) as (nodes, settings):
        known = nodes.known_key(name)
        if known is not None and key and confirm != name:
            told = _("{node} has the key {known}; the key {asking} would take its place.")
            Output(as_json=json).talk(told.format(node=name, known=known, asking=key))
            raise UsageError(message=f"A known node gets another key: write `--confirm {name}` when both are right.")
        invited = nodes.invite(name, by=person(), pin=settings.pin, key_fingerprint=key or None)
    if json:
        Output(as_json=True).json(
            {
                "schema": "intendance.token/1",
                "node": name,
                "fleet": settings.fleet,
                "token": invited.token.text,
                "expires_at": dates.iso(invited.expires_at),
                "urls": list(settings.urls),
                "known_key": known,
            }
        )
        return
    page = page_for(sys.stdout)
    url = settings.urls[0] if settings.urls else "URL"
    page.text(
        _("For 15 minutes and once. On {node}, keep it in a file that only root may read, then type:").format(node=name)
    )
    page.command(f"intendance node join {url} --token FILE")
    page.blank()
    page.lines.append(invited.token.text)
    page.write(sys.stdout)


def _expect_fingerprint(key: str) -> None:
    if key and (len(key) != 64 or not set(key) <= set("0123456789abcdef")):
        raise UsageError(message="`--key` takes the 64 figures that `node join` showed on the node.")


def join(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The manager's address.")],
    token: Annotated[str, typer.Option(metavar="FILE", help="The file that holds the token; - reads it from stdin.")],
    json: Json = False,
) -> None:
    """Join a fleet's manager with the token that it made for this node; on the node."""
    from intendance.agent import bell
    from intendance.agent.joining import join as join_manager
    from intendance.agent.joining import token_in
    from intendance.agent.layout import StateLayout

    invocation: Invocation = context.obj
    joined = join_manager(invocation.state, url, token_in(_content(token)), invocation.clock)
    told = bell.ring(StateLayout(invocation.state).socket)
    if json:
        Output(as_json=True).json(
            {
                "schema": "intendance.joined/1",
                "fleet": joined.fleet,
                "node": joined.node,
                "incarnation": joined.incarnation,
                "urls": list(joined.urls),
                "agent": told,
            }
        )
        return
    _ = translator(invocation.language, "node")
    page = page_for(sys.stdout)
    page.text(_("{node} belongs to the fleet {fleet} now.").format(node=joined.node, fleet=joined.fleet))
    if not told:
        page.text(_("No agent runs here yet; it says that the node lives as soon as it is started:"))
        page.command("intendance agent")
    page.write(sys.stdout)


def _content(file: str) -> bytes:
    """What the file of a token holds, or stdin. Raises UsageError."""
    if file == "-":
        return sys.stdin.buffer.read(1024)
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(message=f"`--token {file}` cannot be read: {error.strerror}.") from None


def list_(context: typer.Context, json: Json = False) -> None:
    """List the nodes of the fleet, with what was heard of them last; on the manager's machine."""
    from intendance.fleet.compose import open_nodes

    invocation: Invocation = context.obj
    with open_nodes(invocation.state, invocation.clock) as (nodes, settings):
        found = nodes.listed()
    if json:
        answer = {"schema": "intendance.nodes/1", "fleet": settings.fleet, "nodes": [_as_json(each) for each in found]}
        Output(as_json=True).json(answer)
        return
    page = page_for(sys.stdout)
    draw_list(page, translator(invocation.language, "node"), found, settings.zone)
    page.write(sys.stdout)


def draw_list(page: Page, _: Translator, found: Sequence[NodeSeen], zone: str) -> None:
    """The nodes of a fleet, one line each; how the first one joins, where there is none."""
    if not found:
        page.text(_("No node has joined yet."))
        page.command("intendance node enroll NODE")
    for each in found:
        left = ((each.node, _ink(each)), f" · {_state(_, each)}")
        page.row(left, (_heard(_, each, zone), "quiet"), indent=2, hang=4)
        if each.findings:
            count = _.plural("{n} finding about its evidence", "{n} findings about its evidence", each.findings)
            page.text((count.format(n=each.findings), "fail"), indent=4)


def _ink(each: NodeSeen) -> Ink:
    return "strong" if each.state == "up" else "quiet" if each.state == "decommissioned" else "fail"


def _state(_: Translator, each: NodeSeen) -> str:
    return {
        "up": _("heard"),
        "late": _("late"),
        "missing": _("missing"),
        "unobservable": _("not observable"),
        "silenced": _("silenced"),
        "decommissioned": _("decommissioned"),
    }[each.state]


def _heard(_: Translator, each: NodeSeen, zone: str) -> str:
    at = each.last_seen_at
    if at is None:
        return _("never heard")
    return _("last beat on {moment}").format(moment=dates.moment(at, zone, _.language, seconds=True))


def _as_json(each: NodeSeen) -> dict[str, Any]:
    from msgspec import to_builtins  # for machines only

    from intendance.api.shapes import node_shown

    shown: dict[str, Any] = to_builtins(node_shown(each))
    return shown


def decommission(
    context: typer.Context,
    name: Name,
    confirm: Annotated[str, typer.Option(metavar="NODE", help="The node's name once more.")] = "",
    json: Json = False,
) -> None:
    """Let a node speak no more; what it proved until now is kept. On the manager's machine."""
    from intendance.fleet.compose import open_nodes

    invocation: Invocation = context.obj
    if confirm != name:
        raise UsageError(message=f"A node that is put out is heard no more: write `--confirm {name}` to do it.")
    with open_nodes(invocation.state, invocation.clock) as (nodes, _settings):
        size = nodes.decommission(name, by=person())
    if json:
        Output(as_json=True).json({"schema": "intendance.decommissioned/1", "node": name, "trusted_records": size})
        return
    _ = translator(invocation.language, "node")
    page = page_for(sys.stdout)
    counted = _.plural(
        "{node} is heard no more. {n} record of it stays trusted.",
        "{node} is heard no more. {n} records of it stay trusted.",
        size,
    )
    page.text(counted.format(node=name, n=size))
    page.write(sys.stdout)
