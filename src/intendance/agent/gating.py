"""The gate: whether a delivery may go ahead, and the one exception that is recorded: a repair of a broken rule."""

from __future__ import annotations

from pathlib import Path

from intendance.agent.judging import Judgement, judge
from intendance.agent.opening import open_book
from intendance.model.errors import Exit
from intendance.model.errors.catalogue import RuleNotJudged
from intendance.model.errors.gate import NothingToLetThrough, TicketAlone, TicketMissing, TicketUnusable
from intendance.model.evidence.gate import GatePassed, GateVerdict
from intendance.model.frozen import dataclass
from intendance.model.verdict import Citation, Severity, State, Verdict
from intendance.system.clock import Clock, rfc3339

TICKET_LIMIT_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the gate said. `closing` keeps it shut, worst first; `let_through` would have, but for the repair of
    `fixes` under `ticket`, which `record` holds when the gate opened for it."""

    judgement: Judgement
    closing: tuple[Verdict, ...]
    let_through: tuple[Verdict, ...] = ()
    fixes: str | None = None
    ticket: str | None = None
    record: Citation | None = None

    @property
    def exit_code(self) -> Exit:
        """4 when a blocking rule is broken, else 5 when one is unknown or its check failed, else 0."""
        if any(verdict.state is State.FAIL for verdict in self.closing):
            return Exit.BROKEN
        return Exit.UNKNOWN if self.closing else Exit.DONE


def gate(state: Path, clock: Clock, *, fixes: str | None, ticket: str | None, actor: str) -> Passage:
    """Judge the plan in force; with `fixes`, let a repair of that one rule through and record it.

    Raises NoState, RuleUnknown, RuleNotJudged, NothingToLetThrough, TicketMissing, TicketUnusable, TicketAlone.
    """
    under = _expect_ticket(fixes, ticket)
    judgement = judge(state, clock, afresh=True)  # a delivery waits for it anyway
    closing = tuple(each for each in judgement.verdicts if closes(each))
    if fixes is None or under is None:
        return Passage(judgement=judgement, closing=closing)
    rule = _expect_broken(judgement, fixes)
    let_through = tuple(each for each in closing if each.rule == rule and each.state is State.FAIL)
    others = tuple(each for each in closing if each not in let_through)
    record = None if others else _recorded(state, clock, judgement, rule, under, let_through, actor)
    return Passage(
        judgement=judgement, closing=others, let_through=let_through, fixes=rule, ticket=under, record=record
    )


def closes(verdict: Verdict) -> bool:
    """Whether a verdict keeps the gate shut: a blocking rule that is broken, unknown, or whose check failed."""
    shut = (State.FAIL, State.UNKNOWN, State.ERROR)
    return verdict.severity is Severity.BLOCKING and verdict.state in shut


def _expect_ticket(fixes: str | None, ticket: str | None) -> str | None:
    if fixes is None:
        if ticket is not None:
            raise TicketAlone(ticket=ticket)
        return None
    if ticket is None:
        raise TicketMissing(rule=fixes)
    told = ticket.strip()
    if not told:
        raise TicketUnusable(detail="it is empty")
    if len(told) > TICKET_LIMIT_CHARACTERS or not told.isprintable():
        raise TicketUnusable(detail="it is longer than 200 characters, or not one line of text")
    return told


def _expect_broken(judgement: Judgement, name: str) -> str:
    rule = judgement.rulebook.find(name)
    if rule.catalogue not in judgement.catalogues:
        followed = " and ".join(judgement.catalogues)
        raise RuleNotJudged(rule=rule.id, catalogue=rule.catalogue, followed=followed)
    states = {each.state for each in judgement.verdicts if each.rule == rule.id}
    if not rule.performed:
        raise NothingToLetThrough(rule=rule.id, detail="is not performed by this version")
    if State.FAIL not in states:
        raise NothingToLetThrough(rule=rule.id, detail="is not broken")
    if rule.severity is not Severity.BLOCKING:
        raise NothingToLetThrough(rule=rule.id, detail=f"is a {rule.severity.value}, which closes no gate")
    return rule.id


def _recorded(
    state: Path,
    clock: Clock,
    judgement: Judgement,
    rule: str,
    ticket: str,
    let_through: tuple[Verdict, ...],
    actor: str,
) -> Citation:
    evidence = GatePassed(
        rule=rule,
        ticket=ticket,
        judged_at=rfc3339(judgement.judged_at),
        catalogues=judgement.catalogues,
        let_through=tuple(map(_as_seen, let_through)),
        judged=tuple(map(_as_seen, judgement.verdicts)),
        not_performed=tuple(dict.fromkeys(each.rule for each in judgement.not_performed)),
    )
    with open_book(state, clock) as book:
        record = book.append(evidence, actor=actor)
        return Citation(node=book.node, seq=record.seq)


def _as_seen(verdict: Verdict) -> GateVerdict:
    return GateVerdict(
        rule=verdict.rule,
        asset=verdict.asset,
        state=verdict.state.value,
        severity=verdict.severity.value,
        reason=verdict.reason.code,
    )
