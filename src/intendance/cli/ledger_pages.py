"""What `intendance ledger` shows to people: records, one in full, a verification, a signed head, a bundle."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from intendance.cli.ledger_words import summary
from intendance.cli.output import Output
from intendance.language.sizes import number, size
from intendance.language.spoken import told
from intendance.language.texts import Translator
from intendance.ledger.origin import FLEET_LOG
from intendance.system.shown import bare, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from intendance.agent.ledger_view import Head, Listing, RecordInFull
    from intendance.ledger.export import Exported
    from intendance.ledger.report import Quorum, Report

DOMAINS = ("ledger_pages", "ledger_words")
_WIDE = 140
"""Columns of a terminal from which on the actor fits beside what was done; `show NUMBER` always has it."""


def listing(_: Translator, found: Listing, output: Output) -> None:
    """The newest records as a table."""
    total = number(found.size, _.language)
    if not found.records:
        output.talk(_("None of the {total} records matches.").format(total=total))
        return
    from rich.table import Table  # drawn only for people
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(_("no."), justify="right", style="dim", no_wrap=True)
    for title in (_("time ({zone})").format(zone=found.zone), _("kind"), _("asset")):
        table.add_column(title, no_wrap=True)
    table.add_column(_("what"), overflow="fold", ratio=1)
    wide = output.console().width >= _WIDE
    if wide:
        table.add_column(_("by"), no_wrap=True, max_width=26, style="dim")
    for record in found.records:
        table.add_row(
            str(record.seq),
            _local(record.ts, found.zone)[:19],
            Text(visible(record.kind), style=_style(record.kind)),
            Text(visible(record.asset or "–")),
            Text(visible(summary(_, record))),
            *([Text(visible(record.actor))] if wide else []),
        )
    _print_table(output.console(), table)
    said = _("{shown} of {total} records of {origin}. One in full: {command}.")
    command = "`intendance ledger show NUMBER`"
    shown = number(len(found.records), _.language)
    output.talk(said.format(shown=shown, total=total, origin=found.origin, command=command))


def record(_: Translator, found: RecordInFull, output: Output) -> None:
    """One record with all that it says, and its proof."""
    from rich.table import Table
    from rich.text import Text

    shown, console = found.record, output.console()
    title = (_("Record {seq}").format(seq=shown.seq), "bold")
    console.print(Text.assemble(title, visible(f"  {summary(_, shown)}")), soft_wrap=True)
    console.print()
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _members(_, found):
        table.add_row(Text(visible(name)), Text(visible(value)))
    _print_table(console, table)


def _members(_: Translator, found: RecordInFull) -> Iterator[tuple[str, str]]:
    shown = found.record
    seconds = f"{shown.mono_us / 1_000_000:.6f}"
    yield _("log"), found.origin
    yield _("time"), f"{_local(shown.ts, found.zone)}  ({shown.ts})"
    yield _("kind"), shown.kind
    yield _("asset"), shown.asset or "–"
    yield _("run"), shown.run or "–"
    yield _("by"), shown.actor
    yield _("boot"), _("{boot}, {seconds} s after its start").format(boot=shown.boot, seconds=seconds)
    yield _("previous"), shown.prev
    for name, value in shown.data.items():
        yield f"data.{name}", _plain(value)
    for each in shown.attachments:
        yield _("attachment"), f"{each.sha256}  {size(each.size, _.language)}  {each.media}"
    yield _("leaf hash"), found.leaf.hex()
    yield _("proof"), _proof(_, found)


def _proof(_: Translator, found: RecordInFull) -> str:
    proof = found.proof
    if proof is None:
        return _("none yet: this record is not signed; {command} signs it").format(
            command="`intendance ledger checkpoint`"
        )
    text = _("{count} hashes, {bytes} bytes, lead to the signed root of {total} records ({root}…): checked")
    count, root = len(proof.hashes), proof.checkpoint.root.hex()[:16]
    return text.format(count=count, bytes=32 * count, total=number(proof.checkpoint.size, _.language), root=root)


def report(_: Translator, found: Report, output: Output) -> None:
    """What a verification found, and what it could not see; first that of the fleet log it was compared with."""
    from rich.text import Text

    console, columns = output.console(), output.columns()
    words = _outcomes(_)
    if found.fleet_log is not None:
        _part_of_report(_, found.fleet_log, found.fleet_log.own, console, columns)
    _part_of_report(_, found, found.own, console, columns)
    if found.fleet_log is not None:
        console.print(Text.assemble(_("In all"), "  ", words[found.worst]), soft_wrap=True)
        console.print()
    console.print(Text(_("Not checked"), style="bold"))
    for sentence in found.not_checked:
        said = visible(f"  · {told(sentence, _.language)}")
        console.print(Text(_folded(said, 4, columns)), soft_wrap=True)


def _outcomes(_: Translator) -> dict[str | None, tuple[str, str]]:
    return {
        None: (_("VERIFIED"), "bold green"),
        "tampered": (_("TAMPERED"), "bold red"),
        "incomplete": (_("INCOMPLETE"), "bold yellow"),
        "undetermined": (_("UNDETERMINED"), "bold yellow"),
    }


def _folded(line: str, hang: int, columns: int | None) -> str:
    """A line as wide as the terminal at most, the rest at `hang`; a key or a hash stays whole, to be copied."""
    words = line[hang:].split()
    if columns is None or len(words) == 1:
        return line
    rest = " " * (hang if hang + max(map(len, words)) <= columns else 4)
    return "\n".join(
        textwrap.wrap(line, columns, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
    )


def _part_of_report(_: Translator, found: Report, worst: str | None, console: Console, columns: int | None) -> None:
    from rich.text import Text

    words = _outcomes(_)
    title = Text.assemble(words[worst], visible(f"  {_whose(_, found)}"), (visible(f"  {found.origin}"), "dim"))
    console.print(title, soft_wrap=True)
    console.print()
    facts = list(_facts(_, found))
    width = max((len(name) for name, _said in facts), default=0)
    for name, said in facts:
        line = visible(f"  {name:{width}} {said}")
        console.print(Text(_folded(line, width + 3, columns)), soft_wrap=True)
    for finding in found.findings:
        where, why = (
            (visible(told(finding.where, _.language)), "bold"),
            visible(_(": {detail} ").format(detail=told(finding.detail, _.language))),
        )
        fault = f"({words[finding.fault][0].lower()})"
        console.print(Text.assemble(("  ✗ ", "red"), where, why, (fault, "dim")), soft_wrap=True)
    beyond = sum(found.counts.values()) - len(found.findings)
    if beyond:
        console.print("  … " + _("and {n} more findings").format(n=number(beyond, _.language)), soft_wrap=True)
    console.print()


def _whose(_: Translator, found: Report) -> str:
    if found.node == FLEET_LOG:
        return _("the fleet log")
    return _("the ledger of {node}").format(node=found.node) if found.node else _("the ledger of this node")


def _facts(_: Translator, found: Report) -> Iterator[tuple[str, str]]:
    def n(count: int) -> str:
        return number(count, _.language)

    if found.records:
        text = _("{n} of {total} read, {first} to {last}: form, kind, chain, place in the tree")
        yield _("records"), text.format(n=n(found.records), total=n(found.size), first=found.first, last=found.last)
    if found.tiles:
        yield _("files"), _("{n} tiles and bundles compared with the records").format(n=n(found.tiles))
    if found.attachments:
        yield _("attachments"), _("{n} hashed").format(n=n(found.attachments))
    if found.signed_size is not None:
        text = _("signs {n} records, root {root}")
        yield _("checkpoint"), text.format(n=n(found.signed_size), root=found.signed_root)
    yield from _elsewhere(_, found)
    if found.key:
        yield _("key"), found.key


def _elsewhere(_: Translator, found: Report) -> Iterator[tuple[str, str]]:
    """What others keep of it."""

    def n(count: int) -> str:
        return number(count, _.language)

    if found.pinned_size is not None:
        yield _("pinned"), _("an older checkpoint of {n} records compared").format(n=n(found.pinned_size))
    for each in found.witnesses:
        text = _("{name} cosigned {n} records at {at} UTC")
        yield _("witness"), text.format(name=each.name, n=n(each.size), at=f"{each.at:%Y-%m-%d %H:%M:%S}")
    if found.quorum is not None and found.quorum.witnesses:
        yield _("quorum"), _quorum(_, found.quorum)
    if found.bound is not None:
        text = _("{heads} heads of {ledgers} ledgers of nodes stand in it")
        yield _("nodes"), text.format(heads=n(found.bound.heads), ledgers=n(found.bound.ledgers))
    if found.bound_size is not None:
        yield _("fleet log"), _("binds {n} records of it").format(n=n(found.bound_size))


def _quorum(_: Translator, quorum: Quorum) -> str:
    cosigned = _("{name}: {n} of {of} witnesses cosigned").format(
        name=quorum.name, n=quorum.cosigned, of=quorum.witnesses
    )
    if quorum.size is None:
        return cosigned
    return _("{cosigned}, enough for {n} records").format(cosigned=cosigned, n=number(quorum.size, _.language))


def head(_: Translator, found: Head, kept: Path | None, output: Output) -> None:
    """A signed head, and what to do with it."""
    typer.echo(found.checkpoint.note.decode(), nl=False)
    total = number(found.checkpoint.size, _.language)
    output.talk("")
    output.talk(_("This signs {total} records. Keep it where this machine cannot change it:").format(total=total))
    output.talk(_("printed, mailed to somebody, on another machine. To see later that nothing was rewritten since:"))
    output.talk(f"  intendance ledger verify --pin {kept or _('FILE')}")
    output.talk(_("The key that verifies it: {key}").format(key=found.key))


def exported(_: Translator, found: Exported, output: Output) -> None:
    """What a bundle holds, and what its auditor needs besides."""
    count, whole = found.last + 1 - found.first, found.checkpoint.size
    text = (
        _("{n} records of {origin} are in {path}:")
        if count == whole
        else _("{n} records, {first} to {last} of {whole}, of {origin} are in {path}:")
    )
    typer.echo(
        text.format(
            n=number(count, _.language),
            first=found.first,
            last=found.last,
            whole=number(whole, _.language),
            origin=found.checkpoint.origin,
            path=found.path,
        )
    )
    files = _("{n} files, {size}. README.txt says how to verify them.")
    typer.echo(files.format(n=number(found.files, _.language), size=size(found.bytes, _.language)))
    for missing in found.missing_attachments:
        text = _("The attachment {sha256} is not in this node's state folder, so it is missing there too.")
        output.talk(text.format(sha256=missing))
    output.talk(_("Give the auditor the key by another way, for instance by telephone: {key}").format(key=found.key))


def _print_table(console: Console, table: Table) -> None:
    """A table without the blanks that would fill its last column."""
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        bare(sys.stdout).write(line.rstrip() + "\n")  # drawn of cells already visible


def _local(ts: str, zone: str) -> str:
    """A record's time as people read it: the plan's zone, as in `status`; seconds, the zone's name."""
    return datetime.fromisoformat(ts).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _style(kind: str) -> str:
    if kind.endswith((".failed", ".missed")):
        return "red"
    return "green" if kind.endswith(".completed") else ""
