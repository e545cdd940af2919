"""Judging a node: the facts that the rules need, read from its ledger, and what the rules say of them now."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from intendance.agent.losses import Loss, losses
from intendance.agent.opening import open_book
from intendance.catalogue.evaluate import NEEDS, evaluate
from intendance.catalogue.load import load
from intendance.catalogue.rule import Group, Next, Rule, Rulebook
from intendance.ledger.book import Book
from intendance.model.errors import Exit
from intendance.model.errors.catalogue import RuleNotJudged
from intendance.model.errors.runs import AssetUnknown
from intendance.model.errors.state import NoState
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact, Severity, State, Verdict
from intendance.system.clock import Clock
from intendance.system.collector import paused

WORST_FIRST = (
    State.FAIL,
    State.ERROR,
    State.UNKNOWN,
    State.PENDING,
    State.WAIVED,
    State.PASS,
    State.NOT_APPLICABLE,
)
GRAVEST_FIRST = (Severity.BLOCKING, Severity.WARNING, Severity.DUTY)
ACTIONS = 3
OF_THE_NODE = frozenset({"plan.adopted", "inventory.taken", "key.proven", "waiver.granted", "waiver.revoked"})
"""Kinds of evidence that are about no asset."""


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
        """The next things to do, at most three, each command once."""
        wanting = [each for each in self.verdicts if each.state not in (State.PASS, State.NOT_APPLICABLE)]
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
        return None if command is None else command.replace("{asset}", verdict.asset or "").strip()


def judge(state: Path, clock: Clock, *, asset: str | None = None, rule: str | None = None) -> Judgement:
    """Judge every rule of the plan in force, or one asset or one rule of it.

    Raises NoState, AssetUnknown, RuleUnknown, RuleNotJudged, and what opening and reading the ledger raises.
    """
    rulebook = load()
    wanted = None if rule is None else rulebook.find(rule)
    with paused(), open_book(state, clock) as book:
        now = clock.read().at
        plans = book.facts("plan.adopted", latest=1)
        if not plans:
            raise NoState(state=state)
        plan: PlanAdopted = plans[0].data
        _expect_known(plan, asset, wanted)
        facts, horizons = _gather(book, rulebook, plan, now)
        verdicts = evaluate(rulebook, facts, now, book.node, horizons)
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


def _expect_known(plan: PlanAdopted, asset: str | None, rule: Rule | None) -> None:
    if asset is not None and asset not in plan.assets:
        from difflib import get_close_matches  # only for what is misspelt

        close = get_close_matches(asset, plan.assets, n=1, cutoff=0.5)
        suggestion = f"; did you mean `{close[0]}`" if close else ""
        raise AssetUnknown(asset=asset, suggestion=suggestion, known=", ".join(plan.assets))
    if rule is not None and rule.catalogue not in plan.catalogues:
        raise RuleNotJudged(rule=rule.id, catalogue=rule.catalogue, followed=" and ".join(plan.catalogues))


def _gather(
    book: Book, rulebook: Rulebook, plan: PlanAdopted, now: datetime
) -> tuple[list[Fact[Any]], dict[str, datetime]]:
    """The facts that the rules of the plan need, and the instants before which not all of a kind were read.

    Beside a window, the latest of each asset is read however old it is: what lies before the window was not nothing.
    """
    needs: dict[str, int | None] = {}
    latest: set[str] = set()
    for need in _needs(rulebook, plan):
        if need.take == "latest":
            latest.add(need.kind)
        elif need.take == "all" or need.days is None:
            needs[need.kind] = None
        elif needs.get(need.kind, 0) is not None:
            needs[need.kind] = max(needs.get(need.kind) or 0, need.days)
    horizons = {kind: now - timedelta(days=days) for kind, days in needs.items() if days is not None}
    facts: list[Fact[Any]] = []
    for kind in needs:
        facts += book.facts(kind, since=horizons.get(kind))
    read = {fact.seq for fact in facts}
    for kind in latest | horizons.keys():
        facts += _latest(book, kind, plan, read)
    return facts, horizons


def _needs(rulebook: Rulebook, plan: PlanAdopted) -> Iterable[Any]:
    yield from NEEDS
    for rule in rulebook.rules.values():
        if rule.performed and rule.catalogue in plan.catalogues:
            yield from rule.needs


def _latest(book: Book, kind: str, plan: PlanAdopted, read: Container[int]) -> Iterable[Fact[Any]]:
    """The latest of a kind that were not read yet: one of the node, or for each asset as many as it may have stores."""
    if kind in OF_THE_NODE:
        yield from book.facts(kind, latest=1)
        return
    count = 2 * max(1, len(plan.stores)) if kind.startswith("inspection.") else 1
    for asset in plan.assets:
        if not all(seq in read for seq in book.numbers(kind, asset=asset, latest=count)):
            yield from book.facts(kind, asset=asset, latest=count)


def _rank(verdict: Verdict) -> tuple[int, int, str, str]:
    return (
        WORST_FIRST.index(verdict.state),
        GRAVEST_FIRST.index(verdict.severity),
        verdict.asset or "",
        verdict.rule,
    )
