"""Which verdicts changed, and what that does to their history. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from intendance.model.frozen import dataclass
from intendance.model.verdict import State, Verdict

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


def judge_again_at(verdicts: Iterable[Verdict], now: datetime) -> datetime:
    """When time alone may next change one of a node's verdicts."""
    instants = [each.next_change_at for each in verdicts if each.next_change_at is not None]
    return min([now + AGAIN_AFTER, *(at for at in instants if at > now)])


def steady_since(states: Iterable[tuple[State, datetime | None]]) -> datetime | None:
    """Since when everything holds, where everything does: since the last of it began to."""
    found: list[datetime] = []
    for state, since in states:
        if state is State.NOT_APPLICABLE:
            continue
        if state is not State.PASS or since is None:
            return None
        found.append(since)
    return max(found, default=None)
