"""Building a lost machine anew: `plan recover` and `ledger restart`, with what they say."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intendance.cli.figures import moment, parse
from intendance.cli.output import Invocation, Output
from intendance.language.texts import Translator, translator

if TYPE_CHECKING:
    from intendance.agent.rebuilding import Asked, Recovered, Restarted

DOMAIN = "rebuild"
FromStore = Annotated[
    str,
    typer.Option(metavar="STORE", help="Where the sets lie: a folder, or a file with the plan's section `stores`."),
]
StoreName = Annotated[str | None, typer.Option("--store", help="Which store of that file, where it declares several.")]
NodeName = Annotated[str | None, typer.Option("--node", help="Whose sets, where several nodes have some.")]
Fingerprint = Annotated[
    str | None, typer.Option(metavar="FPR", help="The lost node's key, as its recovery sheet has it.")
]
Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]


def recover(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write it, such as /etc/intendance.")],
    from_store: FromStore,
    store: StoreName = None,
    node: NodeName = None,
    fingerprint: Fingerprint = None,
    json: Json = False,
) -> None:
    """Write a lost node's plan out of its newest backup. Needs the store, and the key of one who can open it."""
    from intendance.agent import rebuilding  # opens stores: not needed by `check`

    asked = rebuilding.Asked(from_store=from_store, store=store, node=node, fingerprint=fingerprint)
    recovered = rebuilding.recover_plan(asked, folder.expanduser().absolute())
    if json:
        Output(as_json=True).json(recovered_json(recovered))
        return
    _ = translator(context.obj.language, DOMAIN)
    for line in recovered_lines(_, recovered, asked):
        typer.echo(line)


def restart(
    context: typer.Context,
    from_store: FromStore,
    store: StoreName = None,
    node: NodeName = None,
    fingerprint: Fingerprint = None,
    confirm: Annotated[
        str | None, typer.Option(metavar="NODE", help="The node's name: its old machine is off and stays off.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Begin a lost node's ledger again: it names the lost one, and takes its sets for its own."""
    from intendance.agent import rebuilding

    invocation: Invocation = context.obj
    asked = rebuilding.Asked(from_store=from_store, store=store, node=node, fingerprint=fingerprint)
    restarted = rebuilding.restart_ledger(invocation.state, invocation.clock, asked, confirm)
    if as_json:
        Output(as_json=True).json(restarted_json(restarted))
        return
    for line in restarted_lines(translator(invocation.language, DOMAIN), restarted):
        typer.echo(line)


def recovered_lines(_: Translator, recovered: Recovered, asked: Asked) -> Iterator[str]:
    """What was written, how old it is, and the next command."""
    manifest = recovered.found.manifest
    yield _("The plan of {node} is in {folder}, as it was in force when {set} was made ({moment}).").format(
        node=manifest.node,
        folder=recovered.folder,
        set=manifest.set,
        moment=moment(parse(manifest.completed_at), "UTC"),
    )
    for name in recovered.files:
        yield f"  {recovered.folder / name}"
    for packed, file in recovered.elsewhere.items():
        yield "  → " + _("The plan looks for {packed} at {file}: put it there, or change the plan.").format(
            packed=packed, file=file
        )
    yield _("What it needs besides stands in no backup: the credentials of stores and databases.")
    yield "  → " + _("Read it, then: {command}").format(command=f"`{_restart_command(recovered, asked)}`")


def _restart_command(recovered: Recovered, asked: Asked) -> str:
    words = ["intendance", "ledger", "restart", "--from-store", asked.from_store]
    words += ["--store", asked.store] if asked.store else []
    words += ["--node", asked.node] if asked.node else []
    words += ["--fingerprint", recovered.found.fingerprint, "--confirm", recovered.found.manifest.node]
    return shlex.join(words)


def restarted_lines(_: Translator, restarted: Restarted) -> Iterator[str]:
    """What the new ledger follows and trusts, and the next command."""
    yield _("A ledger begins again for {node}: {origin}.").format(node=restarted.node, origin=restarted.origin)
    yield _("It follows {former}, known up to {size} records.").format(
        former=restarted.former_origin, size=restarted.former_size
    )
    for key in restarted.found.keys:
        yield _("Sets signed by {key} are this node's.").format(key=key)
    yield _("New ones are signed by {key}: write it on the recovery sheet.").format(key=restarted.openpgp_fingerprint)
    yield "  → " + _("Put the plan in force: {command}").format(command="`intendance plan adopt FILE`")


def recovered_json(recovered: Recovered) -> dict[str, Any]:
    """`intendance.plan-recovered/1`."""
    manifest = recovered.found.manifest
    return {
        "schema": "intendance.plan-recovered/1",
        "fleet": manifest.fleet,
        "node": manifest.node,
        "set": manifest.set,
        "store": recovered.found.store,
        "made_at": manifest.completed_at,
        "fingerprint": recovered.found.fingerprint,
        "folder": str(recovered.folder),
        "files": list(recovered.files),
        "elsewhere": dict(recovered.elsewhere),
        "source_sha256": recovered.source_sha256,
    }


def restarted_json(restarted: Restarted) -> dict[str, Any]:
    """`intendance.ledger-restarted/1`."""
    return {
        "schema": "intendance.ledger-restarted/1",
        "node": restarted.node,
        "origin": restarted.origin,
        "openpgp_fingerprint": restarted.openpgp_fingerprint,
        "former": {"origin": restarted.former_origin, "size": restarted.former_size},
        "trusted_keys": list(restarted.found.keys),
        "set": restarted.found.manifest.set,
        "evidence": {"node": restarted.node, "seq": 0},
    }
