"""What all verdicts of a fleet add up to, kept up to date by what was written since.

No page waits until ten thousand nodes are counted again because one of them was judged.
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from intendance.catalogue.rule import Rulebook
from intendance.fleet.database.tables import verdict
from intendance.fleet.verdicts import decide, rows
from intendance.fleet.verdicts.changing import SUM_MODULO, verdicts_stamp
from intendance.fleet.verdicts.standing import Counts, rank, stand
from intendance.model.frozen import dataclass
from intendance.model.verdict import State, Verdict

_FEW = 200
"""Nodes that are asked for by name; of more, all are read."""


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
    """What one node adds. `since`: since when all of it holds; None where nothing is judged, or not all holds."""

    shown: tuple[Verdict, ...]
    counts: Counts
    steady: bool
    since: datetime | None


class Counting:
    """The verdicts of a fleet as they were read last, by node, and what each node adds. From any thread."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._stamps: dict[str, _Stamp] = {}
        self._verdicts: dict[str, tuple[Verdict, ...]] = {}
        self._shares: dict[str, _Share] = {}
        self._hour: datetime | None = None
        self._counted: tuple[object, Tally] | None = None

    def tally(self, connection: Connection, names: frozenset[str], now: datetime) -> Tally:
        """What the verdicts on some nodes add up to now. What may change soon depends on the time alone: it is seen
        each hour."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            self._read(connection)
            if hour != self._hour:
                self._shares.clear()
                self._hour = hour
            key = (self._stamp, names, hour)
            if self._counted is None or self._counted[0] != key:
                self._counted = key, self._add_up(names, now)
            return self._counted[1]

    def _read(self, connection: Connection) -> None:
        """Read again the nodes of which something was written or taken away."""
        stamp = verdicts_stamp(connection)
        if stamp == self._stamp:
            return
        now = {row.node: _Stamp(row[1], row[2], row[3]) for row in connection.execute(_by_node())}
        changed = [name for name in self._stamps.keys() | now.keys() if self._stamps.get(name) != now.get(name)]
        wanted = select(verdict)
        if len(changed) <= _FEW:
            wanted = wanted.where(verdict.c.node.in_(changed))
        found: dict[str, list[Any]] = {name: [] for name in changed}
        for row in connection.execute(wanted):
            found.setdefault(row.node, []).append(row)
        for name, of_node in found.items():
            self._take(name, of_node)
        self._stamp = stamp

    def _take(self, name: str, found: list[Any]) -> None:
        """What there is of a node: its stamp is that of what was read, so that what came meanwhile is read again."""
        instants = [row.judged_us for row in found]
        stamp = _Stamp(len(found), max(instants, default=0), sum(each % SUM_MODULO for each in instants))
        if self._stamps.get(name) == stamp:
            return
        self._shares.pop(name, None)
        if found:
            self._stamps[name] = stamp
            self._verdicts[name] = tuple(map(rows.to_verdict, found))
        else:
            self._stamps.pop(name, None)
            self._verdicts.pop(name, None)

    def _add_up(self, names: frozenset[str], now: datetime) -> Tally:
        shown: list[Verdict] = []
        counts: dict[str, Any] = {}
        shares = [self._share(name, now) for name in sorted(names & self._verdicts.keys())]
        for share in shares:
            shown += share.shown
            counts.update(share.counts)
        instants = [share.since for share in shares if share.since is not None]
        steady = all(share.steady for share in shares)
        return Tally(
            shown=tuple(sorted(shown, key=rank)),
            counts=counts,
            all_since=max(instants, default=None) if steady else None,
        )

    def _share(self, name: str, now: datetime) -> _Share:
        known = self._shares.get(name)
        if known is None:
            found = self._verdicts[name]
            shown, counts = stand(self._rulebook, found, now)
            judged = [each for each in found if each.state is not State.NOT_APPLICABLE]
            since = decide.steady_since((each.state, each.since) for each in judged)
            known = _Share(shown=shown, counts=counts, steady=not judged or since is not None, since=since)
            self._shares[name] = known
        return known


def _by_node() -> Select[Any]:
    judged = verdict.c.judged_us
    return select(verdict.c.node, func.count(), func.max(judged), func.sum(judged % SUM_MODULO)).group_by(
        verdict.c.node
    )
