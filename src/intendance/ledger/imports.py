"""Other machines' ledgers in view of this one: kept apart, believed as far as the plan in force says."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from intendance.ledger import envelope, rows
from intendance.ledger.book import Book, Transaction
from intendance.ledger.report import Case, Report
from intendance.ledger.rows import Row
from intendance.ledger.source import StateSource
from intendance.ledger.tlog import Edge, leaf_hash
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.evidence.drill import DrillCompleted
from intendance.model.evidence.imported import LedgerImported
from intendance.model.evidence.lifecycle import HostEntry
from intendance.model.evidence.prune import PruneBegun, PruneCompleted
from intendance.model.verdict import Fact

TAKEN = frozenset(
    {"inspection.completed", "drill.completed", "drill.failed", "prune.marked", "prune.begun", "prune.completed"}
)
"""What another machine can say of this node. That it could not look says nothing of what there is."""

_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'imported'"


class View:
    """What is in view of other ledgers, at one instant, for the plan in force."""

    def __init__(self, book: Book) -> None:
        self._book = book

    @cached_property
    def believed(self) -> Mapping[str, LedgerImported]:
        """The newest import of each log whose machine and key stand in the plan in force, by its origin."""
        imported = self._book.facts("ledger.imported")
        plans = self._book.facts("plan.adopted", latest=1)
        if not imported or not plans or not has_table(self._book.connection):
            return {}
        hosts: Iterable[HostEntry] = plans[0].data.hosts
        keys = {host.name: host.ledger_key for host in hosts if host.ledger_key}
        newest: dict[str, LedgerImported] = {}
        for fact in imported:
            newest.setdefault(fact.data.origin, fact.data)
        return {origin: each for origin, each in newest.items() if keys.get(each.host) == each.key}

    @cached_property
    def _node_keys(self) -> tuple[str, ...]:
        """The key that signs this node's sets, then those of before it was rebuilt."""
        (genesis,) = self._book.facts("genesis", latest=1)
        return tuple(genesis.data.trusted_keys)

    def facts(
        self, kind: str, *, asset: str, since: datetime | None = None, latest: int | None = None
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind that other machines gave about an asset of this node, newest first of each log.

        At most `latest` of each log; `since` as `Book.facts` has it. Raises RecordUnreadable.
        """
        if kind not in TAKEN or not self.believed:
            return ()
        found: list[Fact[Any]] = []
        for origin, imported in self.believed.items():
            ours = self._of_this_node(origin, imported, kind, asset, since)
            found += [fact for fact, _ in zip(ours, range(latest), strict=False)] if latest is not None else list(ours)
        return tuple(found)

    def _of_this_node(
        self, origin: str, imported: LedgerImported, kind: str, asset: str, since: datetime | None
    ) -> Iterator[Fact[Any]]:
        fleet, host = self._book.origin.partition("/")[0], imported.host
        # What came back in a drill came back, whichever of our keys its host trusted then; a look by an earlier key
        # takes today's sets for a stranger's.
        keys = self._node_keys if kind.startswith("drill.") else self._node_keys[:1]
        found = self._book.connection.execute(
            "SELECT seq, content FROM imported WHERE kind = ? AND asset = ? AND origin = ? AND seq < ?"
            " ORDER BY seq DESC",
            (kind, asset, origin, imported.size),
        )
        for seq, content in found:
            fact = envelope.fact(content, kind, seq)
            if since is not None and fact.at < since:
                continue
            said = (fact.data.fleet, fact.data.node, fact.data.by)
            if said == (fleet, self._book.node, host) and getattr(fact.data, "node_fingerprint", keys[0]) in keys:
                yield fact


def prunings(book: Book, asset: str) -> tuple[PruneBegun | PruneCompleted, ...]:
    """What other machines deleted of an asset's sets, as far as their ledgers are in view."""
    view = View(book)
    kinds = ("prune.begun", "prune.completed")
    return tuple(fact.data for kind in kinds for fact in view.facts(kind, asset=asset))


def all_prunings(book: Book, asset: str) -> tuple[PruneBegun | PruneCompleted, ...]:
    """What anybody deleted of an asset's sets, as far as this ledger and those in view tell."""
    kinds = ("prune.begun", "prune.completed")
    return (*prunings(book, asset), *(fact.data for kind in kinds for fact in book.facts(kind, asset=asset)))


def all_drills(book: Book, asset: str) -> tuple[DrillCompleted, ...]:
    """The drills that sets of an asset passed, as far as this ledger and those in view tell."""
    kind = "drill.completed"
    return tuple(fact.data for fact in (*View(book).facts(kind, asset=asset), *book.facts(kind, asset=asset)))


def contents(book: Book, origin: str, *, kinds: Iterable[str], after: int, size: int) -> tuple[bytes, ...]:
    """The records of some kinds that are in view of a log, from behind number `after` on, below `size`, in order."""
    if not has_table(book.connection):
        return ()
    asked = f"""SELECT content FROM imported WHERE origin = ? AND seq > ? AND seq < ?
        AND kind IN ({", ".join("?" * len(wanted := sorted(kinds)))}) ORDER BY seq"""  # noqa: S608 -- only marks
    return tuple(bytes(content) for (content,) in book.connection.execute(asked, (origin, after, size, *wanted)))


def has_table(connection: sqlite3.Connection) -> bool:
    """Whether anything was ever imported here."""
    return connection.execute(_TABLE).fetchone() is not None


def create_table(connection: sqlite3.Connection) -> None:
    """Make room for other ledgers' records; does nothing where there is some."""
    connection.executescript(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def latest_import(book: Book, origin: str) -> LedgerImported | None:
    """What was last taken into view of a log, whatever was of others since; None when nothing was."""
    return next((fact.data for fact in book.facts("ledger.imported") if fact.data.origin == origin), None)


def add(transaction: Transaction, origin: str, records: Iterable[Row]) -> None:
    """Take verified records of a log into view, in the transaction that records their import."""
    for row in records:
        transaction.execute(
            "INSERT OR REPLACE INTO imported (origin, seq, kind, asset, ts, content) VALUES (?, ?, ?, ?, ?, ?)",
            (origin, row.seq, row.kind, row.asset, row.ts, row.content),
        )


def root_in_view(connection: sqlite3.Connection, origin: str, size: int) -> str:
    """The root (hex) of the first `size` records of a log as they are kept here; empty when some are missing.

    Columns that do not fit their record make it another root: they are what a record is found by.
    """
    edge = Edge()
    for seq, kind, asset, ts, content in connection.execute(
        "SELECT seq, kind, asset, ts, content FROM imported WHERE origin = ? AND seq < ? ORDER BY seq", (origin, size)
    ):
        record = envelope.decode(content, seq)
        fits = (record.seq, record.kind, record.asset, record.ts) == (seq, kind, asset, ts)
        if seq != edge.size or not fits:
            return ""
        edge.append(leaf_hash(content))
    return edge.root().hex() if edge.size == size else ""


def check_views(source: StateSource, report: Report) -> None:
    """Compare what is kept of other machines' ledgers with what was verified when it was imported.

    Raises Unreadable.
    """
    newest: dict[str, LedgerImported] = {}
    for seq, content in rows.selected(
        source.connection, kind="ledger.imported", asset=None, since=None, newest_first=False, limit=None
    ):
        try:
            imported: LedgerImported = envelope.fact(content, "ledger.imported", seq).data
        except RecordUnreadable:
            continue  # the verification of our own records tells it
        newest[imported.origin] = imported
    for origin, imported in newest.items():
        try:
            found = root_in_view(source.connection, origin, imported.size)
        except (RecordUnreadable, sqlite3.DatabaseError):
            found = ""
        if found != imported.root:
            report.add(Case.VIEW_DIFFERS, f"view of {imported.host}", "it is not what was imported")
