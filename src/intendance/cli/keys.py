"""`intendance keys`: who can open the backups, and the proof that they still can."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from intendance.agent import proving
from intendance.agent.compose import person
from intendance.agent.proving import Challenge, Custodies, Custody
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Ink, Page, page_for
from intendance.language import dates, durations
from intendance.language.durations import FIXED_SPACE
from intendance.language.texts import Translator, translator
from intendance.model.errors import UsageError
from intendance.model.evidence.keys import KeyProven

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="Who can open the backups, and the proof that they still can.", no_args_is_help=True)
    noun.command("list")(list_keys)
    noun.command("prove")(prove)
    root.add_typer(noun, name="keys")


def list_keys(context: typer.Context, json: Json = False) -> None:
    """List the keys of the plan in force: who holds each, when it was last proven, by when it must be again."""
    invocation: Invocation = context.obj
    found = proving.custodies(invocation.state, invocation.clock)
    if json:
        Output(as_json=True).json(_as_json(found))
        return
    page = page_for(sys.stdout)
    _draw(page, translator(invocation.language, "keys"), found)
    page.write(sys.stdout)


def prove(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]…", help="The keys by their names; else all.")
    ] = None,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the challenges are written.")] = Path(),
    answer: Annotated[str | None, typer.Option(metavar="CODE", help="The code in an opened challenge.")] = None,
    json: Json = False,
) -> None:
    """Write a challenge for each key, which its holder opens with gpg; or record the answer."""
    invocation: Invocation = context.obj
    _ = translator(invocation.language, "keys")
    if answer is None:
        made = proving.challenge(invocation.state, invocation.clock, names=names or [], folder=output)
        _tell_challenges(_, made, json=json)
        return
    if names:
        raise UsageError(message="The answer says by itself which key it is of: leave the names out.")
    record, proven = proving.answer(invocation.state, invocation.clock, answer, actor=person())
    if json:
        evidence = {"node": record.node, "seq": record.seq}
        answered = {"key": proven.name, "fingerprint": proven.fingerprint, "held_by": proven.held_by}
        Output(as_json=True).json({"schema": "intendance.proof/1", **answered, "evidence": evidence})
        return
    typer.echo(_told(_, proven, record.seq))


def _told(_: Translator, proven: KeyProven, seq: int) -> str:
    told = _("The key {key}, held by {holder}, is proven: record {seq} of the ledger.")
    return told.format(key=proven.name, holder=proven.held_by, seq=seq)


def _tell_challenges(_: Translator, made: tuple[tuple[Challenge, Path], ...], *, json: bool) -> None:
    if json:
        challenges = [
            {"key": each.name, "fingerprint": each.fingerprint, "held_by": each.held_by, "file": str(place)}
            for each, place in made
        ]
        Output(as_json=True).json({"schema": "intendance.challenges/1", "challenges": challenges})
        return
    page = page_for(sys.stdout)
    for each, place in made:
        page.text(_("{holder} opens {file} with the key {key}, on their own computer:").format(
            holder=each.held_by, file=place, key=each.name))  # fmt: skip
        page.command(f"gpg --decrypt {place.name}", indent=2)
    page.blank()
    page.text(_("Then type the code that is in it here, within {days} days:").format(days=proving.VALID.days))
    page.command("intendance keys prove --answer CODE", indent=2)
    page.write(sys.stdout)


def _draw(page: Page, _: Translator, found: Custodies) -> None:
    holders = {each.held_by for each in found.keys}
    told = _.plural("{n} key opens the backups of {node}", "{n} keys open the backups of {node}", len(found.keys))
    held = _.plural("held by {n} person", "held by {n} people", len(holders))
    sentence = told.format(n=len(found.keys), node=found.node)
    page.text((_("{keys}, {holders}.").format(keys=sentence, holders=held.format(n=len(holders))), "strong"))
    for each in found.keys:
        page.blank()
        page.text((each.name, "strong"), f" · {each.held_by} · ", (each.fingerprint, "quiet"), indent=2, hang=4)
        sign, ink, state = _state(_, each, found)
        page.text((f"{sign}{FIXED_SPACE}{state}", ink), indent=4)
        if each.asked_at is not None:
            moment = dates.moment(each.asked_at, found.zone, _.language)
            page.text((_("A challenge of {moment} waits for its answer.").format(moment=moment), "quiet"), indent=4)
        if each.here:
            page.text(_("Its private half is in your keyring on this machine: whoever takes the machine may open the"
                        " backups."), indent=4)  # fmt: skip
    if found.recovery is not None:
        page.blank()
        told = _("Private halves that `init` made are still on this machine, in {folder}: give each holder theirs, then"
                 " remove it.")  # fmt: skip
        page.text(told.format(folder=found.recovery))
    if any(each.proven_at is None or each.due_at < found.asked_at for each in found.keys):
        page.blank()
        page.command("intendance keys prove")


def _state(_: Translator, key: Custody, found: Custodies) -> tuple[str, Ink, str]:
    due = dates.moment(key.due_at, found.zone, _.language)
    late = found.asked_at > key.due_at
    if key.proven_at is None:
        told = (
            _("Never proven, and due since {moment}: presumed lost.") if late else _("Not yet proven; due by {moment}.")
        )
        return ("✖", "fail", told.format(moment=due)) if late else ("◔", "soon", told.format(moment=due))
    age = durations.write(max(0, int((found.asked_at - key.proven_at).total_seconds())), _.language)
    if late:
        told = _("Proven {age} ago, and due since {moment}: presumed lost.")
        return "✖", "fail", told.format(age=age, moment=due)
    return "✔", "pass", _("Proven {age} ago; again by {moment}.").format(age=age, moment=due)


def _as_json(found: Custodies) -> dict[str, Any]:
    return {
        "schema": "intendance.keys/1",
        "node": found.node,
        "recovery": None if found.recovery is None else str(found.recovery),
        "keys": [
            {
                "name": each.name,
                "held_by": each.held_by,
                "fingerprint": each.fingerprint,
                "first_seen_at": dates.iso(each.first_seen_at),
                "proven_at": None if each.proven_at is None else dates.iso(each.proven_at),
                "due_at": dates.iso(each.due_at),
                "challenged_at": None if each.asked_at is None else dates.iso(each.asked_at),
                "private_half_here": each.here,
            }
            for each in found.keys
        ],
    }
