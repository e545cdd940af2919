"""Which verdicts changed, and what that does to their history. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta

from intendance.model.frozen import dataclass
from intendance.model.verdict import Reason, State, Verdict

FLEET_RULES = ("MAINT_001", "MAINT_002", "MAINT_005")
"""Rules that the manager judges by what it heard and did itself, and not by evidence of nodes."""
KEPT_FOR = timedelta(days=400)
"""How long the history of a verdict is kept."""
AGAIN_AFTER = timedelta(days=1)
"""A node is judged again after so long though nothing changed: a mistake in what would change when heals."""

Key = tuple[str, str, str]
"""Node, rule, asset (empty: the node itself)."""


def key(verdict: Verdict) -> Key:
    """What a verdict is about."""
    return verdict.node, verdict.rule, verdict.asset or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """`written` are verdicts that say something new, `turned` those among them whose state is another than before;
    `gone` are no longer judged."""

    written: tuple[Verdict, ...]
    turned: tuple[Verdict, ...]
    gone: tuple[Key, ...]


def dropped(before: Iterable[Verdict], now: Iterable[Verdict], known: Container[str]) -> tuple[str, ...]:
    """The rules that a node was judged by, and is no more although this program knows them: its plan asks less."""
    gone = {each.rule for each in before} - {each.rule for each in now}
    return tuple(sorted(rule for rule in gone if rule in known))


def compare(before: Mapping[Key, Verdict], now: Iterable[Verdict]) -> Changes:
    """What judging a node again changes."""
    written: list[Verdict] = []
    turned: list[Verdict] = []
    left = set(before)
    for verdict in now:
        place = key(verdict)
        left.discard(place)
        known = before.get(place)
        if known != verdict:
            written.append(verdict)
        if known is None or known.state is not verdict.state:
            turned.append(verdict)
    return Changes(written=tuple(written), turned=tuple(turned), gone=tuple(sorted(left)))


def unjudgeable(before: Iterable[Verdict], error: str, now: datetime) -> tuple[Verdict, ...]:
    """What stands of a node whose evidence cannot be judged: nothing that was well is taken for well any more, and
    nothing that was broken goes away."""
    return tuple(_unsure(each, error, now) if each.state in _RESTED_ON_IT else each for each in before)


_RESTED_ON_IT = (State.PASS, State.PENDING, State.WAIVED)


def _unsure(verdict: Verdict, error: str, now: datetime) -> Verdict:
    return Verdict(
        rule=verdict.rule,
        asset=verdict.asset,
        node=verdict.node,
        state=State.ERROR,
        severity=verdict.severity,
        since=now,
        reason=Reason(code="check_failed", params={"error": error}),
    )


def judge_again_at(verdicts: Iterable[Verdict], now: datetime) -> datetime:
    """When time alone may next change one of a node's verdicts."""
    instants = [each.next_change_at for each in verdicts if each.next_change_at is not None]
    return min([now + AGAIN_AFTER, *(at for at in instants if at > now)])
