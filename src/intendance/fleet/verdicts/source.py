"""A node's evidence as the manager received it, read the way a node reads its own ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from intendance.fleet.database.tables import evidence_head, evidence_record
from intendance.ledger import envelope
from intendance.model.verdict import Fact
from intendance.system.clock import rfc3339


class NodeLedger:
    """The present ledger of one node, as far as a verified head covers it: what came after is not evidence yet."""

    def __init__(self, connection: Connection, node: str) -> None:
        head = evidence_head.c
        asked = select(head.incarnation, head.signed_size).where(head.node == node)
        row = connection.execute(asked.order_by(head.incarnation.desc()).limit(1)).one_or_none()
        self._connection = connection
        self._node = node
        self._incarnation = 0 if row is None else row.incarnation
        self.size = 0 if row is None else row.signed_size

    def facts(
        self, kind: str, *, asset: str | None = None, since: datetime | None = None, latest: int | None = None
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind, typed, newest first, at most `latest`. Raises RecordUnreadable."""
        record = evidence_record.c
        wanted = self._matching(select(record.seq, record.content), kind, asset)
        if since is not None:
            wanted = wanted.where(record.ts >= rfc3339(since))
        rows = self._connection.execute(wanted.order_by(record.seq.desc()).limit(latest))
        return tuple(envelope.fact(bytes(row.content), kind, row.seq) for row in rows)

    def newest(self, kind: str, *, asset: str, latest: int) -> tuple[tuple[int, datetime], ...]:
        """Number and date of the latest records of a kind about an asset, newest first; reads no record."""
        record = evidence_record.c
        wanted = self._matching(select(record.seq, record.ts), kind, asset)
        rows = self._connection.execute(wanted.order_by(record.seq.desc()).limit(latest))
        return tuple((row.seq, datetime.fromisoformat(row.ts)) for row in rows)

    def _matching(self, asked: Select[Any], kind: str, asset: str | None) -> Select[Any]:
        record = evidence_record.c
        wanted = asked.where(record.node == self._node, record.kind == kind)
        wanted = wanted.where(record.incarnation == self._incarnation, record.seq < self.size)
        return wanted if asset is None else wanted.where(record.asset == asset)
