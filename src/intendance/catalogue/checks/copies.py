"""The copies of an asset's sets over time: in which store, since when seen, until when. Pure."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from intendance.catalogue.subject import Inspection, Listing, Subject, in_order, instants, listings, recovered
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact

PRUNED = ("prune.begun", "prune.completed")
LISTED = 20
"""How many of the newest sets an inspection names: a set older than these was not looked for by name."""


@dataclass(frozen=True, slots=True)
class Closed:
    """An inspection that no longer found the copy, or found it with a fault (empty: it was not there); or a deletion.

    An inspection names a set that it missed too, with 0 bytes stored.
    """

    seen: Fact[Any]
    fault: str

    @property
    def pruned(self) -> bool:
        """Whether it was deleted on purpose."""
        return self.seen.kind in PRUNED


class Copy(NamedTuple):
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
    events: list[Fact[Any]] = [*subject.inspections, *subject.prunings]
    recovers_at: Mapping[int, datetime | None] = {}
    if not inspected_only:
        events += subject.completed
        recovers_at = subject.once(instants)
    listed = subject.once(listings)
    shelves: dict[str, _Shelf] = {}
    ended: list[Copy] = []
    for event in sorted(events, key=in_order):
        if event.kind == "inspection.completed":
            shelf = shelves.get(event.data.store)
            if shelf is None:
                shelf = shelves[event.data.store] = _Shelf(event.data.store)
            ended += shelf.look(event, listed[event.node, event.seq])
        elif event.kind in PRUNED:
            if event.data.store in shelves:
                ended += shelves[event.data.store].prune(event)
        else:
            _store(event, recovers_at[event.seq], shelves)
    standing = [copy for shelf in shelves.values() for copy in shelf.standing.values()]
    return ended + sorted(standing, key=lambda copy: (copy.since, copy.seen.node, copy.seen.seq))


def _store(event: Fact[Any], at: datetime | None, shelves: dict[str, _Shelf]) -> None:
    if at is None:
        return
    for store in event.data.stores:
        shelf = shelves.get(store)
        if shelf is None:
            shelf = shelves[store] = _Shelf(store)
        if event.data.set not in shelf.standing:
            shelf.open(Copy(event.data.set, store, at, event.at, event))


class _Shelf:
    """The copies that stand in one store, while its life is told."""

    def __init__(self, store: str) -> None:
        self._store = store
        self.standing: dict[str, Copy] = {}
        self._by_age: list[tuple[datetime, str]] = []  # of all that ever stood, the oldest first
        self._youngest: set[str] = set()  # the last of these, as many as are listed; while none ever ended
        self._ended = False  # whether a copy ever did: until then, all that stood stands

    def open(self, copy: Copy) -> None:
        self.standing[copy.set] = copy
        by_age, entry = self._by_age, (copy.recovers_to, copy.set)
        insort(by_age, entry)
        if len(by_age) <= LISTED:
            self._youngest.add(copy.set)
        elif entry >= by_age[-LISTED]:
            self._youngest.add(copy.set)
            self._youngest.discard(by_age[-LISTED - 1][1])

    def look(self, event: Inspection, listing: Listing) -> list[Copy]:
        """What an inspection opens is added; what it ends is taken out and returned."""
        if listing.plain and not self._ended and self._grew(event, listing.names):
            return []
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
                ended.append(before._replace(closed=Closed(event, seen.fault if seen.stored_bytes else "")))
            else:
                self.open(Copy(seen.set, self._store, at, event.at, event))
        oldest = min(instants, default=None)
        gone = self._absent(event, oldest, listing.names)
        ended += [self.standing.pop(name)._replace(closed=Closed(event, "")) for name in gone]
        self._ended = self._ended or bool(ended)
        return ended

    def prune(self, event: Fact[Any]) -> list[Copy]:
        """What a deletion ends is taken out and returned; one that was only begun shows again in the next look."""
        gone = [each.set for each in event.data.sets if each.set in self.standing]
        self._ended = self._ended or bool(gone)
        return [self.standing.pop(name)._replace(closed=Closed(event, "")) for name in gone]

    def _grew(self, event: Inspection, names: frozenset[str]) -> bool:
        """Whether all that stands was opened here or is listed again, as far as lists go: nothing ends then.

        Asked only while nothing ever ended. Sets that the inspection opens are added, as `look` would.
        """
        if names == self._youngest and len(names) == LISTED:
            return True
        new = names.difference(self.standing)
        left = len(new)
        for seen in event.data.newest:
            if not left:
                break
            if seen.set in new:
                left -= 1
                at = recovered(seen.recovers_to, event.at)
                if at is None:
                    return False
                self.open(Copy(seen.set, self._store, at, event.at, event))
        if len(names) < LISTED:
            return self.standing.keys() == names
        return names == self._youngest

    def _absent(self, event: Inspection, oldest: datetime | None, listed: frozenset[str]) -> list[str]:
        """What stood and was not seen, though it would have been listed: no list is longer than `LISTED`."""
        if len(event.data.newest) < LISTED:
            return [name for name in self.standing if name not in listed]
        if oldest is None:
            return []
        younger = {name for _, name in self._by_age[bisect_right(self._by_age, oldest, key=_age) :]}
        missing = (younger - listed) & self.standing.keys()
        return sorted(name for name in missing if self.standing[name].recovers_to > oldest)


def _age(entry: tuple[datetime, str]) -> datetime:
    return entry[0]
