"""A node that was taken: whatever it wants to say, it says in records that its own key signs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from intendance.fleet.manager import Manager
from intendance.ledger import canonical, envelope
from intendance.ledger.book import Book
from intendance.ledger.keys import load_key
from intendance.ledger.note import VerifierKey, checkpoint_text, sign_note
from intendance.ledger.tlog import Edge, leaf_hash
from intendance.model.evidence import KINDS
from intendance.system.clock import Clock, rfc3339
from intendance.wire import messages
from tests.support.nodes import SimulatedNode

Change = Callable[[tuple[str, ...], Any], Any]
"""Takes where a value stands in a record's data and the value; gives what stands there instead."""

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
BATCH = 200


class Taken(SimulatedNode):
    """A node whose key somebody else uses: the life that another ledger tells, with changes of theirs."""

    def __init__(self, name: str, clock: Clock, state: Path) -> None:
        super().__init__(name, clock, state)
        self.contents: list[bytes] = [self.book.content(0)]

    def retell(
        self,
        told: Book,
        change: Change,
        *,
        envelope_change: Change = lambda _, value: value,
        kinds: Collection[str] = KINDS,
        only: bool = False,
    ) -> int:
        """Every record of another ledger but its first, those of some `kinds` changed wherever their kind takes it, and
        with `only` told alone; how many values were changed."""
        count = 0
        for seq in range(1, told.size()):
            record: dict[str, Any] = msgspec.json.decode(told.content(seq))
            if only and record["kind"] not in kinds:
                continue
            data = record["data"]
            if record["kind"] in kinds:
                data, changed = changed_data(record["kind"], data, change)
                count += changed
            for name in ("asset", "run", "actor", "boot", "ts"):
                if record[name] is not None:
                    record[name] = envelope_change((name,), record[name])
            self.say(record | {"data": data})
        return count

    def say(self, record: dict[str, Any]) -> None:
        """One record more, in its place."""
        seq = len(self.contents)
        placed = record | {"seq": seq, "node": self.name, "prev": envelope.digest(self.contents[-1])}
        self.contents.append(canonical.encode(placed))

    def made(self, kind: str, data: dict[str, Any], *, asset: str | None = None) -> dict[str, Any]:
        """A record as its author writes it, to be said."""
        first: dict[str, Any] = msgspec.json.decode(self.contents[0])
        now = rfc3339(self.clock.read().at)
        return first | {"kind": kind, "data": data, "asset": asset, "ts": now, "actor": "person:x", "attachments": []}

    def hand_over(self, manager: Manager) -> None:
        """Send all that the manager has not got."""
        for batch in self.batches():
            manager.evidence.receive(batch)

    def batches(self) -> list[messages.EvidenceBatch]:
        """All that it said, signed."""
        edge = Edge()
        for content in self.contents:
            edge.append(leaf_hash(content))
        key: VerifierKey = self.book.key
        text = checkpoint_text(key.name, len(self.contents), edge.root())
        head = sign_note(text, key.name, load_key(self.state / "agent" / "keys" / "ledger.key")).decode()
        return [
            messages.EvidenceBatch(
                v=1, node=self.name, incarnation=self.incarnation, first_seq=first,
                records=tuple(each.decode() for each in self.contents[first : first + BATCH]), checkpoint=head,
            )
            for first in range(0, len(self.contents), BATCH)
        ]  # fmt: skip


N = TypeVar("N", bound=SimulatedNode)


def join(manager: Manager, node: N) -> N:
    """A node that has joined, by an administrator's token and its own key."""
    token = manager.nodes.invite(node.name, by="test", pin="plain").token
    node.taken_in(manager.nodes.enrol(node.enrolment(token)))
    manager.ingest.reload()
    return node


def changed_data(kind: str, data: dict[str, Any], change: Change) -> tuple[dict[str, Any], int]:
    """The data of a record with every value changed that may be changed without its kind refusing it."""
    whole: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.convert(data, KINDS[kind])))
    count = 0
    for path, value in list(_leaves(whole, ())):
        other = change(tuple(map(str, path)), value)
        if other == value and type(other) is type(value):
            continue
        _put(whole, path, other)
        try:
            msgspec.convert(whole, KINDS[kind])
            canonical.encode(whole)
            count += 1
        except Exception:  # noqa: BLE001 -- whatever the kind says of it
            _put(whole, path, value)
    return whole, count


def _leaves(value: Any, path: tuple[Any, ...]) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _leaves(item, (*path, place))
    else:
        yield path, value


def _put(whole: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        whole = whole[step]
    whole[path[-1]] = value
