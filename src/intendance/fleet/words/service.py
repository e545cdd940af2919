"""Other parties' words on nodes, kept for the judge: copied from signed logs, never the only place they stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import word
from intendance.fleet.words.spoken import FAILED, MANAGER, SAID
from intendance.ledger import envelope, imports
from intendance.ledger.book import Book
from intendance.model.evidence.imported import LedgerImported

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
    count = 0
    for first in range(0, len(rows), _AT_ONCE):
        some = insert_into(connection, word).values(rows[first : first + _AT_ONCE]).on_conflict_do_nothing()
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


def take_imported(connection: Connection, book: Book) -> int:
    """The same of the logs of hosts that are in view of the manager's own, as far as their newest import says."""
    newest: dict[str, LedgerImported] = {}
    for fact in book.facts("ledger.imported"):
        newest.setdefault(fact.data.origin, fact.data)
    count = 0
    for origin, imported in newest.items():
        (last,) = connection.execute(select(func.max(word.c.seq)).where(word.c.log == imported.key)).one()
        first = -1 if last is None else int(last)
        fresh = imports.contents(book, origin, kinds=SAID, after=first, size=imported.size)
        count += take(connection, imported.key, imported.host, fresh)
    return count


def _after(book: Book, kind: str, seq: int) -> list[Any]:
    found = []
    for record in book.records(kind=kind, newest_first=True):
        if record.seq <= seq:
            break
        found.append(record)
    return found


def _number(content: bytes) -> int:
    return envelope.decode(content, 0).seq
