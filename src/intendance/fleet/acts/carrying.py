"""From the database to the fleet log: by who acted, at once; by the leader, what they could not.

The act and its row are one transaction, the record and its key another, the row goes last. Killed between any two of
them, the row is still there: the next who carries finds the key in the log, or records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from sqlalchemy import delete, select

from intendance.fleet.acts.writing import noted
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.lease import Lease
from intendance.fleet.database.tables import act
from intendance.fleet.log import FleetLog, Told
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.system.clock import Clock

LOOK_NS = 1_000_000_000
LEFT_TO_ITS_OWN_US = 5_000_000
"""So long the leader leaves an act to the process that performed it: on another machine that has a log of its own."""
AT_ONCE = 100


class Carrier:
    """Carries acts of one manager's database to its log."""

    def __init__(self, database: Database, log: FleetLog, clock: Clock, say: Callable[[str], None]) -> None:
        self._database = database
        self._log = log
        self._clock = clock
        self._say = say
        self._looked_ns: int | None = None
        self._told = ""

    @property
    def fault(self) -> str:
        """What keeps the leader from carrying; empty when nothing does."""
        return self._told

    @property
    def trouble(self) -> str:
        """The same in a sentence."""
        return f"What people did is not in the fleet log yet: {self._told}" if self._told else ""

    def __call__(self) -> None:
        """Carry what waits; the act itself stands whatever comes of this: the leader tries again."""
        try:
            self.carry()
        except (IntendanceError, OSError, sqlite3.Error) as error:
            self._complain(error)

    def tick(self, lease: Lease) -> None:
        """Once a second, carry what was left. Raises DatabaseUnreachable."""
        del lease  # two that carry the same say it once
        now = self._clock.read()
        if self._looked_ns is not None and 0 <= now.mono_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now.mono_ns
        try:
            self.carry(but_of_us=to_us(now.at))
            self._told = ""
        except DatabaseUnreachable:
            raise
        except (IntendanceError, OSError, sqlite3.Error) as error:
            self._complain(error)

    def carry(self, *, but_of_us: int | None = None) -> int:
        """Record every act that waits, in order; how many were new. `but_of_us`: not those of the last moments before.

        Raises DatabaseUnreachable, and what writing a ledger raises.
        """
        wanted = select(act).order_by(act.c.id).limit(AT_ONCE)
        if but_of_us is not None:
            wanted = wanted.where(~act.c.at_us.between(but_of_us - LEFT_TO_ITS_OWN_US, but_of_us))
        count = 0
        while True:
            with self._database.read() as connection:
                waiting = connection.execute(wanted).all()
            if not waiting:
                return count
            count += self._log.append_once(
                Told(key=row.key, evidence=noted(row.kind, row.data), actor=row.actor) for row in waiting
            )
            self._forget([row.key for row in waiting])

    def _forget(self, keys: Sequence[str]) -> None:
        with self._database.begin(durable=False) as connection:  # what power loss brings back is known to the log
            connection.execute(delete(act).where(act.c.key.in_(keys)))

    def _complain(self, error: Exception) -> None:
        told = error.message if isinstance(error, IntendanceError) else str(error)
        if told != self._told:
            self._say(f"what people did is not in the fleet log yet: {told}")
        self._told = told
