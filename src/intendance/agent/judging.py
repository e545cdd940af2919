"""Judging a node: the facts that the rules need, read from its ledger, and what the rules say of them now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from intendance.agent import findings
from intendance.agent.losses import Loss, losses
from intendance.agent.opening import open_book
from intendance.catalogue.evaluate import evaluate, evaluate_again
from intendance.catalogue.gathering import gather
from intendance.catalogue.load import load
from intendance.catalogue.rule import Group, Next, Rule, Rulebook
from intendance.ledger.book import Book
from intendance.ledger.imports import View
from intendance.model.errors import Exit
from intendance.model.errors.catalogue import RuleNotJudged
from intendance.model.errors.runs import AssetUnknown
from intendance.model.errors.state import NoState
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.frozen import dataclass
from intendance.model.verdict import GRAVEST_FIRST, WORST_FIRST, Severity, State, Verdict
from intendance.system.clock import Clock
from intendance.system.collector import paused
from intendance.system.shown import as_typed

ACTIONS = 3
MARGIN = timedelta(hours=5)
"""What ends within it is found anew when a node is judged ahead of any look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something to do now: the command to type, what it is for, the rules that it serves, worst first, and what is at
    stake."""

    command: str
    advice: Next
    asset: str | None
    rules: tuple[str, ...]
    group: Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the rules say of a node, or of one `asset` of it, at one instant.

    `verdicts` are of performed rules, worst first; `not_performed` are of the rules that this version only knows;
    `losses` are what plans of the last 400 days took away.
    """

    judged_at: datetime
    node: str
    zone: str
    asset: str | None
    assets: tuple[str, ...]
    catalogues: tuple[str, ...]
    rulebook: Rulebook
    verdicts: tuple[Verdict, ...]
    not_performed: tuple[Verdict, ...]
    losses: tuple[Loss, ...] = ()

    @property
    def summary(self) -> dict[State, int]:
        """How many performed verdicts are in each state."""
        return {state: sum(verdict.state is state for verdict in self.verdicts) for state in State}

    @property
    def exit_code(self) -> Exit:
        """4 when a blocking rule is broken, else 5 when one is unknown or its check failed, else 0."""
        blocking = {verdict.state for verdict in self.verdicts if verdict.severity is Severity.BLOCKING}
        if State.FAIL in blocking:
            return Exit.BROKEN
        return Exit.UNKNOWN if blocking & {State.UNKNOWN, State.ERROR} else Exit.DONE

    @property
    def actions(self) -> tuple[Action, ...]:
        """The next things to do, at most three, each command once; of what is not yet due, what is due first."""
        wanting = [each for each in self.verdicts if each.state not in (State.PASS, State.NOT_APPLICABLE)]
        wanting.sort(key=lambda each: (*_rank(each)[:2], _due_at(each)))
        by_command: dict[str, Action] = {}
        for verdict in wanting:
            command = self.command(verdict)
            if command is None:
                continue
            rules = by_command[command].rules if command in by_command else ()
            advice = by_command[command].advice if command in by_command else self.advice(verdict)
            merged = tuple(dict.fromkeys((*rules, verdict.rule)))
            group = by_command[command].group if command in by_command else self.rule(verdict).group
            by_command[command] = Action(command=command, advice=advice, asset=verdict.asset, rules=merged, group=group)
        return tuple(by_command.values())[:ACTIONS]

    def rule(self, verdict: Verdict) -> Rule:
        """The rule of a verdict."""
        return self.rulebook.rules[verdict.rule]

    def advice(self, verdict: Verdict) -> Next:
        """What to do about a verdict."""
        return self.rulebook.next_step(self.rule(verdict), verdict.reason.code)

    def command(self, verdict: Verdict) -> str | None:
        """What to type about a verdict that wants something done, if anything."""
        if verdict.state in (State.PASS, State.NOT_APPLICABLE):
            return None
        command = self.advice(verdict).command
        return None if command is None else command.replace("{asset}", as_typed(verdict.asset or "")).strip()


def judge(
    state: Path, clock: Clock, *, asset: str | None = None, rule: str | None = None, afresh: bool = False
) -> Judgement:
    """Judge every rule of the plan in force, or one asset or one rule of it; `afresh`, use nothing found before.

    Raises NoState, AssetUnknown, RuleUnknown, RuleNotJudged, and what opening and reading the ledger raises.
    """
    rulebook = load()
    wanted = None if rule is None else rulebook.find(rule)
    with paused(), open_book(state, clock) as book:
        now = clock.read().at
        plan = _plan(book)
        _expect_known(plan, asset, wanted)
        verdicts = _verdicts(book, rulebook, plan, now, afresh=afresh)
        taken_away = losses(book, now)
        node = book.node
    chosen = [
        each
        for each in verdicts
        if (wanted is None or each.rule == wanted.id) and (asset is None or each.asset == asset)
    ]
    return Judgement(
        judged_at=now,
        node=node,
        zone=plan.timezone,
        asset=asset,
        assets=plan.assets,
        catalogues=plan.catalogues,
        rulebook=rulebook,
        verdicts=tuple(sorted((v for v in chosen if rulebook.rules[v.rule].performed), key=_rank)),
        not_performed=tuple(v for v in chosen if not rulebook.rules[v.rule].performed),
        losses=taken_away,
    )


def prepare(book: Book, now: datetime) -> None:
    """Find now what the next look at the node will ask for, and what ends soon anew. Raises what `judge` raises."""
    with paused():
        _verdicts(book, load(), _plan(book), now, afresh=False, margin=MARGIN)


def prepare_node(state: Path, clock: Clock) -> None:
    """The same for the node of a state folder. Raises NoState, and what `judge` raises."""
    with open_book(state, clock) as book:
        prepare(book, clock.read().at)


def _plan(book: Book) -> PlanAdopted:
    plans = book.facts("plan.adopted", latest=1)
    if not plans:
        raise NoState(state=book.layout.state)
    plan: PlanAdopted = plans[0].data
    return plan


def _verdicts(
    book: Book,
    rulebook: Rulebook,
    plan: PlanAdopted,
    now: datetime,
    *,
    afresh: bool,
    margin: timedelta = timedelta(0),
) -> tuple[Verdict, ...]:
    """What every rule says of every asset. Read in one transaction, so that no record comes in between."""
    book.connection.execute("BEGIN")
    try:
        if afresh:
            facts, horizons = gather(book, rulebook, plan, plan.assets, now, View(book))
            return evaluate(rulebook, facts, now, book.node, horizons)
        known = findings.recall(book, plan.timezone, now, margin=margin)
        unknown = [asset for asset in plan.assets if asset not in known]
        facts, horizons = gather(book, rulebook, plan, unknown, now, View(book))
        done = evaluate_again(rulebook, facts, now, book.node, horizons, known.about)
        size = book.size()
    finally:
        book.connection.execute("ROLLBACK")
    findings.keep(book, known, done.lasting, size, max(fact.at for fact in facts if fact.node == book.node))
    return done.verdicts


def _expect_known(plan: PlanAdopted, asset: str | None, rule: Rule | None) -> None:
    if asset is not None and asset not in plan.assets:
        from difflib import get_close_matches  # only for what is misspelt

        close = get_close_matches(asset, plan.assets, n=1, cutoff=0.5)
        suggestion = f"; did you mean `{close[0]}`" if close else ""
        raise AssetUnknown(asset=asset, suggestion=suggestion, known=", ".join(plan.assets))
    if rule is not None and rule.catalogue not in plan.catalogues:
        raise RuleNotJudged(rule=rule.id, catalogue=rule.catalogue, followed=" and ".join(plan.catalogues))


def _due_at(verdict: Verdict) -> datetime:
    """When what is not yet due will be; all else wants something now."""
    due = verdict.next_change_at if verdict.state is State.PENDING else None
    return due or datetime.min.replace(tzinfo=UTC)


def _rank(verdict: Verdict) -> tuple[int, int, str, str]:
    return (
        WORST_FIRST.index(verdict.state),
        GRAVEST_FIRST.index(verdict.severity),
        verdict.asset or "",
        verdict.rule,
    )
