"""What all verdicts of a fleet add up to, kept up to date by what was written since.

No page waits until ten thousand nodes are counted again because one of them was judged.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select, true

from intendance.catalogue.rule import Rulebook
from intendance.fleet.database.connect import from_us, to_us
from intendance.fleet.database.tables import verdict
from intendance.fleet.verdicts import rows
from intendance.fleet.verdicts.changing import SUM_MODULO, verdicts_stamp
from intendance.fleet.verdicts.standing import SOON, Counts, is_rare, rank
from intendance.model.frozen import dataclass
from intendance.model.verdict import State, Verdict

_FEW = 200
"""Nodes that are asked for by name; of more, all are read."""
_STATES = {state.value: state for state in State}
_WELL = (State.PASS.value, State.NOT_APPLICABLE.value)
"""What a standing only counts: nearly all of a fleet, of which no more is read than a count needs."""


class _Stamp(NamedTuple):
    """How many verdicts of a node there are, when the latest was judged, a sum over all."""

    verdicts: int
    latest: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a standing shows and counts. `all_since` is when the last of what holds began to, if everything does."""

    shown: tuple[Verdict, ...]
    counts: Counts
    all_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """What one node adds beside what it shows. `since_us`: since when all of it holds; None where nothing is judged,
    or not all holds."""

    counts: dict[str, dict[State, int]]
    steady: bool
    since_us: int | None


class Counting:
    """What each node of a fleet adds, as it was read last, by the rules that this program knows: a verdict of another
    was found by another version, and is judged again or left to it. From any thread."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._families = {name: rule.family for name, rule in rulebook.rules.items()}
        self._rare = sorted(name for name, rule in rulebook.rules.items() if is_rare(rule))
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._stamps: dict[str, _Stamp] = {}
        self._shares: dict[str, _Share] = {}
        self._wrong: dict[str, tuple[Verdict, ...]] = {}
        self._soon: dict[str, tuple[Verdict, ...]] = {}
        self._hour: datetime | None = None
        self._counted: tuple[object, Tally] | None = None

    def tally(self, connection: Connection, names: frozenset[str], now: datetime) -> Tally:
        """What the verdicts on some nodes add up to now. What may change soon depends on the time alone: it is seen
        each hour."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            self._read(connection, hour)
            if hour != self._hour:
                self._soon = self._by_node(connection.execute(self._soon_at(hour)))
                self._hour = hour
            key = (self._stamp, names, hour)
            if self._counted is None or self._counted[0] != key:
                self._counted = key, self._add_up(names)
            return self._counted[1]

    def _read(self, connection: Connection, hour: datetime) -> None:
        """Read again the nodes of which something was written or taken away. Their counts are read before what is
        shown of them, and say up to when: what is written between the two is read again the next time."""
        stamp = verdicts_stamp(connection)
        if stamp == self._stamp:
            return
        now = {row.node: _Stamp(row[1], row[2], row[3]) for row in connection.execute(_stamps())}
        changed = [name for name in self._stamps.keys() | now.keys() if self._stamps.get(name) != now.get(name)]
        these = verdict.c.node.in_(changed) if len(changed) <= _FEW else true()
        found: dict[str, list[Any]] = {name: [] for name in changed}
        for row in connection.execute(_narrow().where(these)):
            found.setdefault(row[0], []).append(row)
        wrong = self._by_node(connection.execute(select(verdict).where(these, verdict.c.state.not_in(_WELL))))
        soon = self._by_node(connection.execute(self._soon_at(hour).where(these)))
        for name, of_node in found.items():
            self._take(name, of_node, wrong.get(name, ()), soon.get(name, ()))
        self._stamp = stamp

    def _take(self, name: str, found: Sequence[Any], wrong: tuple[Verdict, ...], soon: tuple[Verdict, ...]) -> None:
        for kept, of_node in ((self._wrong, wrong), (self._soon, soon)):
            kept.pop(name, None)
            if of_node:
                kept[name] = of_node
        if found:
            instants = [row[4] for row in found]
            self._stamps[name] = _Stamp(len(found), max(instants), sum(each % SUM_MODULO for each in instants))
            self._shares[name] = self._share(found)
        else:
            self._stamps.pop(name, None)
            self._shares.pop(name, None)

    def _soon_at(self, hour: datetime) -> Select[Any]:
        """What holds and may be broken by time alone within a week of an hour."""
        column = verdict.c
        return select(verdict).where(
            column.state == State.PASS.value, column.rule.in_(self._rare), column.next_change_us <= to_us(hour + SOON)
        )

    def _add_up(self, names: frozenset[str]) -> Tally:
        here = sorted(names & self._shares.keys())
        shares = [self._shares[name] for name in here]
        shown = [each for kept in (self._wrong, self._soon) for name in kept.keys() & names for each in kept[name]]
        instants = [share.since_us for share in shares if share.since_us is not None]
        steady = all(share.steady for share in shares) and bool(instants)
        return Tally(
            shown=tuple(sorted(shown, key=rank)),
            counts={name: share.counts for name, share in zip(here, shares, strict=True)},
            all_since=from_us(max(instants)) if steady else None,
        )

    def _share(self, found: Sequence[Any]) -> _Share:
        counts: dict[str, dict[State, int]] = {}
        holds, judged, latest_us = True, False, 0
        for _node, rule, value, since_us, _judged_us in found:
            if rule not in self._families:
                continue
            state = _STATES[value]
            states = counts.setdefault(self._families[rule], {})
            states[state] = states.get(state, 0) + 1
            if state is not State.NOT_APPLICABLE:
                judged = True
                holds = holds and state is State.PASS and since_us != rows.NEVER
                latest_us = max(latest_us, since_us)
        return _Share(counts=counts, steady=holds, since_us=latest_us if holds and judged else None)

    def _by_node(self, found: Iterable[Any]) -> dict[str, tuple[Verdict, ...]]:
        by_node: dict[str, list[Verdict]] = {}
        for row in found:
            if row.rule in self._families:
                by_node.setdefault(row.node, []).append(rows.to_verdict(row))
        return {name: tuple(verdicts) for name, verdicts in by_node.items()}


def _narrow() -> Select[Any]:
    column = verdict.c
    return select(column.node, column.rule, column.state, column.since_us, column.judged_us)


def _stamps() -> Select[Any]:
    judged = verdict.c.judged_us
    return select(verdict.c.node, func.count(), func.max(judged), func.sum(judged % SUM_MODULO)).group_by(
        verdict.c.node
    )
