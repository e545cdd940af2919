"""Judging: a rule, its subject, the facts and the time give a verdict. Pure, the same wherever it runs.

Time alone never heals: with the same facts, a verdict that is not `pass` never becomes it. `next_change_at` is never
late: until then the state stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from intendance.catalogue import checks
from intendance.catalogue.finding import Finding, after
from intendance.catalogue.rule import Rule, Rulebook
from intendance.catalogue.subject import LIFECYCLE, SKEW, Facts, Subject, arrange
from intendance.model.verdict import Citation, Fact, Reason, State, Verdict

LONGEST_PERIOD = timedelta(days=8)
"""The longest bound that chains evidence: a state that began with a fact so soon after the horizon may be older."""


def evaluate(
    rulebook: Rulebook,
    facts: Iterable[Fact[Any]],
    now: datetime,
    node: str,
    horizons: Mapping[str, datetime] = MappingProxyType({}),
) -> tuple[Verdict, ...]:
    """Every rule of the catalogues of the plan in force, judged for each of its subjects.

    `node` is the judged node; `horizons` gives the instants before which facts of a kind were not looked for. Empty
    when no plan was adopted.
    """
    arranged = arrange(facts, now)
    subjects, undeclared = _subjects(arranged, node)
    plans = _own(arranged, node, "plan.adopted")
    if not plans:
        return ()
    verdicts: list[Verdict] = []
    for rule in rulebook.rules.values():
        if rule.catalogue in plans[-1].data.catalogues:
            verdicts += _judge_rule(rule, subjects, undeclared, arranged, now, node)
    return tuple(replace(each, since_at_least=_may_be_older(each, subjects, arranged, horizons)) for each in verdicts)


def _may_be_older(verdict: Verdict, subjects: list[Subject], facts: Facts, horizons: Mapping[str, datetime]) -> bool:
    """Whether the state began with a fact so near the horizon of its kind that it may have begun before it."""
    declared = [subject.first_declared for subject in subjects if subject.asset == verdict.asset]
    return any(
        fact.at == verdict.since and fact.at <= horizon + LONGEST_PERIOD
        for kind, horizon in horizons.items()
        if kind not in LIFECYCLE and declared and declared[0] < horizon
        for fact in facts.of(kind, verdict.asset)
    )


def _judge_rule(
    rule: Rule, subjects: list[Subject], undeclared: list[str], facts: Facts, now: datetime, node: str
) -> list[Verdict]:
    if not rule.performed:
        return [_verdict(rule, node, None, Finding(State.UNKNOWN, "not_performed"))]
    plan = _own(facts, node, "plan.adopted")[-1]
    fitting = [subject for subject in subjects if subject.declared.data.engine in rule.applies_to]
    verdicts = [_verdict(rule, node, each.asset, judge(rule, each, facts, now)) for each in fitting]
    missing = Finding(State.UNKNOWN, "not_declared", since=plan.at, cites=(plan,))
    verdicts += [_verdict(rule, node, name, missing) for name in undeclared]
    return verdicts or [_verdict(rule, node, None, Finding(State.UNKNOWN, "no_subject", since=plan.at, cites=(plan,)))]


def judge(rule: Rule, subject: Subject, facts: Facts, now: datetime) -> Finding:
    """One performed rule for one subject. An exception in its check is a finding too: `error`, never a pass."""
    try:
        check = checks.find(rule.check or "")
        finding = check(rule, subject, now)
        if finding.state is State.PASS and rule.independent and rule.catalogue == "maint":
            finding = _attested(finding, check(rule, subject.by_others(), now))
    except Exception as error:  # noqa: BLE001 -- whatever a check did wrong, the answer is that nothing is known
        return Finding(State.ERROR, "check_failed", {"error": type(error).__name__})
    return _doubt_clock(finding, subject, facts, now)


def _attested(by_all: Finding, by_others: Finding) -> Finding:
    """A pass stands if the evidence of others alone gives one too; else the node's word is all there is."""
    changes = [at for at in (by_all.next_change_at, by_others.next_change_at) if at is not None]
    soonest = min(changes, default=None)
    if by_others.state is State.PASS:
        return replace(by_others, next_change_at=soonest)
    return replace(by_all, state=State.UNKNOWN, code="self_attested", params={}, next_change_at=soonest)


def _doubt_clock(finding: Finding, subject: Subject, facts: Facts, now: datetime) -> Finding:
    """Evidence from the future is not relied upon and not passed over: it may be of a fault."""
    ahead = [fact for fact in facts.ahead if fact.asset in (None, subject.asset)]
    declared = subject.first_declared
    instants = [fact.at for fact in ahead] + ([declared] if declared > now + SKEW else [])
    if not instants:
        return finding
    soonest = min([at - SKEW for at in instants] + ([finding.next_change_at] if finding.next_change_at else []))
    if finding.state not in (State.PASS, State.PENDING):
        return replace(finding, next_change_at=max(soonest, after(now)))
    return Finding(
        State.UNKNOWN,
        "clock_ahead",
        {"ahead_at": max(instants)},
        cites=tuple(ahead[:1]) or (subject.declared,),
        next_change_at=max(soonest, after(now)),
    )


def _subjects(facts: Facts, node: str) -> tuple[list[Subject], list[str]]:
    """The assets of the plan in force, and those among them that the ledger does not declare."""
    plans = _own(facts, node, "plan.adopted")
    subjects: list[Subject] = []
    undeclared: list[str] = []
    for asset in plans[-1].data.assets if plans else ():
        declared = _own(facts, node, "asset.declared", asset)
        if not declared:
            undeclared.append(asset)
            continue
        subjects.append(
            Subject(
                node=node,
                asset=asset,
                plans=plans,
                declared=declared[-1],
                completed=_own(facts, node, "backup.completed", asset),
                failed=_own(facts, node, "backup.failed", asset),
                inspections=facts.of("inspection.completed", asset),
                inspections_failed=facts.of("inspection.failed", asset),
            )
        )
    return subjects, undeclared


def _own(facts: Facts, node: str, kind: str, asset: str | None = None) -> tuple[Fact[Any], ...]:
    """What stands in the judged node's own log: another host's plan or backups are not this node's."""
    return tuple(fact for fact in facts.of(kind, asset) if fact.node == node)


def _verdict(rule: Rule, node: str, asset: str | None, finding: Finding) -> Verdict:
    return Verdict(
        rule=rule.id,
        asset=asset,
        node=node,
        state=finding.state,
        severity=rule.severity,
        since=finding.since,
        reason=Reason(code=finding.code, params=dict(finding.params)),
        cites=tuple(dict.fromkeys(Citation(node=fact.node, seq=fact.seq) for fact in finding.cites)),
        attested_by=finding.attested_by,
        next_change_at=finding.next_change_at,
    )
