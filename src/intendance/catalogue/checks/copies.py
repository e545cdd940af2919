"""The copies of an asset's sets over time: in which store, since when seen, until when. Pure."""

from __future__ import annotations

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
    open_copies: dict[tuple[str, str], Copy] = {}
    ended: list[Copy] = []
    for event in sorted(events, key=lambda each: (each.at, each.node, each.seq)):
        if event.kind == "inspection.completed":
            ended += _look(event, open_copies)
        else:
            _store(event, open_copies)
    return ended + list(open_copies.values())


def _store(event: Fact[Any], open_copies: dict[tuple[str, str], Copy]) -> None:
    at = recovered(event.data.recovers_to, event.at)
    if at is None:
        return
    for store in event.data.stores:
        open_copies.setdefault((store, event.data.set), Copy(event.data.set, store, at, event.at, event))


def _look(event: Inspection, open_copies: dict[tuple[str, str], Copy]) -> list[Copy]:
    """What an inspection opens is added; what it ends is taken out and returned."""
    store = event.data.store
    ended: list[Copy] = []
    listed: set[str] = set()
    oldest: datetime | None = None
    for seen in event.data.newest:
        listed.add(seen.set)
        key = (store, seen.set)
        known = open_copies.get(key)
        at = recovered(seen.recovers_to, event.at) if known is None else known.recovers_to
        if at is None:
            continue
        oldest = at if oldest is None else min(oldest, at)
        if seen.fault:
            before = open_copies.pop(key, None) or Copy(seen.set, store, at, event.at, event)
            ended.append(replace(before, closed=Closed(event, seen.fault if seen.stored_bytes else "")))
        elif known is None:
            open_copies[key] = Copy(seen.set, store, at, event.at, event)
    complete = len(event.data.newest) < LISTED
    absent = [key for key in open_copies if key[0] == store and key[1] not in listed]
    gone = [key for key in absent if complete or (oldest is not None and open_copies[key].recovers_to > oldest)]
    return ended + [replace(open_copies.pop(key), closed=Closed(event, "")) for key in gone]
