"""Which nodes are due to be judged, by what arrived and what time changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select

from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import evidence_head, judged, node, verdict, word
from intendance.fleet.verdicts.judging import Judging, Say

_ALL_EVERY = timedelta(seconds=10)
"""All nodes are looked through so often; in between only those whose head is said to have changed since."""
_MARGIN = timedelta(seconds=15)
"""How far apart the clocks of managers that share a database may be, and how long a transaction may take."""


class Judge(Judging):
    """Judges nodes, and knows which are due. What it wrote of a node stays until a record or an instant may change
    it."""

    def __init__(self, database: Database, say: Say, program: str = "") -> None:
        super().__init__(database, say, program)
        self._pool = database
        self._looked_at: datetime | None = None
        self._all_looked_at: datetime | None = None

    def due(self, now: datetime) -> list[str]:
        """The nodes to judge now: those whose evidence grew, whose verdicts time may have changed, or that another
        version judged. Raises DatabaseUnreachable."""
        all_at = self._all_looked_at
        whole = all_at is None or not all_at <= now < all_at + _ALL_EVERY
        since = None if whole or self._looked_at is None else self._looked_at - _MARGIN
        with self._pool.read() as connection:
            asked = [self._changed(since), _timely(now)]
            if all_at is None or now < all_at:
                asked.append(_judged_ahead(now))
            found = {row.node for each in asked for row in connection.execute(each)}
        self._looked_at = now
        if whole:
            self._all_looked_at = now
        return sorted(found)

    def _changed(self, since: datetime | None) -> Select[tuple[str]]:
        head = evidence_head.c
        asked = (
            select(head.node)
            .join(node, (node.c.node == head.node) & (node.c.incarnation == head.incarnation))
            .outerjoin(judged, judged.c.node == head.node)
            .where(node.c.decommissioned_us.is_(None))
            .where(
                or_(
                    judged.c.node.is_(None),
                    judged.c.incarnation != head.incarnation,
                    judged.c.size != head.signed_size,
                    judged.c.program != self.program,
                    judged.c.words != _newest_word(head.node),
                )
            )
        )
        return asked if since is None else asked.where(head.changed_us >= to_us(since))


def _newest_word(name: Any) -> Any:
    """The number of the newest word of others on a node, 0 where there is none."""
    newest = select(func.max(word.c.id)).where(word.c.node == name).scalar_subquery()
    return func.coalesce(newest, 0)


def _judged_ahead(now: datetime) -> Select[tuple[str]]:
    """What a clock found that was ahead and was set back: time may have changed it, and nothing else would."""
    belonging = select(node.c.node).where(node.c.decommissioned_us.is_(None))
    ahead = verdict.c.judged_us > to_us(now + _MARGIN)
    return select(verdict.c.node).where(ahead, verdict.c.node.in_(belonging)).distinct()


def _timely(now: datetime) -> Select[tuple[str]]:
    belonging = select(node.c.node).where(node.c.decommissioned_us.is_(None))
    return select(judged.c.node).where(judged.c.again_us <= to_us(now), judged.c.node.in_(belonging))
