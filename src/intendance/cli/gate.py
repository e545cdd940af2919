"""`intendance gate`: may this delivery go ahead? A few lines for a pipeline's log, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from intendance.agent.compose import person
from intendance.agent.gating import Passage, gate
from intendance.cli import verdicts
from intendance.cli.fleet_status import Authority, Manager, Node, Token, Where, answer, where
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Page, Words, page_for
from intendance.language import dates
from intendance.language.durations import FIXED_SPACE
from intendance.language.texts import Translator, translator
from intendance.model.errors import Exit, UsageError
from intendance.model.verdict import State, Verdict


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("gate", help="Whether a delivery may go ahead: for pipelines.")(ask)


def ask(
    context: typer.Context,
    fixes: Annotated[
        str | None, typer.Option(metavar="RULE", help="Let a repair of this broken rule through; it is recorded.")
    ] = None,
    ticket: Annotated[
        str | None, typer.Option(metavar="TICKET", help="The ticket under which the repair is made.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The answer for machines.")] = False,
    manager: Manager = "",
    token: Token = "",
    authority: Authority = "",
    node: Node = "",
) -> None:
    """Judge the rules of the plan in force. Exit 4: a blocking rule is broken; 5: one is unknown."""
    invocation: Invocation = context.obj
    asked = where(manager, token, authority, node)
    if asked is not None:
        _ask_manager(invocation, asked, fixes or ticket, json=json)
        return
    passage = gate(invocation.state, invocation.clock, fixes=fixes, ticket=ticket, actor=person())
    if json:
        Output(as_json=True).json(as_json(passage))
    else:
        page = page_for(sys.stdout)
        draw(page, translator(invocation.language, "gate", "verdicts"), passage)
        page.write(sys.stdout)
    if passage.exit_code is not Exit.DONE:
        raise typer.Exit(passage.exit_code)


def _ask_manager(invocation: Invocation, asked: Where, repair: str | None, *, json: bool) -> None:
    if repair:
        raise UsageError(message="A repair is let through on its node, where it is recorded: leave out `--manager`.")
    code = answer(invocation, asked, question="gate", json=json)
    if code is not Exit.DONE:
        raise typer.Exit(code)


def as_json(passage: Passage) -> dict[str, Any]:
    """The answer for machines."""
    judgement = passage.judgement
    return {
        "schema": "intendance.gate/1",
        "open": passage.exit_code is Exit.DONE,
        "judged_at": dates.iso(judgement.judged_at),
        "node": judgement.node,
        "scope": {
            "catalogues": list(judgement.catalogues),
            "assets": list(judgement.assets),
            "performed": _rules(judgement.verdicts),
            "not_performed": _rules(judgement.not_performed),
        },
        "closed_by": [_verdict_json(passage, each) for each in passage.closing],
        "waived": [_verdict_json(passage, each) for each in _waived(passage)],
        "let_through": [_verdict_json(passage, each) for each in passage.let_through],
        "fixes": passage.fixes,
        "ticket": passage.ticket,
        "evidence": None if passage.record is None else {"node": passage.record.node, "seq": passage.record.seq},
    }


def _verdict_json(passage: Passage, verdict: Verdict) -> dict[str, Any]:
    return {
        "rule": verdict.rule,
        "asset": verdict.asset,
        "state": verdict.state.value,
        "severity": verdict.severity.value,
        "since": None if verdict.since is None else dates.iso(verdict.since),
        "because": verdicts.because(passage.judgement, verdict, "en"),
        "next_step": passage.judgement.command(verdict) or passage.judgement.advice(verdict).en,
    }


def _rules(found: Sequence[Verdict]) -> list[str]:
    return sorted({each.rule for each in found})


def _waived(passage: Passage) -> tuple[Verdict, ...]:
    """What is broken and does not close the gate, since somebody answers for it."""
    return tuple(each for each in passage.judgement.verdicts if each.state is State.WAIVED)


def draw(page: Page, _: Translator, passage: Passage) -> None:
    """The answer for people: open or shut, what shuts it, what was let through, what was judged."""
    _answer(page, _, passage)
    for verdict in passage.closing:
        _closing(page, _, passage, verdict)
    for verdict in passage.let_through:
        page.blank()
        _line(page, _, passage, verdict)
        page.text(verdicts.because(passage.judgement, verdict, _.language), indent=4)
    if passage.let_through:
        _let_through(page, _, passage)
    page.blank()
    _scope(page, _, passage)


def _answer(page: Page, _: Translator, passage: Passage) -> None:
    if passage.exit_code is Exit.BROKEN:
        told, state = _("The gate of {node} is shut: a blocking rule is broken."), State.FAIL
    elif passage.exit_code is Exit.UNKNOWN:
        told, state = _("The gate of {node} is shut: nobody can tell whether a blocking rule holds."), State.UNKNOWN
    elif passage.let_through:
        told, state = _("The gate of {node} is open for a repair of {rule}, ticket {ticket}."), State.PASS
    else:
        told, state = _("The gate of {node} is open: no blocking rule is broken."), State.PASS
    sign, ink = verdicts.shape(state)
    sentence = told.format(node=passage.judgement.node, rule=passage.fixes, ticket=passage.ticket)
    page.text((f"{sign}{FIXED_SPACE}", ink), (sentence, "strong"), hang=2)


def _closing(page: Page, _: Translator, passage: Passage, verdict: Verdict) -> None:
    judgement = passage.judgement
    page.blank()
    _line(page, _, passage, verdict)
    page.text(verdicts.because(judgement, verdict, _.language), indent=4)
    command = judgement.command(verdict)
    if command is None:
        page.text(judgement.advice(verdict).of(_.language), indent=4)
    else:
        page.command(command, indent=4)


def _let_through(page: Page, _: Translator, passage: Passage) -> None:
    page.blank()
    if passage.record is None:
        told = _("The repair of {rule} would be let through under {ticket}; what else is wrong keeps the gate shut.")
        page.text(told.format(rule=passage.fixes, ticket=passage.ticket), indent=2)
    else:
        page.text(_("Let through and recorded: record {seq}.").format(seq=passage.record.seq), indent=2)
        page.command(f"intendance ledger show {passage.record.seq}", indent=2)


def _line(page: Page, _: Translator, passage: Passage, verdict: Verdict) -> None:
    sign, ink = verdicts.shape(verdict.state)
    title = passage.judgement.rule(verdict).title.of(_.language)
    left: tuple[Words, ...] = (
        (f"{sign}{FIXED_SPACE}", ink),
        (verdict.asset or verdict.node, "strong"),
        (f" · {title}", "plain"),
    )
    page.row(left, (verdict.rule, "quiet"), indent=2, hang=4)


def _scope(page: Page, _: Translator, passage: Passage) -> None:
    judgement = passage.judgement
    page.text((_("What was judged"), "quiet"))
    performed, others = _rules(judgement.verdicts), _rules(judgement.not_performed)
    rows = (
        (_("catalogues"), ", ".join(judgement.catalogues)),
        (_("assets"), ", ".join(judgement.assets)),
        (_("rules"), ", ".join(performed)),
        *((_("waived"), ", ".join(_rules(waived))) for waived in [_waived(passage)] if waived),
        (
            _("not judged"),
            _.plural(
                "{n} rule that this version does not perform",
                "{n} rules that this version does not perform",
                len(others),
            ).format(n=len(others)),
        ),
    )
    column = 2 + max(len(name) for name, _told in rows) + 2
    for name, told in rows:
        page.text((name + FIXED_SPACE * (column - 2 - len(name)), "quiet"), (told, "quiet"), indent=2, hang=column)
    moment = dates.moment(judgement.judged_at, judgement.zone, _.language, seconds=True)
    page.text((_("Judged on {moment}.").format(moment=moment), "quiet"))
