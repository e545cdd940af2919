"""What machines read of nodes, rules and verdicts: one shape, of the API and of the command line's `--json`.

Instants are RFC 3339 text in UTC. A shape grows; nothing of it is renamed or left out (`docs/answers.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from intendance.catalogue.rule import Next, ReasonText, Rule, Rulebook, Text
from intendance.language import dates
from intendance.language.sentences import render
from intendance.model.frozen import dataclass
from intendance.model.verdict import Citation, Excuse, State, Verdict
from intendance.system.shown import as_typed

if TYPE_CHECKING:
    from intendance.fleet.nodes.service import NodeSeen


def instant(at: datetime | None) -> str | None:
    """An instant for machines."""
    return None if at is None else dates.iso(at)


# --- verdicts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonShown:
    """A code of the rule's list, and the parameters of its sentence; durations are seconds, `*_s`."""

    code: str
    params: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverShown:
    """The waiver of a waived verdict: its record, who answers for it and why, when it ends."""

    record: int
    granted_by: str
    granter: str
    reason: str
    ticket: str
    began_at: str
    ends_at: str
    renewal: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictShown:
    """A rule judged for one subject: a node, or one asset of it. `evidence` are the ledger records that it rests on."""

    rule: str
    title: str
    asset: str | None
    node: str
    state: Literal["pass", "fail", "waived", "not_applicable", "pending", "unknown", "error"]
    severity: Literal["blocking", "warning", "duty"]
    performed: bool
    since: str | None
    since_at_least: bool
    reason: ReasonShown
    because: str
    next_step: str | None
    attested_by: Literal["self", "manager", "drill_host", "store", "person"] | None
    next_change_at: str | None
    waiver: WaiverShown | None
    not_judged_yet: str | None
    evidence: tuple[Citation, ...]


def verdict_shown(book: Rulebook, verdict: Verdict, zone: str) -> VerdictShown:
    """A verdict for machines; its sentences name instants in the zone of the plan."""
    rule = book.rules[verdict.rule]
    params = {
        name: dates.iso(value) if isinstance(value, datetime) else value
        for name, value in verdict.reason.params.items()
    }
    shown: Any = {
        "state": verdict.state.value,
        "severity": verdict.severity.value,
        "attested_by": None if verdict.attested_by is None else verdict.attested_by.value,
    }
    return VerdictShown(
        rule=verdict.rule,
        title=rule.title.en,
        asset=verdict.asset,
        node=verdict.node,
        performed=_is_performed(rule, verdict),
        since=instant(verdict.since),
        since_at_least=verdict.since_at_least,
        reason=ReasonShown(code=verdict.reason.code, params=params),
        because=because(book, verdict, zone),
        next_step=next_step(book, verdict),
        next_change_at=instant(verdict.next_change_at),
        waiver=_waiver(verdict.excuse),
        not_judged_yet=rule.later.en if rule.later is not None and _is_performed(rule, verdict) else None,
        evidence=verdict.cites,
        **shown,
    )


def _is_performed(rule: Rule, verdict: Verdict) -> bool:
    """A rule that the manager judges is not performed on the node."""
    return rule.judged and verdict.reason.code != "not_performed"


def because(book: Rulebook, verdict: Verdict, zone: str) -> str:
    """Why, in a sentence or two. What is lost is rounded up, what holds is rounded down."""
    template = book.reason(book.rules[verdict.rule], verdict.reason.code).en
    up = verdict.state not in (State.PASS, State.PENDING)
    return render(template, verdict.reason.params, "en", zone, up=up)


def next_step(book: Rulebook, verdict: Verdict) -> str | None:
    """What to type on the node, else what to do, about a verdict that wants something done."""
    rule = book.rules[verdict.rule]
    if verdict.state in (State.PASS, State.NOT_APPLICABLE) or not _is_performed(rule, verdict):
        return None
    found = book.next_step(rule, verdict.reason.code)
    typed = "" if found.command is None else found.command.replace("{asset}", as_typed(verdict.asset or "")).strip()
    return typed or found.en


def _waiver(excuse: Excuse | None) -> WaiverShown | None:
    if excuse is None:
        return None
    return WaiverShown(
        record=excuse.grant.seq,
        granted_by=excuse.granted_by,
        granter=excuse.granter,
        reason=excuse.reason,
        ticket=excuse.ticket,
        began_at=dates.iso(excuse.began_at),
        ends_at=dates.iso(excuse.ends_at),
        renewal=excuse.renewal,
        days=excuse.days,
    )


# --- rules ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """A text in both languages."""

    en: str
    fr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do, and the command to type where there is one; `{asset}` stands for the asset's name."""

    en: str
    fr: str
    command: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonOfRule:
    """The sentence of a reason, with its parameters in braces, and what to do about it."""

    en: str
    fr: str
    next: Advice


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundShown:
    """A limit that no plan may loosen."""

    quantity: str
    value: str
    stricter: Literal["smaller", "larger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedShown:
    """Evidence that the rule reads."""

    kind: str
    take: Literal["latest", "window", "all"]
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleShown:
    """A rule: what it asks, what proves it, when it breaks, what to do then."""

    id: str
    catalogue: str
    family: str
    title: Both
    severity: Literal["blocking", "warning", "duty"]
    judged_by: Literal["node", "fleet"]
    independent: bool
    performed: bool
    applies_to: tuple[str, ...]
    statement: Both
    proof: Both | None
    breaks: Both
    bounds: tuple[BoundShown, ...]
    remedy: Advice
    not_judged_yet: Both | None
    needs: tuple[NeedShown, ...]
    reasons: Mapping[str, ReasonOfRule]
    source: str
    document: str
    section: str
    attested_by: tuple[str, ...]
    waivable: bool


def rule_shown(book: Rulebook, rule: Rule) -> RuleShown:
    """A rule for machines."""
    severity: Any = rule.severity.value
    return RuleShown(
        id=rule.id,
        catalogue=rule.catalogue,
        family=rule.family,
        title=_both(rule.title),
        severity=severity,
        judged_by=rule.judged_by,
        independent=rule.independent,
        performed=rule.judged,
        applies_to=rule.applies_to,
        statement=_both(rule.statement),
        proof=None if rule.proof is None else _both(rule.proof),
        breaks=_both(rule.breaks),
        bounds=tuple(
            BoundShown(quantity=each.quantity, value=each.value, stricter=each.stricter) for each in rule.bounds
        ),
        remedy=_advice(rule.remedy),
        not_judged_yet=None if rule.later is None else _both(rule.later),
        needs=tuple(NeedShown(kind=each.kind, take=each.take, days=each.days) for each in rule.needs),
        reasons={code: _reason(book, rule, code, text) for code, text in rule.reasons.items()},
        source=str(rule.source),
        document=rule.source.document,
        section=rule.source.section,
        attested_by=tuple(each.value for each in rule.attested_by),
        waivable=rule.waivable,
    )


def _both(text: Text) -> Both:
    return Both(en=text.en, fr=text.fr)


def _advice(advice: Next) -> Advice:
    return Advice(en=advice.en, fr=advice.fr, command=advice.command)


def _reason(book: Rulebook, rule: Rule, code: str, text: ReasonText) -> ReasonOfRule:
    return ReasonOfRule(en=text.en, fr=text.fr, next=_advice(book.next_step(rule, code)))


# --- nodes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShown:
    """A node as the manager knows it. `records` are kept here, `signed_records` of them covered by a head that it
    signed; `findings`: how many are not settled; `key` is the SHA-256 of its ledger's key."""

    node: str
    incarnation: int
    state: Literal["up", "late", "missing", "unobservable", "silenced", "decommissioned"]
    last_seen_at: str | None
    skew_ms: int
    software: str
    key: str
    enrolled_at: str
    decommissioned_at: str | None
    records: int
    signed_records: int
    findings: int


def node_shown(each: NodeSeen) -> NodeShown:
    """A node for machines."""
    state: Any = each.state
    return NodeShown(
        node=each.node,
        incarnation=each.incarnation,
        state=state,
        last_seen_at=instant(each.last_seen_at),
        skew_ms=each.skew_ms,
        software=each.software,
        key=each.fingerprint,
        enrolled_at=dates.iso(each.enrolled_at),
        decommissioned_at=instant(each.decommissioned_at),
        records=each.evidence_size,
        signed_records=each.signed_size,
        findings=each.findings,
    )
