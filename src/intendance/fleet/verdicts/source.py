"""A node's evidence as the manager received it, read the way a node reads its own ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

from intendance.fleet.database.plain import Speaks
from intendance.ledger import envelope
from intendance.ledger.lean import facts as lean_facts
from intendance.model.errors.fleet import EvidenceSenseless
from intendance.model.verdict import Fact
from intendance.system.clock import rfc3339

_HEAD = (
    "SELECT incarnation, signed_size FROM evidence_head WHERE node = ? AND incarnation = "
    "(SELECT max(incarnation) FROM evidence_head WHERE node = ?)"
)
_OF_KIND = (
    "FROM evidence_record WHERE node = ? AND incarnation = ? AND kind = ? AND +seq < ?",
    "ORDER BY +seq DESC LIMIT ?",
)
_OF_ASSET = (
    "FROM evidence_record WHERE node = ? AND incarnation = ? AND kind = ? AND seq < ? AND asset = ?",
    "ORDER BY seq DESC LIMIT ?",
)
"""The signs keep SQLite from walking through all records of the node in their order, where few are of one kind."""
_KINDS = (
    "WITH RECURSIVE here(kind) AS (SELECT min(kind) FROM evidence_record WHERE node = ? AND incarnation = ? UNION ALL "
    "SELECT (SELECT min(kind) FROM evidence_record WHERE node = ? AND incarnation = ? AND kind > here.kind) "
    "FROM here WHERE here.kind IS NOT NULL) SELECT kind FROM here WHERE kind IS NOT NULL"
)
"""One step for each kind that there is, however many records there are."""
_ALL_OF_THEM = 2**62


_SENSELESS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What evidence brings about that is signed and has the right form, and means nothing: an instant that is none, say. A
database that fails is none of these."""
_LONGEST_DETAIL = 200


@contextmanager
def sensible(node: str) -> Iterator[None]:
    """What is made of one node's evidence within. Whoever took a node may sign anything: that is told of this node, and
    its neighbours are judged and shown all the same. Raises EvidenceSenseless."""
    try:
        yield
    except _SENSELESS as error:
        raise EvidenceSenseless(node=node, detail=f"{type(error).__name__}: {error}"[:_LONGEST_DETAIL]) from error


class NodeLedger:
    """The present ledger of one node, as far as a verified head covers it: what came after is not evidence yet.

    A node takes some eighty small readings: they are the driver's own, an expression for each would cost more than what
    it reads. The words are the same for both databases but for the mark of a parameter. What there is no record of is
    known from the beginning: of most kinds, most nodes have none.
    """

    def __init__(self, connection: Speaks, node: str) -> None:
        self._driver: Any = connection.connection.driver_connection
        self._mark = "?" if connection.dialect.name == "sqlite" else "%s"
        self._node = node
        self._newest: dict[tuple[str, str], tuple[int, list[tuple[int, datetime]]]] = {}
        found = self._read(_HEAD, (node, node))
        self.incarnation: int
        self.size: int
        self.incarnation, self.size = found[0] if found else (0, 0)

    @cached_property
    def _kinds(self) -> frozenset[str]:
        here = (self._node, self.incarnation)
        return frozenset([kind for (kind,) in self._read(_KINDS, (*here, *here))])

    def facts(
        self,
        kind: str,
        *,
        asset: str | None = None,
        since: datetime | None = None,
        latest: int | None = None,
        lean: bool = False,
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind, typed, newest first, at most `latest`; `lean`: with only those members that are
        judged. Raises RecordUnreadable."""
        rows = self._these("seq, content", kind, asset, since, latest)
        if lean:
            return lean_facts(rows, kind)
        return tuple([envelope.fact(bytes(content), kind, seq) for seq, content in rows])

    def newest(self, kind: str, *, asset: str, latest: int) -> tuple[tuple[int, datetime], ...]:
        """Number and date of the latest records of a kind about an asset, newest first; reads no record."""
        asked, found = self._newest.get((kind, asset), (0, []))
        if asked < latest:
            rows = self._these("seq, ts", kind, asset, None, latest)
            found = [(seq, datetime.fromisoformat(ts)) for seq, ts in rows]
            self._newest[kind, asset] = latest, found
        return tuple(found[:latest])

    def _these(
        self, what: str, kind: str, asset: str | None, since: datetime | None, latest: int | None
    ) -> Sequence[Any]:
        if kind not in self._kinds:
            return ()
        these, order = _OF_KIND if asset is None else _OF_ASSET
        values: list[object] = [self._node, self.incarnation, kind, self.size]
        if asset is not None:
            values.append(asset)
        if since is not None:
            these += " AND ts >= ?"
            values.append(rfc3339(since))
        values.append(_ALL_OF_THEM if latest is None else latest)
        return self._read(f"SELECT {what} {these} {order}", values)

    def _read(self, words: str, values: Sequence[object]) -> Sequence[Any]:
        found: Sequence[Any] = self._driver.execute(words.replace("?", self._mark), values).fetchall()
        return found
