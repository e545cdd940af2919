"""The leader's duty: once an hour, the heads that changed since they were bound are bound in the fleet log.

In a thread of its own, and the database is held only to note what was recorded. Killed between the record and the note,
the next hour binds the same heads again: a head that is bound twice says the same twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, tuple_, update

from intendance.fleet.binding.decide import AT_ONCE, HeldHead, is_due, own_note, sheet
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.lease import Lease
from intendance.fleet.database.tables import evidence_head, node_key
from intendance.fleet.log import FleetLog
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.model.evidence.heads import HeadsBound
from intendance.system.clock import Clock

KIND = "heads.bound"
MEDIA = "application/gzip"
ACTOR = "manager"
LOOK_NS = 60 * 10**9
_HEAD = evidence_head.c


class Binding:
    """Binds heads in the fleet log. For one thread."""

    def __init__(self, database: Database, log: FleetLog, clock: Clock, say: Callable[[str], None]) -> None:
        self._database = database
        self._log = log
        self._clock = clock
        self._say = say
        self._looked_ns: int | None = None
        self._bound_at: datetime | None = None
        self._told = ""

    @property
    def fault(self) -> str:
        """What keeps heads from being bound; empty when nothing does."""
        return self._told

    @property
    def trouble(self) -> str:
        """The same in a sentence."""
        return f"The heads of the nodes' ledgers are not bound in the fleet log: {self._told}" if self._told else ""

    def tick(self, lease: Lease) -> None:
        """Once a minute, see whether heads are to be bound. Raises DatabaseUnreachable."""
        del lease  # two that bind the same heads say the same twice
        now = self._clock.read()
        if self._looked_ns is not None and 0 <= now.mono_ns - self._looked_ns < LOOK_NS:
            return
        told = ""
        try:
            self.bind(now.at)
        except DatabaseUnreachable:
            raise
        except (IntendanceError, OSError, sqlite3.Error) as error:
            told = error.message if isinstance(error, IntendanceError) else str(error)
        self._looked_ns = now.mono_ns
        if told and told != self._told:
            self._say(f"the heads of the nodes' ledgers are not bound in the fleet log: {told}")
        self._told = told

    def bind(self, now: datetime) -> int:
        """Bind every head that grew since it was bound, if the hour has come; how many.

        Raises DatabaseUnreachable, and what writing a ledger raises.
        """
        if not is_due(now, self._bound_at):
            return 0
        grown = self._grown("", 0)
        if not grown:
            return 0
        newest = self._log.newest(KIND)  # another manager may have led meanwhile
        self._bound_at = None if newest is None else newest.at
        if not is_due(now, self._bound_at):
            return 0
        count = 0
        while grown:
            count += self._record(grown, now)
            grown = self._grown(grown[-1].node, grown[-1].incarnation)
        return count

    def _grown(self, node: str, incarnation: int) -> list[HeldHead]:
        """The next heads that grew, after that of a node and incarnation."""
        place = tuple_(_HEAD.node, _HEAD.incarnation)
        joined = evidence_head.join(
            node_key, (node_key.c.node == _HEAD.node) & (node_key.c.incarnation == _HEAD.incarnation)
        )
        asked = (
            select(_HEAD.node, _HEAD.incarnation, _HEAD.signed_size, _HEAD.note, node_key.c.ledger_key)
            .select_from(joined)
            .where(_HEAD.signed_size > _HEAD.bound_size, place > tuple_(node, incarnation))
            .order_by(_HEAD.node, _HEAD.incarnation)
            .limit(AT_ONCE)
        )
        with self._database.read() as connection:
            rows = connection.execute(asked).all()
        return [
            HeldHead(
                node=row.node, incarnation=row.incarnation, size=row.signed_size, note=row.note, key=row.ledger_key
            )
            for row in rows
        ]

    def _record(self, grown: Sequence[HeldHead], now: datetime) -> int:
        told = [(head, note) for head in grown if (note := own_note(head)) is not None]
        if len(told) < len(grown):
            bad = next(head.node for head in grown if own_note(head) is None)
            self._say(f"{bad}: the head in the database is not one that it signed; it is not bound in the fleet log")
        if told:
            seq = self._log.append_with(HeadsBound(logs=len(told)), ACTOR, sheet(told), MEDIA)
            self._bound_at = now
            self._note([head for head, _ in told], seq, now)
        return len(told)

    def _note(self, bound: Sequence[HeldHead], seq: int, now: datetime) -> None:
        this = (_HEAD.node == bindparam("its_node")) & (_HEAD.incarnation == bindparam("its_incarnation"))
        values = {"bound_size": bindparam("its_size"), "bound_seq": seq, "bound_us": to_us(now)}
        rows = [{"its_node": each.node, "its_incarnation": each.incarnation, "its_size": each.size} for each in bound]
        with self._database.begin(durable=False) as connection:
            connection.execute(update(evidence_head).where(this).values(**values), rows)
