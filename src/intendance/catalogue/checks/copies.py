"""The copies of an asset's sets over time: in which store, since when seen, until when. Pure."""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from intendance.catalogue.subject import Inspection, Subject, recovered
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact

LISTED = 20
"""How many of the newest sets an inspection names: a set older than these was not looked for by name."""


@dataclass(frozen=True, slots=True)
class Closed:
    """An inspection that no longer found the copy, or found it with a fault (empty: it was not there).

    An inspection names a set that it missed too, with 0 bytes stored.
    """

    seen: Inspection
    fault: str


@dataclass(frozen=True, slots=True)
class Copy:
    """One set in one store: the instant it recovers to, the fact that first showed it, and what ended it, if any."""

    set: str
    store: str
    recovers_to: datetime
    since: datetime
    seen: Fact[Any]
    closed: Closed | None = None

    def end(self, bound: timedelta) -> datetime:
        """When it stopped being a copy younger than `bound`."""
        aged = self.recovers_to + bound
        return aged if self.closed is None else min(aged, self.closed.seen.at)


def copies(subject: Subject, *, inspected_only: bool) -> list[Copy]:
    """Every copy that the evidence shows. With `inspected_only` the node's own memory of having stored it is none."""
    events: list[Fact[Any]] = list(subject.inspections)
    if not inspected_only:
        events += subject.completed
    shelves: dict[str, _Shelf] = {}
    ended: list[Copy] = []
    for event in sorted(events, key=lambda each: (each.at, each.node, each.seq)):
        if event.kind == "inspection.completed":
            ended += shelves.setdefault(event.data.store, _Shelf(event.data.store)).look(event)
        else:
            _store(event, shelves)
    standing = [copy for shelf in shelves.values() for copy in shelf.standing.values()]
    return ended + sorted(standing, key=lambda copy: (copy.since, copy.seen.node, copy.seen.seq))


def _store(event: Fact[Any], shelves: dict[str, _Shelf]) -> None:
    at = recovered(event.data.recovers_to, event.at)
    if at is None:
        return
    for store in event.data.stores:
        shelf = shelves.setdefault(store, _Shelf(store))
        if event.data.set not in shelf.standing:
            shelf.open(Copy(event.data.set, store, at, event.at, event))


class _Shelf:
    """The copies that stand in one store, while its life is told."""

    def __init__(self, store: str) -> None:
        self._store = store
        self.standing: dict[str, Copy] = {}
        self._by_age: list[tuple[datetime, str]] = []  # of all that ever stood, the oldest first

    def open(self, copy: Copy) -> None:
        self.standing[copy.set] = copy
        insort(self._by_age, (copy.recovers_to, copy.set))

    def look(self, event: Inspection) -> list[Copy]:
        """What an inspection opens is added; what it ends is taken out and returned."""
        ended: list[Copy] = []
        instants: list[datetime] = []
        standing = self.standing
        for seen in event.data.newest:
            known = standing.get(seen.set)
            if known is not None and not seen.fault:
                instants.append(known.recovers_to)
                continue
            at = recovered(seen.recovers_to, event.at) if known is None else known.recovers_to
            if at is None:
                continue
            instants.append(at)
            if seen.fault:
                before = standing.pop(seen.set, None) or Copy(seen.set, self._store, at, event.at, event)
                ended.append(replace(before, closed=Closed(event, seen.fault if seen.stored_bytes else "")))
            else:
                self.open(Copy(seen.set, self._store, at, event.at, event))
        oldest = min(instants, default=None)
        gone = self._absent(event, oldest)
        return ended + [replace(self.standing.pop(name), closed=Closed(event, "")) for name in gone]

    def _absent(self, event: Inspection, oldest: datetime | None) -> list[str]:
        """What stood and was not seen, though it would have been listed: no list is longer than `LISTED`."""
        listed = {seen.set for seen in event.data.newest}
        if len(event.data.newest) < LISTED:
            return [name for name in self.standing if name not in listed]
        if oldest is None:
            return []
        younger = {name for _, name in self._by_age[bisect_right(self._by_age, oldest, key=_age) :]}
        missing = (younger - listed) & self.standing.keys()
        return sorted(name for name in missing if self.standing[name].recovers_to > oldest)


def _age(entry: tuple[datetime, str]) -> datetime:
    return entry[0]
