"""Other parties' words on one node, as the judge reads them: by the driver's own words, the same for both databases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from intendance.fleet.database.plain import Speaks
from intendance.ledger import envelope
from intendance.model.evidence.lifecycle import HostEntry
from intendance.model.verdict import Fact
from intendance.system.clock import rfc3339

MANAGER = "manager"
"""By what name the manager's own look is known."""
SAID = frozenset(
    {"inspection.completed", "drill.completed", "drill.failed", "prune.marked", "prune.begun", "prune.completed"}
)
"""What another party can say of a node. That it could not look says nothing of what there is: it is kept to be told."""
FAILED = "inspection.failed"
_SPOKEN_OF = "SELECT DISTINCT asset, kind FROM word WHERE node = ?"
_THESE = "SELECT seq, log, by_whom, ts FROM word WHERE node = ? AND asset = ? AND kind = ? ORDER BY log, seq DESC"
_SINCE = "SELECT seq, log, content FROM word WHERE node = ? AND asset = ? AND kind = ? AND ts >= ?"
_ONE = "SELECT seq, log, content FROM word WHERE log = ? AND seq = ?"
_FEW = 3
"""So many contents are asked for one by one; of more, all since the oldest."""


class _Word(NamedTuple):
    """A record of another log: its number, the key that signs that log, whose it is, its date as text."""

    seq: int
    log: str
    by_whom: str
    ts: str


class Words:
    """What others say of one node, for the plan in force on it. `trusted` are the keys that sign its sets, today's
    first.

    Judging asks for every kind about every asset, twice: the readings are the driver's own, what nobody ever spoke of
    is known after the first, and only what is asked for is decoded, once.
    """

    def __init__(
        self, connection: Speaks, node: str, *, trusted: Iterable[str] = (), hosts: Iterable[HostEntry] = ()
    ) -> None:
        self._driver: Any = connection.connection.driver_connection
        self._mark = "?" if connection.dialect.name == "sqlite" else "%s"
        self._node = node
        self._trusted = tuple(trusted)
        self._believed: Mapping[str, str] = {each.name: each.ledger_key for each in hosts if each.ledger_key}
        self._rows: dict[tuple[str, str], Sequence[_Word]] = {}
        self._facts: dict[tuple[str, int], Fact[Any]] = {}

    def facts(
        self, kind: str, *, asset: str, since: datetime | None = None, latest: int | None = None
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind about an asset, newest first of each log, at most `latest` of each.

        Raises RecordUnreadable.
        """
        if kind not in SAID:
            return ()
        rows = [row for row in self._about(kind, asset) if self._is_believed(row)]
        if since is not None:
            from_then = rfc3339(since)
            rows = [row for row in rows if row.ts >= from_then]
        if latest is None:
            self._read(kind, asset, rows)
        counts: dict[str, int] = {}
        found = []
        for row in rows:
            if counts.get(row.log, 0) == latest:
                continue
            fact = self._fact(kind, asset, row)
            if self._counts(row.by_whom, fact):
                counts[row.log] = counts.get(row.log, 0) + 1
                found.append(fact)
        return tuple(found)

    def own(self, kind: str, *, asset: str, latest: int | None = None) -> tuple[Fact[Any], ...]:
        """What the manager itself said before, whatever key it trusted then. Raises RecordUnreadable."""
        rows = [row for row in self._about(kind, asset) if row.by_whom == MANAGER][:latest]
        self._read(kind, asset, rows)
        return tuple(self._fact(kind, asset, row) for row in rows)

    def _about(self, kind: str, asset: str) -> Sequence[_Word]:
        place = asset, kind
        if place not in self._spoken_of:
            return ()
        if place not in self._rows:
            self._rows[place] = [_Word(*row) for row in self._ask(_THESE, (self._node, asset, kind))]
        return self._rows[place]

    @cached_property
    def _spoken_of(self) -> frozenset[tuple[str, str]]:
        return frozenset((asset, kind) for asset, kind in self._ask(_SPOKEN_OF, (self._node,)))

    def _fact(self, kind: str, asset: str, row: _Word) -> Fact[Any]:
        self._read(kind, asset, (row,))
        return self._facts[row.log, row.seq]

    def _read(self, kind: str, asset: str, rows: Sequence[_Word]) -> None:
        """Decode these, where they are not yet."""
        missing = [row for row in rows if (row.log, row.seq) not in self._facts]
        if len(missing) > _FEW:
            oldest = min(row.ts for row in missing)
            self._decode(kind, self._ask(_SINCE, (self._node, asset, kind, oldest)), missing)
        else:
            for row in missing:
                self._decode(kind, self._ask(_ONE, (row.log, row.seq)), missing)

    def _decode(self, kind: str, found: Iterable[Any], missing: Iterable[_Word]) -> None:
        wanted = {(row.log, row.seq) for row in missing}
        for seq, log, content in found:
            if (log, seq) in wanted:
                self._facts[log, seq] = envelope.fact(bytes(content), kind, seq)

    def _ask(self, words: str, values: Sequence[object]) -> Iterable[Any]:
        found: Iterable[Any] = self._driver.execute(words.replace("?", self._mark), values).fetchall()
        return found

    def _is_believed(self, row: _Word) -> bool:
        """Whether it is the word of somebody who is believed, by the key that the plan has of them."""
        return row.by_whom == MANAGER or self._believed.get(row.by_whom) == row.log

    def _counts(self, by: str, fact: Fact[Any]) -> bool:
        """Whether it is said by whoever signs that log, of this node, about sets that the node signed."""
        signed = getattr(fact.data, "node_fingerprint", None)
        # A drill by an earlier key brought back what it brought back; a look by one takes today's sets for others'.
        keys = self._trusted if fact.kind.startswith("drill.") else self._trusted[:1]
        return (fact.data.node, fact.data.by) == (self._node, by) and (signed is None or signed in keys)
