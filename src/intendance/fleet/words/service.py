"""Other parties' words on nodes, as the judge reads them: copied from signed logs, never the only place they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from intendance.fleet.database.tables import word
from intendance.ledger import envelope
from intendance.ledger.book import Book
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
_KEPT = SAID | {FAILED}
_AT_ONCE = 200


def take(connection: Connection, log: str, by: str, records: Iterable[bytes]) -> int:
    """Keep what verified records of a log say of nodes; `log` is the key that signs it. How many were new.

    Raises RecordUnreadable.
    """
    rows = []
    for content in records:
        record = envelope.decode(content, 0)
        about = record.data.get("node", "")
        if record.kind in _KEPT and about and record.asset:
            rows.append(
                {"log": log, "seq": record.seq, "source": record.node, "by_whom": by, "node": about,
                 "asset": record.asset, "kind": record.kind, "ts": record.ts, "content": content}
            )  # fmt: skip
    dialect = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    count = 0
    for first in range(0, len(rows), _AT_ONCE):
        some = dialect(word).values(rows[first : first + _AT_ONCE]).on_conflict_do_nothing()
        count += connection.execute(some).rowcount
    return count


def take_own(connection: Connection, book: Book) -> int:
    """The same of the manager's own log, from where it was left: nothing is lost between the log and here."""
    log = book.key.text
    (last,) = connection.execute(select(func.max(word.c.seq)).where(word.c.log == log)).one()
    first = -1 if last is None else int(last)
    fresh = (
        book.content(record.seq)
        for kind in sorted(_KEPT)
        for record in _after(book, kind, first)
    )  # fmt: skip
    return take(connection, log, MANAGER, sorted(fresh, key=_number))


def _after(book: Book, kind: str, seq: int) -> list[Any]:
    found = []
    for record in book.records(kind=kind, newest_first=True):
        if record.seq <= seq:
            break
        found.append(record)
    return found


def _number(content: bytes) -> int:
    return envelope.decode(content, 0).seq


class Words:
    """What others say of one node, for the plan in force on it. `trusted` are the keys that sign its sets, today's
    first."""

    def __init__(
        self, connection: Connection, node: str, *, trusted: Iterable[str] = (), hosts: Iterable[HostEntry] = ()
    ) -> None:
        self._connection = connection
        self._node = node
        self._trusted = tuple(trusted)
        self._believed: Mapping[str, str] = {each.name: each.ledger_key for each in hosts if each.ledger_key}

    def facts(
        self, kind: str, *, asset: str, since: datetime | None = None, latest: int | None = None
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind about an asset, newest first of each log, at most `latest` of each.

        Raises RecordUnreadable.
        """
        if kind not in SAID:
            return ()
        counts: dict[str, int] = {}
        found = []
        for row in self._rows(kind, asset, since):
            fact = envelope.fact(bytes(row.content), kind, row.seq)
            if counts.get(row.log, 0) == latest or not self._counts(row.by_whom, row.log, fact):
                continue
            counts[row.log] = counts.get(row.log, 0) + 1
            found.append(fact)
        return tuple(found)

    def own(self, kind: str, *, asset: str, latest: int | None = None) -> tuple[Fact[Any], ...]:
        """What the manager itself said before, whatever key it trusted then."""
        rows = [row for row in self._rows(kind, asset, None) if row.by_whom == MANAGER]
        return tuple(envelope.fact(bytes(row.content), kind, row.seq) for row in rows[:latest])

    def _rows(self, kind: str, asset: str, since: datetime | None) -> Iterable[Any]:
        asked = select(word).where(word.c.node == self._node, word.c.asset == asset, word.c.kind == kind)
        if since is not None:
            asked = asked.where(word.c.ts >= rfc3339(since))
        return self._connection.execute(asked.order_by(word.c.log, word.c.seq.desc())).all()

    def _counts(self, by: str, log: str, fact: Fact[Any]) -> bool:
        """Whether it is the word of somebody who is believed, about sets that the node signed."""
        said = (fact.data.node, fact.data.by)
        believed = by == MANAGER or self._believed.get(by) == log
        signed = getattr(fact.data, "node_fingerprint", None)
        # A drill by an earlier key brought back what it brought back; a look by one takes today's sets for others'.
        keys = self._trusted if fact.kind.startswith("drill.") else self._trusted[:1]
        return believed and said == (self._node, by) and (signed is None or signed in keys)
