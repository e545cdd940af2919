"""`intendance ledger`: show records, verify them, take the signed checkpoint away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intendance.cli.ledger_words import summary
from intendance.cli.output import Invocation, Output
from intendance.language.sizes import number, size
from intendance.model.errors import Exit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from intendance.agent.ledger_view import Listing, RecordInFull
    from intendance.ledger.report import Report
    from intendance.model.record import Record

# What a command does is imported when it is performed: `--help` needs none of it.

application = typer.Typer(no_args_is_help=True, help="Show and verify the record of everything done.")


def register(root: typer.Typer) -> None:
    """Add this noun to the command line."""
    root.add_typer(application, name="ledger")


_WIDE = 140
"""Columns of a terminal from which on the actor fits beside what was done; `show NUMBER` always has it."""

AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@application.command()
def show(
    context: typer.Context,
    seq: Annotated[int | None, typer.Argument(min=0, help="The number of one record, to read it in full.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind, such as backup.completed.")] = None,
    asset: Annotated[str | None, typer.Option(help="Only this asset.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many, counted from the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest records, or show one in full."""
    from intendance.agent import ledger_view

    invocation: Invocation = context.obj
    output = Output(as_json=as_json)
    _note(invocation, output)
    if seq is None:
        listing = ledger_view.list_records(invocation.state, invocation.clock, kind=kind, asset=asset, last=last)
        _show_listing(listing, output)
    else:
        _show_record(ledger_view.one_record(invocation.state, invocation.clock, seq), output)


@application.command()
def verify(
    context: typer.Context,
    first: Annotated[int | None, typer.Option("--from", min=0, help="First record of a range.")] = None,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last record of a range, included.")] = None,
    pin: Annotated[Path | None, typer.Option(help="An older checkpoint of this ledger, kept elsewhere.")] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="A folder or .tar of `ledger export`, instead of this node.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify form, chain, tree and signature. Exit: 0 verified, 1 tampered, 3 incomplete, 5 undetermined."""
    from intendance.agent import ledger_view

    invocation: Invocation = context.obj
    if bundle is None:
        _note(invocation, Output(as_json=as_json))
        report = ledger_view.verify_ledger(invocation.state, first=first, last=last, pin=pin)
    else:
        report = ledger_view.verify_bundle(bundle, first=first, last=last, pin=pin)
    output = Output(as_json=as_json)
    if as_json:
        output.json(_report_json(report))
    else:
        _show_report(report, output)
    raise typer.Exit(report.exit_code)


@application.command()
def checkpoint(
    context: typer.Context,
    output_file: Annotated[Path | None, typer.Option("--output", help="Also write it to this new file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sign what is not signed yet and print the checkpoint, to be kept where this machine cannot change it."""
    from intendance.agent import ledger_view

    invocation: Invocation = context.obj
    _note(invocation, Output(as_json=as_json))
    head = ledger_view.take_head(invocation.state, invocation.clock, output_file)
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
    typer.echo(head.checkpoint.note.decode(), nl=False)
    where = output_file or "FILE"
    output.talk("")
    output.talk(f"This signs {number(head.checkpoint.size)} records. Keep it where this machine cannot change it:")
    output.talk("printed, mailed to somebody, on another machine. To see later that nothing was rewritten since:")
    output.talk(f"  intendance ledger verify --pin {where}")
    output.talk(f"The key that verifies it: {head.key}")


@application.command()
def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A new folder, or a new file ending in .tar.", metavar="PATH")],
    first: Annotated[int | None, typer.Option("--from", min=0, help="First record of a part of the ledger.")] = None,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last record of a part, included.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the records, with what verifies them without Intendance, for an auditor. Exit 3: an attachment is gone."""
    from intendance.agent import ledger_view

    invocation: Invocation = context.obj
    _note(invocation, Output(as_json=as_json))
    exported = ledger_view.export_bundle(invocation.state, invocation.clock, path, first=first, last=last)
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
        count, whole = exported.last + 1 - exported.first, exported.checkpoint.size
        part = "" if count == whole else f", {exported.first} to {exported.last} of {number(whole)},"
        typer.echo(f"{number(count)} records{part} of {exported.checkpoint.origin} are in {exported.path}:")
        typer.echo(f"{number(exported.files)} files, {size(exported.bytes)}. README.txt says how to verify them.")
        for missing in exported.missing_attachments:
            output.talk(f"The attachment {missing} is not in this node's state folder, so it is missing there too.")
        output.talk(f"Give the auditor the key by another way, for instance by telephone: {exported.key}")
    raise typer.Exit(Exit.PARTIAL if exported.missing_attachments else Exit.DONE)


def _note(invocation: Invocation, output: Output) -> None:
    from intendance.cli.unwritable import note_unwritable

    note_unwritable(invocation, output)


def _show_listing(listing: Listing, output: Output) -> None:
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
    if not listing.records:
        output.talk(f"None of the {number(listing.size)} records matches.")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("no.", justify="right", style="dim", no_wrap=True)
    for title in (f"time ({listing.zone})", "kind", "asset"):
        table.add_column(title, no_wrap=True)
    table.add_column("what", overflow="fold", ratio=1)
    wide = output.console().width >= _WIDE
    if wide:
        table.add_column("by", no_wrap=True, max_width=26, style="dim")
    for record in listing.records:
        table.add_row(
            str(record.seq),
            _local(record.ts, listing.zone)[:19],
            Text(record.kind, style=_style(record.kind)),
            Text(record.asset or "–"),
            Text(summary(record)),
            *([Text(record.actor)] if wide else []),
        )
    _print_table(output.console(), table)
    shown = len(listing.records)
    output.talk(
        f"{shown} of {number(listing.size)} records of {listing.origin}. One in full: `intendance ledger show NUMBER`."
    )


def _show_record(found: RecordInFull, output: Output) -> None:
    record, proof = found.record, found.proof
    if output.as_json:
        output.json(
            {
                "schema": "intendance.record/1",
                "origin": found.origin,
                "record": _record_json(record),
                "canonical": found.canonical.decode(),
                "leaf_hash": found.leaf.hex(),
                "proof": None
                if proof is None
                else {
                    "size": proof.checkpoint.size,
                    "root": proof.checkpoint.root.hex(),
                    "hashes": [step.hex() for step in proof.hashes],
                    "checkpoint": proof.checkpoint.note.decode(),
                },
            }
        )
        return
    from rich.table import Table
    from rich.text import Text

    console = output.console()
    console.print(Text.assemble(("Record ", "bold"), (str(record.seq), "bold"), f"  {summary(record)}"), soft_wrap=True)
    console.print()
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
        ("log", found.origin),
        ("time", f"{_local(record.ts, found.zone)}  ({record.ts})"),
        ("kind", record.kind),
        ("asset", record.asset or "–"),
        ("run", record.run or "–"),
        ("by", record.actor),
        ("boot", f"{record.boot}, {record.mono_us / 1_000_000:.6f} s after its start"),
        ("previous", record.prev),
        *((f"data.{name}", _plain(value)) for name, value in record.data.items()),
        *(("attachment", f"{a.sha256}  {size(a.size)}  {a.media}") for a in record.attachments),
        ("leaf hash", found.leaf.hex()),
        ("proof", _proof_sentence(found)),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    _print_table(console, table)


def _proof_sentence(found: RecordInFull) -> str:
    proof = found.proof
    if proof is None:
        return "none yet: this record is not signed; `intendance ledger checkpoint` signs it"
    count = len(proof.hashes)
    return (
        f"{count} hashes, {32 * count} bytes, lead to the signed root of {number(proof.checkpoint.size)} records"
        f" ({proof.checkpoint.root.hex()[:16]}…): checked"
    )


def _show_report(report: Report, output: Output) -> None:
    from rich.text import Text

    console = output.console()
    words = {None: ("VERIFIED", "bold green"), "tampered": ("TAMPERED", "bold red")}
    word, style = words.get(report.worst, (str(report.worst).upper(), "bold yellow"))
    title = Text.assemble((word, style), f"  the ledger of {report.node or 'this node'}", (f"  {report.origin}", "dim"))
    console.print(title, soft_wrap=True)
    console.print()
    for line in _facts(report):
        console.print(Text(f"  {line}"), soft_wrap=True)
    for finding in report.findings:
        where, why = (finding.where, "bold"), f": {finding.detail} "
        console.print(Text.assemble(("  ✗ ", "red"), where, why, (f"({finding.fault})", "dim")), soft_wrap=True)
    beyond = sum(report.counts.values()) - len(report.findings)
    if beyond:
        console.print(f"  … and {number(beyond)} more findings", soft_wrap=True)
    console.print()
    console.print(Text("Not checked", style="bold"))
    for sentence in report.not_checked:
        console.print(Text(f"  · {sentence}"), soft_wrap=True)


def _facts(report: Report) -> list[str]:
    lines: list[str] = []
    if report.records:
        lines.append(
            f"records     {number(report.records)} of {number(report.size)} read, {report.first} to {report.last}:"
            " form, kind, chain, place in the tree"
        )
    if report.tiles:
        lines.append(f"files       {number(report.tiles)} tiles and bundles compared with the records")
    if report.attachments:
        lines.append(f"attachments {number(report.attachments)} hashed")
    if report.signed_size is not None:
        lines.append(f"checkpoint  signs {number(report.signed_size)} records, root {report.signed_root}")
    if report.pinned_size is not None:
        lines.append(f"pinned      an older checkpoint of {number(report.pinned_size)} records compared")
    if report.key:
        lines.append(f"key         {report.key}")
    return lines


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
        "counts": {str(fault): count for fault, count in report.counts.items()},
        "findings": [
            {"fault": str(found.fault), "where": found.where, "detail": found.detail} for found in report.findings
        ],
        "not_checked": report.not_checked,
    }


def _record_json(record: Record) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(record)


def _print_table(console: Console, table: Table) -> None:
    """A table without the blanks that would fill its last column."""
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        typer.echo(line.rstrip())


def _local(ts: str, zone: str) -> str:
    """A record's time as people read it: the plan's zone, as in `status`; seconds, the zone's name."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return datetime.fromisoformat(ts).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _plain(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _style(kind: str) -> str:
    if kind.endswith((".failed", ".missed")):
        return "red"
    return "green" if kind.endswith(".completed") else ""
