"""Which managers hear beats. Each says every second that what it heard until then is written; one that says so no more
was killed, and what it heard last is in nobody's memory: that is ours, and billed to no node."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from intendance.fleet.database.connect import Database
from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import lease

EVERY_US = 1_000_000
VANISHED_US = 2_500_000
"""Shorter than what a leader's lease has left when its holder is killed: whoever takes it knows at its first tick."""
_PREFIX = "hears "
_FAR_US = 60_000_000
"""What is farther ahead was written by a clock that was set back since."""
_BETWEEN_US = 1_500_000
"""Two sayings of a manager that lives are closer together."""


def hears(database: Database, holder: str, written_us: int) -> None:
    """Say that this manager hears, and that what came before an instant is written. Raises DatabaseUnreachable."""
    row = {"name": _PREFIX + holder, "holder": holder, "epoch": 0, "until_us": written_us + VANISHED_US}
    with database.begin(durable=False) as connection:
        told = insert_into(connection, lease).values(**row)
        connection.execute(
            told.on_conflict_do_update(index_elements=[lease.c.name], set_={"until_us": row["until_us"]})
        )


def leaves(database: Database, holder: str) -> None:
    """Say that this manager hears no more, and has written everything. Raises DatabaseUnreachable."""
    with database.begin() as connection:
        connection.execute(delete(lease).where(lease.c.name == _PREFIX + holder))


class Hearers:
    """The other managers, as a leader sees them: by whether they say anything new, not by what their clocks say."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[int, int]] = {}

    def lost_since(self, connection: Connection, ours: str, now_us: int, mono_us: int, *, fresh: bool) -> int | None:
        """Since when beats may be lost because managers are there no more, which are forgotten herewith; None: none is.

        A leader that has just begun (`fresh`) has seen nobody speak yet, and believes their clocks that once.
        """
        others = lease.c.name.startswith(_PREFIX, autoescape=True) & (lease.c.holder != ours)
        rows = connection.execute(select(lease.c.holder, lease.c.until_us).where(others)).all()
        since: dict[str, int] = {}
        said: dict[str, tuple[int, int]] = {}
        for row in rows:
            value, seen_us = self._said.get(row.holder, (None, 0))
            said[row.holder] = (row.until_us, mono_us if value != row.until_us else seen_us)
            silent_us = mono_us - said[row.holder][1]
            if silent_us >= VANISHED_US:
                since[row.holder] = now_us - silent_us - _BETWEEN_US
            elif fresh and not now_us < row.until_us <= now_us + _FAR_US:
                since[row.holder] = min(row.until_us - VANISHED_US, now_us)
        self._said = said
        if not since:
            return None
        connection.execute(delete(lease).where(lease.c.name.in_([_PREFIX + holder for holder in since])))
        return min(since.values())
