"""The rules, and what each says where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from intendance.api import cursor
from intendance.api.nodes import OF_NODE
from intendance.api.operation import PAGE, Call, Operation, Parameter
from intendance.api.records import ASSET
from intendance.api.shapes import RuleShown, VerdictShown, rule_shown, verdict_shown
from intendance.catalogue.load import load
from intendance.fleet.reading.service import Wanted
from intendance.fleet.tokens.decide import Scope
from intendance.model.frozen import dataclass
from intendance.model.verdict import Severity, State

_RULE = r"^[A-Za-z0-9_-]{1,40}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules that this version knows; `verdicts` counts, by rule and state, what was judged in the fleet."""

    schema: Literal["intendance.rules/1"] = "intendance.rules/1"
    rules: tuple[RuleShown, ...]
    verdicts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRule:
    """One rule; `verdicts` counts by state what was judged in the fleet."""

    schema: Literal["intendance.rule/1"] = "intendance.rule/1"
    rule: RuleShown
    verdicts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Verdicts by node, rule and asset."""

    schema: Literal["intendance.verdicts/1"] = "intendance.verdicts/1"
    verdicts: tuple[VerdictShown, ...]
    next: str | None


def rules(call: Call) -> Rules:
    """All rules."""
    book = load()
    return Rules(
        rules=tuple(rule_shown(book, rule) for rule in book.rules.values()),
        verdicts=call.services.reading.counts_by_rule(),
    )


def rule(call: Call) -> OneRule:
    """One rule. Raises RuleUnknown."""
    book = load()
    found = book.find(call.text("rule"))
    return OneRule(rule=rule_shown(book, found), verdicts=call.services.reading.counts_by_rule().get(found.id, {}))


def verdicts(call: Call) -> Verdicts:
    """A page of verdicts. Raises RuleUnknown."""
    book = load()
    after = call.after(str, str, str) or ("", "", "")
    wanted = Wanted(
        node=call.text("node"),
        rule=book.find(call.text("rule")).id if call.text("rule") else "",
        asset=call.text("asset"),
        state=call.text("state"),
        severity=call.text("severity"),
    )
    reading = call.services.reading
    found = reading.page_of_verdicts(wanted, (after[0], after[1], after[2]), call.limit)
    last = found[-1] if len(found) == call.limit else None
    more = None if last is None else cursor.write(last.node, last.rule, last.asset or "")
    zone = reading.verdicts.zone
    return Verdicts(verdicts=tuple(verdict_shown(book, each, zone) for each in found), next=more)


OPERATIONS = (
    Operation(
        name="rules",
        path="/api/v1/rules",
        summary="Every rule, and how many verdicts of it are in which state",
        scope=Scope.READ,
        answered=rules,
        answer=Rules,
    ),
    Operation(
        name="rule",
        path="/api/v1/rules/{rule}",
        summary="One rule",
        scope=Scope.READ,
        answered=rule,
        answer=OneRule,
        parameters=(Parameter(name="rule", where="path", summary="Its id, in either case.", pattern=_RULE),),
    ),
    Operation(
        name="verdicts",
        path="/api/v1/verdicts",
        summary="Every verdict, by node, rule and asset",
        scope=Scope.READ,
        answered=verdicts,
        answer=Verdicts,
        parameters=(
            OF_NODE,
            Parameter(name="rule", summary="Only of this rule.", pattern=_RULE),
            ASSET,
            Parameter(name="state", summary="Only in this state.", kind="choice", choices=tuple(State)),
            Parameter(name="severity", summary="Only so grave.", kind="choice", choices=tuple(Severity)),
            *PAGE,
        ),
    ),
)
