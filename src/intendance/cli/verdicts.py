"""Verdicts in words and shapes: never colour alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from intendance.agent.judging import Judgement
from intendance.cli import standing
from intendance.cli.page import Ink, Page, Words
from intendance.language import dates, durations
from intendance.language.durations import FIXED_SPACE
from intendance.language.sentences import render
from intendance.language.texts import Translator
from intendance.model.verdict import Attestor, Severity, State, Verdict

SHAPES: dict[State, tuple[str, Ink]] = {
    State.FAIL: ("✖", "fail"),
    State.ERROR: ("!", "unknown"),
    State.UNKNOWN: ("?", "unknown"),
    State.PENDING: ("◔", "soon"),
    State.WAIVED: ("–", "quiet"),
    State.PASS: ("✔", "pass"),
    State.NOT_APPLICABLE: ("–", "quiet"),
}
WANTS_ATTENTION = (State.FAIL, State.ERROR, State.UNKNOWN, State.PENDING)


def shape(state: State) -> Words:
    """The sign of a state, in its ink."""
    return SHAPES[state]


def counted(_: Translator, state: State, count: int) -> str:
    """`2 broken`: how many, in the word of the state."""
    forms = {
        State.FAIL: _.plural("{n} broken", "{n} broken", count),
        State.ERROR: _.plural("{n} check failed", "{n} checks failed", count),
        State.UNKNOWN: _.plural("{n} unknown", "{n} unknown", count),
        State.PENDING: _.plural("{n} not yet due", "{n} not yet due", count),
        State.WAIVED: _.plural("{n} waived", "{n} waived", count),
        State.PASS: _.plural("{n} holds", "{n} hold", count),
        State.NOT_APPLICABLE: _.plural("{n} not applicable", "{n} not applicable", count),
    }
    return forms[state].format(n=count)


def severity(_: Translator, level: Severity) -> str:
    """The word for a severity."""
    words = {Severity.BLOCKING: _("blocking"), Severity.WARNING: _("warning"), Severity.DUTY: _("duty")}
    return words[level]


def attested(_: Translator, by: Attestor) -> str:
    """On whose word."""
    words = {
        Attestor.SELF: _("self-attested"),
        Attestor.MANAGER: _("attested by the manager"),
        Attestor.DRILL_HOST: _("attested by another host"),
        Attestor.STORE: _("attested by the store"),
        Attestor.PERSON: _("attested by a person"),
    }
    return words[by]


def because(judgement: Judgement, verdict: Verdict, language: durations.Language) -> str:
    """Why, in one or two sentences. What is lost is rounded up, what holds is rounded down."""
    template = judgement.rulebook.reason(judgement.rule(verdict), verdict.reason.code).of(language)
    up = verdict.state not in (State.PASS, State.PENDING)
    return render(template, verdict.reason.params, language, judgement.zone, up=up)


def lasted(_: Translator, judgement: Judgement, verdict: Verdict) -> str:
    """For how long the verdict has been what it is: what holds rounded down, what does not rounded up."""
    if verdict.since is None:
        return ""
    up = verdict.state in (State.FAIL, State.UNKNOWN, State.ERROR)
    length = judgement.judged_at - verdict.since
    whole = -int(-length.total_seconds() // 1) if up else int(length.total_seconds())
    text = durations.write(whole, _.language, up=up)
    return _("{length} at least").format(length=text) if verdict.since_at_least else text


def together(judgement: Judgement, found: Iterable[Verdict], language: durations.Language) -> list[list[Verdict]]:
    """Verdicts on one asset that share their reason and their command, since when too: they are told once."""
    groups: dict[tuple[object, ...], list[Verdict]] = {}
    for each in found:
        why = because(judgement, each, language)
        key = (each.asset, each.state, why, each.since, judgement.command(each), each.excuse)
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def entry(page: Page, _: Translator, judgement: Judgement, group: Sequence[Verdict], *, evidence: bool = False) -> None:
    """Verdicts that are told together: which rules, why, since when, what to type."""
    first = group[0]
    for each in group:
        title: Words = (judgement.rule(each).title.of(_.language), "plain")
        remark = f"{each.rule}{FIXED_SPACE}· {severity(_, each.severity)}"
        page.row((title,), (remark, "quiet"), indent=2, hang=2)
    page.text(because(judgement, first, _.language), indent=4)
    remarks = _remarks(_, judgement, first)
    if remarks:
        page.text((" · ".join(remarks), "quiet"), indent=4)
    if first.excuse is not None:
        page.text((standing.excuse_text(_, first.excuse, judgement.zone), "soon"), indent=4)
    if evidence:
        _evidence(page, _, judgement, first)
    if first.state is State.PASS:
        return
    command = judgement.command(first)
    if command is not None:
        page.command(command, indent=4)
    else:
        page.text(judgement.advice(first).of(_.language), indent=4)


def _remarks(_: Translator, judgement: Judgement, verdict: Verdict) -> list[str]:
    remarks = []
    if verdict.since is not None and verdict.state is not State.PENDING:
        since = dates.moment(verdict.since, judgement.zone, _.language)
        told = _("since {moment} or before") if verdict.since_at_least else _("since {moment}")
        remarks.append(f"{told.format(moment=since)} ({lasted(_, judgement, verdict)})")
    if verdict.attested_by is not None and verdict.state in (State.PASS, State.NOT_APPLICABLE):
        remarks.append(attested(_, verdict.attested_by))
    return remarks


def _evidence(page: Page, _: Translator, judgement: Judgement, verdict: Verdict) -> None:
    if verdict.next_change_at is not None:
        moment = dates.moment(verdict.next_change_at, judgement.zone, _.language, seconds=True)
        told = _("Without new evidence it stays so until {moment}.").format(moment=moment)
        page.text((told, "quiet"), indent=4)
    own = [str(cite.seq) for cite in verdict.cites if cite.node == judgement.node]
    others = [f"{cite.node}{FIXED_SPACE}{cite.seq}" for cite in verdict.cites if cite.node != judgement.node]
    if own or others:
        told = _.plural("Evidence: record {records}", "Evidence: records {records}", len(own + others))
        page.text((told.format(records=", ".join(own + others)), "quiet"), indent=4)
    for seq in own[:1]:
        page.command(f"intendance ledger show {seq}", indent=4)
