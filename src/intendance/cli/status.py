"""What `intendance status` answers: do the rules hold, since when, why not, and what to type.

It imports no Typer: this page is what people look at every morning, and monitoring every few minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from intendance.agent.judging import Action, Judgement, judge
from intendance.cli import standing, verdicts
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Page, page_for, width_of
from intendance.cli.unwritable import note_unwritable
from intendance.cli.words import Question
from intendance.language import dates
from intendance.language.durations import FIXED_SPACE
from intendance.language.texts import Translator, translator
from intendance.model.errors import Exit
from intendance.model.verdict import WORST_FIRST, State, Verdict
from intendance.system.shown import visible


def answer(invocation: Invocation, asked: Question) -> Exit:
    """Judge the rules of the plan in force and say what was found, on stdout; the exit code that says it too."""
    note_unwritable(invocation, Output(as_json=asked.json))
    judgement = judge(invocation.state, invocation.clock, asset=asked.asset, rule=asked.rule)
    if asked.json:
        Output(as_json=True).json(as_json(judgement))
    else:
        page = page_for(sys.stdout)
        texts = translator(invocation.language, "status", "verdicts", "standing")
        draw(page, texts, judgement, in_full=asked.rule, everything=asked.everything)
        page.write(sys.stdout)
    return judgement.exit_code


def as_json(judgement: Judgement) -> dict[str, Any]:
    """The answer for machines: `summary` counts what this version performs, `verdicts` lists the others too."""
    counts: dict[str, int] = {state.value: count for state, count in judgement.summary.items()}
    return {
        "schema": "intendance.status/1",
        "judged_at": dates.iso(judgement.judged_at),
        "node": judgement.node,
        "catalogues": list(judgement.catalogues),
        "summary": counts | {"not_performed": len(judgement.not_performed)},
        "verdicts": [_verdict_json(judgement, each) for each in (*judgement.verdicts, *judgement.not_performed)],
        "taken_away": [standing.loss_json(each) for each in judgement.losses],
        "next": [
            {
                "command": each.command,
                "advice": each.advice.en,
                "asset": each.asset,
                "rules": list(each.rules),
                "group": each.group,
            }
            for each in judgement.actions
        ],
    }


def _verdict_json(judgement: Judgement, verdict: Verdict) -> dict[str, Any]:
    from msgspec import to_builtins  # for machines only

    from intendance.api.shapes import verdict_shown

    shown: dict[str, Any] = to_builtins(verdict_shown(judgement.rulebook, verdict, judgement.zone))
    return shown


def draw(page: Page, _: Translator, judgement: Judgement, *, in_full: str | None = None, everything: bool) -> None:
    """The answer for people: the answer first, what to do next, then the worst first, then what holds."""
    _answer(page, _, judgement)
    _actions(page, _, judgement.actions)
    for state in verdicts.WANTS_ATTENTION:
        found = [each for each in judgement.verdicts if each.state is state]
        _heading(page, _, state, len(found))
        _entries(page, _, judgement, found, evidence=in_full is not None)
    _settled(page, _, judgement, in_full=in_full is not None)
    if judgement.asset is None and in_full is None:
        standing.draw_losses(page, _, judgement.losses, judgement.zone)
    _parts(page, _, judgement)
    _not_performed(page, _, judgement, everything=everything or in_full is not None)
    page.blank()
    moment = dates.moment(judgement.judged_at, judgement.zone, _.language, seconds=True)
    page.text((_("Judged on {moment}.").format(moment=moment), "quiet"))


def _answer(page: Page, _: Translator, judgement: Judgement) -> None:
    """One sentence. A rule counts once, by the worst of its verdicts."""
    question = _("Do the rules hold for {asset} on {node}?") if judgement.asset else _("Do the rules hold on {node}?")
    page.text((question.format(asset=judgement.asset, node=judgement.node), "quiet"))
    worst: dict[str, State] = {}
    for each in judgement.verdicts:
        worst.setdefault(each.rule, each.state)
    counts = {state: sum(found is state for found in worst.values()) for state in WORST_FIRST}
    alone = next(iter(worst)) if len(worst) == 1 else None
    page.text((_sentence(_, counts, len(worst)) if alone is None else _alone(_, alone, worst[alone]), "strong"))


def _alone(_: Translator, rule: str, state: State) -> str:
    """The answer about one rule."""
    told = {
        State.FAIL: _("No. {rule} is broken."),
        State.ERROR: _("Nobody can tell. The check of {rule} failed."),
        State.UNKNOWN: _("Nobody can tell. {rule} is unknown."),
        State.PENDING: _("{rule} is not yet due."),
        State.WAIVED: _("{rule} is waived."),
        State.PASS: _("Yes: {rule} holds."),
        State.NOT_APPLICABLE: _("{rule} does not apply."),
    }
    return told[state].format(rule=rule)


def _sentence(_: Translator, counts: dict[State, int], rules: int) -> str:
    if rules == 0:
        return _("This version judges none of the rules asked for.")
    unsure = counts[State.UNKNOWN] + counts[State.ERROR]
    scope = _("Of the {n} rules that this version judges").format(n=rules)
    clauses = [
        _.plural("{n} is broken", "{n} are broken", counts[State.FAIL]).format(n=counts[State.FAIL]),
        _.plural("{n} is unknown", "{n} are unknown", unsure).format(n=unsure),
        _.plural("{n} is not yet due", "{n} are not yet due", counts[State.PENDING]).format(n=counts[State.PENDING]),
        _.plural("{n} is waived", "{n} are waived", counts[State.WAIVED]).format(n=counts[State.WAIVED]),
    ]
    shown = [
        clause
        for clause, count in zip(
            clauses, (counts[State.FAIL], unsure, counts[State.PENDING], counts[State.WAIVED]), strict=True
        )
        if count
    ]
    told = _("{scope}, {clauses}.").format(scope=scope, clauses=_join(_, shown))
    if counts[State.FAIL]:
        return f"{_('No.')} {told}"
    if unsure:
        return f"{_('Nobody can tell.')} {told}"
    if counts[State.PENDING]:
        return f"{_('Nothing is broken.')} {told}"
    if counts[State.WAIVED]:
        return f"{_('Nothing is broken without a waiver.')} {told}"
    return _("Yes: the {n} rules that this version judges hold.").format(n=rules - counts[State.NOT_APPLICABLE])


def _join(_: Translator, clauses: list[str]) -> str:
    return ", ".join(clauses[:-1]) + _(" and ") + clauses[-1] if len(clauses) > 1 else "".join(clauses)


def _heading(page: Page, _: Translator, state: State, count: int, *, remark: str = "") -> None:
    if not count:
        return
    page.blank()
    sign, ink = verdicts.shape(state)
    told = f" · {remark}" if remark else ""
    page.text((f"{sign}{FIXED_SPACE}{verdicts.counted(_, state, count)}", ink), (told, "quiet"))


def _entries(page: Page, _: Translator, judgement: Judgement, found: list[Verdict], *, evidence: bool) -> None:
    """In full, one asset after the other."""
    assets = dict.fromkeys(each.asset for each in found)
    for asset in assets:
        page.blank()
        page.text((asset or judgement.node, "strong"))
        mine = [each for each in found if each.asset == asset]
        for group in verdicts.together(judgement, mine, _.language):
            verdicts.entry(page, _, judgement, group, evidence=evidence)


def _settled(page: Page, _: Translator, judgement: Judgement, *, in_full: bool) -> None:
    """What holds, quietly: one line for each rule. What is waived or does not apply, in the same way."""
    for state in (State.WAIVED, State.PASS, State.NOT_APPLICABLE):
        found = [each for each in judgement.verdicts if each.state is state]
        attestors = {each.attested_by for each in found if each.attested_by is not None}
        shared = attestors.pop() if len(attestors) == 1 else None
        _heading(page, _, state, len(found), remark="" if shared is None else verdicts.attested(_, shared))
        if in_full or state is State.WAIVED:
            _entries(page, _, judgement, found, evidence=True)
        else:
            _quiet_lines(page, _, judgement, found, say_who=shared is None)


def _quiet_lines(page: Page, _: Translator, judgement: Judgement, found: list[Verdict], *, say_who: bool) -> None:
    """A line for each rule: its id, for how long it has held for all that it is about, its title, these."""
    lines = []
    for rule in sorted({each.rule for each in found}):
        mine = [each for each in found if each.rule == rule]
        latest = max(mine, key=lambda each: each.since or judgement.judged_at)
        about = ", ".join(each.asset or each.node for each in mine)
        if say_who and latest.attested_by is not None:
            about += f" · {verdicts.attested(_, latest.attested_by)}"
        length = verdicts.lasted(_, judgement, latest)
        told = _("for {length}").format(length=length) if length else ""
        lines.append((rule, told, judgement.rule(latest).title.of(_.language), about))
    ids = max((width_of(rule) for rule, *_rest in lines), default=0)
    lengths = max((width_of(length) for _rule, length, *_rest in lines), default=0)
    hang = 2 + ids + 2 + lengths + 2
    for rule, length, title, about in lines:
        start = f"{rule}{_pad(ids - width_of(rule))}{_pad(2 + lengths - width_of(length))}{length}{_pad(2)}"
        page.text(start, title, (f" ·{FIXED_SPACE}{about}", "quiet"), indent=2, hang=hang if page.width > 80 else 4)


def _pad(columns: int) -> str:
    return FIXED_SPACE * columns


def _parts(page: Page, _: Translator, judgement: Judgement) -> None:
    """Parts of judged rules that this version leaves out: never hidden."""
    parts: dict[str, list[str]] = {}
    for verdict in judgement.verdicts:
        rule = judgement.rule(verdict)
        if rule.later is not None and rule.id not in parts.setdefault(rule.later.of(_.language), []):
            parts[rule.later.of(_.language)].append(rule.id)
    if not parts:
        return
    page.blank()
    page.text((_("Not judged yet in these rules:"), "quiet"))
    for text, rules in sorted(parts.items(), key=lambda each: sorted(each[1])):
        told = _("{rules}: {text}").format(rules=", ".join(sorted(rules)), text=text)
        page.text((told, "quiet"), indent=2, hang=4)


def _not_performed(page: Page, _: Translator, judgement: Judgement, *, everything: bool) -> None:
    count = len(judgement.not_performed)
    if not count:
        return
    page.blank()
    if not everything:
        told = _.plural(
            "{n} more rule is not performed by this version: {command}",
            "{n} more rules are not performed by this version: {command}",
            count,
        )
        page.text((f"– {told.format(n=count, command='intendance status --all')}", "quiet"))
        return
    told = _.plural(
        "{n} more rule is not performed by this version.",
        "{n} more rules are not performed by this version.",
        count,
    )
    page.text((f"–{FIXED_SPACE}{told.format(n=count)}", "quiet"))
    for verdict in judgement.not_performed:
        rule = judgement.rule(verdict)
        page.text((f"{rule.id}{FIXED_SPACE} ", "quiet"), rule.title.of(_.language), indent=2, hang=4)


def _actions(page: Page, _: Translator, actions: Iterable[Action]) -> None:
    found = list(actions)
    if not found:
        return
    page.blank()
    page.text((_.plural("What to do next", "What to do next, in this order", len(found)), "strong"))
    stakes = {
        "data": _("so as not to lose data"),
        "intrusion": _("so that nobody breaks in"),
        "paperwork": _("so that the papers are in order"),
    }
    number = 0
    for group, stake in stakes.items():
        mine = [action for action in found if action.group == group]
        if mine:
            page.text((stake, "quiet"), indent=2)
        for action in mine:
            number += 1
            page.lines.append(visible(f"    {number}{FIXED_SPACE} {action.command}"))
            page.text((f"{action.advice.of(_.language)} ({', '.join(action.rules)})", "quiet"), indent=7)
