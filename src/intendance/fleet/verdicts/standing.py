"""How a fleet stands at one instant: what is not as it should be, worst first, and how much holds. Pure.

A verdict that holds is only counted here: of ten thousand nodes, nobody reads what is well line by line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta

from intendance.catalogue.rule import Rule, Rulebook
from intendance.fleet.alerts.owner import BLIND, UNWRITTEN, Owner, Trouble
from intendance.fleet.beats.presence import Presence
from intendance.fleet.ledgers.decide import Doubt
from intendance.fleet.witnessing.decide import WitnessStanding
from intendance.model.frozen import dataclass
from intendance.model.verdict import GRAVEST_FIRST, WORST_FIRST, Severity, State, Verdict

SOON = timedelta(days=7)
"""What time alone may break within so long is shown before it does."""
STOPPED_AFTER = timedelta(minutes=2)
_RARE = SOON.total_seconds()
"""A rule whose evidence comes more often than that is always about to change: it is never `soon`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBrief:
    """A node as a list shows it. `records` is how much of its ledger was received and verified."""

    node: str
    site: str | None = None
    presence: Presence = Presence.NEVER
    last_seen: datetime | None = None
    records: int = 0


def unheard(brief: NodeBrief) -> NodeBrief:
    """The node as a manager tells of it that cannot write what it hears: it knows of no silence."""
    silent = brief.presence in (Presence.LATE, Presence.MISSING)
    return replace(brief, presence=Presence.UNOBSERVABLE) if silent else brief


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The fleet log's head, and who outside cosigned it when; `witnessed_at` is None where nobody did. `refused`: a
    witness has seen another history of it."""

    size: int
    witnessed_at: datetime | None = None
    refused: bool = False
    witnesses: tuple[WitnessStanding, ...] = ()

    @classmethod
    def seen_by(cls, size: int, witnesses: tuple[WitnessStanding, ...]) -> Head:
        """The head of a log that these witnesses know."""
        return cls(
            size=size,
            witnessed_at=max((each.cosigned_at for each in witnesses if each.cosigned_at), default=None),
            refused=any(each.condition.grave for each in witnesses),
            witnesses=witnesses,
        )


Counts = Mapping[str, Mapping[str, Mapping[State, int]]]
"""How many verdicts are in each state, by node and by family of rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A fleet at one instant.

    `verdicts` are those that do not hold, worst first, and those that hold but may change soon; `counts` are of all.
    `judged_at` is when the judge last looked, `asked_at` when somebody asked how things stand. `all_since` is when the
    last of what holds began to, if everything does. `owners` are by rule, node and asset. `doubts` are the findings
    about ledgers that stand: `counts` take nothing that such a node says for proven. `troubles` are the open alerts
    about the manager itself.
    """

    fleet: str
    organisation: str
    zone: str
    judged_at: datetime
    nodes: tuple[NodeBrief, ...]
    rulebook: Rulebook
    verdicts: tuple[Verdict, ...]
    counts: Counts
    all_since: datetime | None = None
    owners: Mapping[tuple[str, str, str | None], Owner] = field(default_factory=dict)
    head: Head | None = None
    asked_at: datetime | None = None
    doubts: tuple[Doubt, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    @property
    def blind(self) -> bool:
        """Whether the manager saw nothing until now: who fell silent meanwhile is not known yet."""
        return any(each.cause in (BLIND, UNWRITTEN) for each in self.troubles)

    @property
    def unwritten(self) -> bool:
        """Whether the manager can write nothing now: what is known of nodes is what was written last."""
        return any(each.cause == UNWRITTEN for each in self.troubles)

    @property
    def doubted(self) -> frozenset[str]:
        """The nodes whose ledger contradicts itself."""
        return contradicted(self.doubts)

    def believed(self, verdict: Verdict) -> Verdict:
        """The verdict as it may be told: what rests on a ledger that contradicts itself is unknown."""
        return disbelieved(verdict) if verdict.node in self.doubted else verdict

    @property
    def stopped(self) -> bool:
        """Whether the judge has not looked for so long that what it said is no answer any more."""
        return self.asked_at is not None and self.asked_at - self.judged_at > STOPPED_AFTER

    @property
    def summary(self) -> dict[State, int]:
        """How many verdicts of the whole fleet are in each state."""
        total = dict.fromkeys(State, 0)
        for families in self.counts.values():
            for states in families.values():
                for state, count in states.items():
                    total[state] += count
        return total

    @property
    def families(self) -> tuple[str, ...]:
        """The families of rules that are judged anywhere, in the order of the rulebook."""
        judged = {family for families in self.counts.values() for family in families}
        return tuple(family for family in self.rulebook.families if family in judged)

    @property
    def heard(self) -> int:
        """How many nodes are heard now."""
        return sum(node.presence is Presence.UP for node in self.nodes)

    @property
    def silent(self) -> int:
        """How many nodes nobody hears: what they said last is no answer for now."""
        return sum(node.presence not in (Presence.UP, Presence.LATE) for node in self.nodes)

    @property
    def unjudged(self) -> int:
        """How many nodes are heard, and nothing is known of them: no plan arrived, or their evidence cannot be read."""
        unread = {each.node for each in self.doubts if not each.grave}
        heard = (node for node in self.nodes if node.presence in (Presence.UP, Presence.LATE))
        return sum(node.node in unread or not self.counts.get(node.node) for node in heard)

    def of(self, *states: State) -> tuple[Verdict, ...]:
        """The verdicts in one of some states, worst first."""
        return tuple(each for each in self.verdicts if each.state in states)

    @property
    def soon(self) -> tuple[Verdict, ...]:
        """What holds and may be broken by time alone within a week, the first to change first."""
        found = (each for each in self.verdicts if each.state is State.PASS)
        return tuple(sorted(found, key=lambda each: (each.next_change_at or self.judged_at, rank(each))))


def contradicted(doubts: Iterable[Doubt]) -> frozenset[str]:
    """The nodes that a grave finding stands against."""
    return frozenset(each.node for each in doubts if each.grave)


BELIEVED_NO_MORE = (State.PASS, State.PENDING)
"""What a node says well of itself: unknown, once its ledger contradicts itself."""


def disbelieved(verdict: Verdict) -> Verdict:
    """A verdict that nobody may rely on: what holds, or is not yet due, by the node's word alone is unknown."""
    state = told_state(verdict.state, doubted=True)
    return verdict if state is verdict.state else replace(verdict, state=state)


def told_state(state: State, *, doubted: bool) -> State:
    """A state as it may be told of a node whose ledger contradicts itself, or does not."""
    return State.UNKNOWN if doubted and state in BELIEVED_NO_MORE else state


def distrust(counts: Counts, nodes: frozenset[str]) -> Counts:
    """The same counts, where what some nodes say well of themselves is unknown."""
    if not nodes & counts.keys():
        return counts
    return {node: _unsure(families) if node in nodes else families for node, families in counts.items()}


def _unsure(families: Mapping[str, Mapping[State, int]]) -> dict[str, dict[State, int]]:
    told = {}
    for family, states in families.items():
        moved = sum(states.get(state, 0) for state in BELIEVED_NO_MORE)
        kept = {state: count for state, count in states.items() if state not in BELIEVED_NO_MORE}
        told[family] = kept | {State.UNKNOWN: kept.get(State.UNKNOWN, 0) + moved} if moved else kept
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a rule is judged for, and how it stands as it may be told."""

    node: str
    asset: str | None
    state: State
    severity: Severity

    def rank(self) -> tuple[int, int, str, str]:
        """The key that sorts subjects of one rule, the worst first."""
        return *_gravity(self.state, self.severity), self.node, self.asset or ""


def rank(verdict: Verdict) -> tuple[int, int, str, str, str]:
    """The key that sorts verdicts, the worst first."""
    return *_gravity(verdict.state, verdict.severity), verdict.node, verdict.asset or "", verdict.rule


def _gravity(state: State, severity: Severity) -> tuple[int, int]:
    return WORST_FIRST.index(state), GRAVEST_FIRST.index(severity)


def worst(states: Iterable[State]) -> State | None:
    """The worst of some states; None where there is none."""
    found = set(states)
    return next((state for state in WORST_FIRST if state in found), None)


def is_rare(rule: Rule) -> bool:
    """Whether a rule's evidence comes so seldom that what holds under it can be about to change."""
    return min((bound.seconds for bound in rule.bounds if bound.seconds is not None), default=0) > _RARE


def is_soon(rule: Rule, verdict: Verdict, now: datetime) -> bool:
    """Whether a verdict that holds may be changed by time alone within a week, under a rule whose evidence is rarer."""
    if verdict.state is not State.PASS or verdict.next_change_at is None:
        return False
    return verdict.next_change_at <= now + SOON and is_rare(rule)


def stand(rulebook: Rulebook, verdicts: Iterable[Verdict], now: datetime) -> tuple[tuple[Verdict, ...], Counts]:
    """What a standing shows of all verdicts of a fleet, and what it counts."""
    shown: list[Verdict] = []
    counts: dict[str, dict[str, dict[State, int]]] = {}
    for each in verdicts:
        rule = rulebook.rules[each.rule]
        states = counts.setdefault(each.node, {}).setdefault(rule.family, {})
        states[each.state] = states.get(each.state, 0) + 1
        if each.state not in (State.PASS, State.NOT_APPLICABLE) or is_soon(rule, each, now):
            shown.append(each)
    return tuple(sorted(shown, key=rank)), counts
