"""`intendance ledger`: show records, verify them, take the signed checkpoint away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intendance.cli import ledger_pages
from intendance.cli.output import Invocation, Output
from intendance.cli.rebuild import restart
from intendance.language.texts import Translator, translator
from intendance.model.errors import Exit, UsageError
from intendance.system.clock import rfc3339

if TYPE_CHECKING:
    from intendance.agent.ledger_view import Listing, RecordInFull
    from intendance.ledger.report import Report
    from intendance.model.record import Record

# What a command does is imported when it is performed: `--help` needs none of it.

application = typer.Typer(no_args_is_help=True, help="Show and verify the record of everything done.")


def register(root: typer.Typer) -> None:
    """Add this noun to the command line."""
    root.add_typer(application, name="ledger")


AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
AtManager = Annotated[bool, typer.Option("--manager", help="The fleet log, in a state folder that is a node's too.")]


@application.command()
def show(
    context: typer.Context,
    seq: Annotated[int | None, typer.Argument(min=0, help="The number of one record, to read it in full.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind, such as backup.completed.")] = None,
    asset: Annotated[str | None, typer.Option(help="Only this asset.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many, counted from the newest.")] = 20,
    at_manager: AtManager = False,
    as_json: AsJson = False,
) -> None:
    """List the newest records, or show one in full."""
    from intendance.agent import ledger_view

    invocation: Invocation = context.obj
    output = Output(as_json=as_json)
    _note(invocation, output)
    _ = translator(invocation.language, *ledger_pages.DOMAINS)
    state = _ledger_of(invocation.state, at_manager)
    if seq is None:
        listing = ledger_view.list_records(state, invocation.clock, kind=kind, asset=asset, last=last)
        _show_listing(_, listing, output)
    else:
        _show_record(_, ledger_view.one_record(state, invocation.clock, seq), output)


@application.command()
def verify(  # noqa: PLR0913 -- each is an option
    context: typer.Context,
    first: Annotated[int | None, typer.Option("--from", min=0, help="First record of a range.")] = None,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last record of a range, included.")] = None,
    pin: Annotated[Path | None, typer.Option(help="An older checkpoint of this ledger, kept elsewhere.")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="A folder or .tar of `ledger export`, instead of this node.")
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="The key of a witness that must have cosigned it; several times for several."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Whose cosignatures are enough: a C2SP policy, of the fleet log if one is named."
        ),
    ] = None,
    fleet_log: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="An export of the fleet log, whose heads of this ledger are compared with it."
        ),
    ] = None,
    at_manager: AtManager = False,
    as_json: AsJson = False,
) -> None:
    """Verify form, chain, tree and signature. Exit: 0 verified, 1 tampered, 3 incomplete, 5 undetermined."""
    from intendance.agent import ledger_view
    from intendance.agent.against import Kept

    invocation: Invocation = context.obj
    elsewhere = Kept(pin=pin, witnesses=witness or (), policy=policy, fleet_log=fleet_log)
    if bundle is None:
        _note(invocation, Output(as_json=as_json))
        state = _ledger_of(invocation.state, at_manager)
        report = ledger_view.verify_ledger(state, first=first, last=last, elsewhere=elsewhere)
    else:
        report = ledger_view.verify_bundle(bundle, first=first, last=last, elsewhere=elsewhere)
    output = Output(as_json=as_json)
    if as_json:
        output.json(_report_json(report))
    else:
        ledger_pages.report(translator(invocation.language, *ledger_pages.DOMAINS), report, output)
    raise typer.Exit(report.exit_code)


@application.command()
def checkpoint(
    context: typer.Context,
    output_file: Annotated[Path | None, typer.Option("--output", help="Also write it to this new file.")] = None,
    at_manager: AtManager = False,
    as_json: AsJson = False,
) -> None:
    """Sign what is not signed yet and print the checkpoint, to be kept where this machine cannot change it."""
    from intendance.agent import ledger_view

    invocation: Invocation = context.obj
    _note(invocation, Output(as_json=as_json))
    head = ledger_view.take_head(_ledger_of(invocation.state, at_manager), invocation.clock, output_file)
    output = Output(as_json=as_json)
    if as_json:
        output.json(
            {
                "schema": "intendance.checkpoint/1",
                "origin": head.checkpoint.origin,
                "size": head.checkpoint.size,
                "root": head.checkpoint.root.hex(),
                "key": head.key,
                "note": head.checkpoint.note.decode(),
            }
        )
        return
    ledger_pages.head(translator(invocation.language, *ledger_pages.DOMAINS), head, output_file, output)


@application.command()
def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A new folder, or a new file ending in .tar.", metavar="PATH")],
    first: Annotated[int | None, typer.Option("--from", min=0, help="First record of a part of the ledger.")] = None,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last record of a part, included.")] = None,
    node: Annotated[
        str, typer.Option(metavar="NODE", help="A node's ledger as the manager keeps it; on the manager's machine.")
    ] = "",
    incarnation: Annotated[
        int | None, typer.Option(min=1, help="With `--node`: a former ledger of it; 1 is the first.")
    ] = None,
    at_manager: AtManager = False,
    as_json: AsJson = False,
) -> None:
    """Write the records, with what verifies them without Intendance, for an auditor. Exit 3: an attachment is gone."""
    from intendance.agent import ledger_view

    invocation: Invocation = context.obj
    _expect_fitting(node, incarnation, at_manager=at_manager)
    if node:
        from intendance.fleet.compose import take_ledger

        bounds = None if first is None and last is None else (first or 0, last)
        exported = take_ledger(invocation.state, node, path, incarnation=incarnation, bounds=bounds)
    else:
        _note(invocation, Output(as_json=as_json))
        state = _ledger_of(invocation.state, at_manager)
        exported = ledger_view.export_bundle(state, invocation.clock, path, first=first, last=last)
    output = Output(as_json=as_json)
    if as_json:
        output.json(
            {
                "schema": "intendance.export/1",
                "path": str(exported.path),
                "origin": exported.checkpoint.origin,
                "size": exported.checkpoint.size,
                "from": exported.first,
                "to": exported.last,
                "root": exported.checkpoint.root.hex(),
                "key": exported.key,
                "files": exported.files,
                "bytes": exported.bytes,
                "attachments": exported.attachments,
                "missing_attachments": list(exported.missing_attachments),
            }
        )
    else:
        ledger_pages.exported(translator(invocation.language, *ledger_pages.DOMAINS), exported, output)
    raise typer.Exit(Exit.PARTIAL if exported.missing_attachments else Exit.DONE)


def _expect_fitting(node: str, incarnation: int | None, *, at_manager: bool) -> None:
    if node and at_manager:
        raise UsageError(message="`--node` is a node's ledger, `--manager` the fleet log: give one of them.")
    if incarnation is not None and not node:
        raise UsageError(message="`--incarnation` is of a node: name it with `--node`.")


@application.command(name="import")
def import_(
    context: typer.Context,
    bundle: Annotated[Path, typer.Argument(help="A folder or .tar of `ledger export` of a host.", metavar="BUNDLE")],
    at_manager: Annotated[
        bool, typer.Option("--manager", help="Into view of the manager of a state folder that is a node's too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take the ledger of a host of the plan into view, verified: what it proves counts as that host's word."""
    from intendance.agent.compose import person
    from intendance.agent.importing import import_bundle
    from intendance.cli import elsewhere

    invocation: Invocation = context.obj
    if at_manager or _is_managers_alone(invocation.state):
        from intendance.fleet.compose import import_ledger

        imported = import_ledger(invocation.state, invocation.clock, bundle, actor=person())
    else:
        imported = import_bundle(invocation.state, invocation.clock, bundle, actor=person())
    if as_json:
        Output(as_json=True).json(elsewhere.imported_json(imported))
    else:
        elsewhere.tell_imported(translator(invocation.language, "elsewhere"), imported)


def _ledger_of(state: Path, at_manager: bool) -> Path:  # noqa: FBT001 -- as the option says
    """The folder whose ledger is meant: the manager's fleet log where it is asked for, or where there is no other."""
    from intendance.fleet.layout import ManagerLayout

    return ManagerLayout(state).log if at_manager or _is_managers_alone(state) else state


def _is_managers_alone(state: Path) -> bool:
    from intendance.fleet.layout import ManagerLayout
    from intendance.ledger.layout import Layout

    return ManagerLayout(state).settings.exists() and not Layout(state).database.exists()


application.command()(restart)


def _note(invocation: Invocation, output: Output) -> None:
    from intendance.cli.unwritable import note_unwritable

    note_unwritable(invocation, output)


def _show_listing(_: Translator, listing: Listing, output: Output) -> None:
    if output.as_json:
        output.json(
            {
                "schema": "intendance.records/1",
                "origin": listing.origin,
                "size": listing.size,
                "records": [_record_json(record) for record in listing.records],
            }
        )
        return
    ledger_pages.listing(_, listing, output)


def _show_record(_: Translator, found: RecordInFull, output: Output) -> None:
    record, proof = found.record, found.proof
    if output.as_json:
        from intendance.ledger.proof import as_data

        output.json(
            {
                "schema": "intendance.record/1",
                "origin": found.origin,
                "record": _record_json(record),
                "canonical": found.canonical.decode(),
                "leaf_hash": found.leaf.hex(),
                "proof": None if proof is None else as_data(proof),
            }
        )
        return
    ledger_pages.record(_, found, output)


def _report_json(report: Report) -> dict[str, Any]:
    return {
        "schema": "intendance.verification/1",
        "result": report.worst or "verified",
        "origin": report.origin,
        "node": report.node,
        "key": report.key,
        "size": report.size,
        "from": report.first,
        "to": report.last,
        "checked": {"records": report.records, "tiles": report.tiles, "attachments": report.attachments},
        "checkpoint": None if report.signed_size is None else {"size": report.signed_size, "root": report.signed_root},
        "pinned_size": report.pinned_size,
        "witnesses": [{"name": each.name, "size": each.size, "at": rfc3339(each.at)} for each in report.witnesses],
        "counts": {str(fault): count for fault, count in report.counts.items()},
        "quorum": None
        if report.quorum is None
        else {
            "name": report.quorum.name,
            "cosigned": report.quorum.cosigned,
            "witnesses": report.quorum.witnesses,
            "size": report.quorum.size,
        },
        "bound": None if report.bound is None else {"ledgers": report.bound.ledgers, "heads": report.bound.heads},
        "bound_size": report.bound_size,
        "fleet_log": None if report.fleet_log is None else _report_json(report.fleet_log),
        "findings": [
            {"code": str(found.case), "fault": str(found.fault), "where": found.where, "detail": found.detail}
            for found in report.findings
        ],
        "not_checked": report.not_checked,
    }


def _record_json(record: Record) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(record)
