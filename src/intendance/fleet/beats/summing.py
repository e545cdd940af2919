"""What was heard of each node, minute by minute, recorded in the fleet log once a day is over.

The database could be changed by whoever keeps it; a signed record cannot. The attachment is what a stranger needs to
count again: for each node and hour the minutes in which a beat came, and the times in which nobody could be heard.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, select

from intendance.fleet.beats.decide import HOUR_US
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.settings import write_setting
from intendance.fleet.database.tables import beat_slot, observability_gap
from intendance.fleet.log import FleetLog
from intendance.model.evidence.heartbeat import HeartbeatsSummed
from intendance.system.clock import rfc3339

KIND = "heartbeat.summed"
MEDIA = "application/gzip"
SUMMED_SEQ, SUMMED_UNTIL = "heartbeats.summed_seq", "heartbeats.summed_until_us"
"""The number of the newest of these records, and the end of the day that it tells of."""
ACTOR = "manager"
_DAY = timedelta(days=1)
_SETTLED = timedelta(minutes=10)
"""So long after midnight every beat of the day before was heard and written."""
_MOST_DAYS = 7
"""Days that are recorded after the fact, when nobody was there to do it in time."""


class Summing:
    """Records each day that is over, once."""

    def __init__(self, database: Database, log: FleetLog) -> None:
        self._database = database
        self._log = log
        self._recorded: date | None = None

    def record_days(self, now: datetime) -> int:
        """Record the days that are over and are not recorded yet; how many.

        Raises DatabaseUnreachable, and what writing a ledger raises.
        """
        last = (now - _SETTLED).astimezone(UTC).date() - _DAY
        if self._recorded is None:
            newest = self._log.newest(KIND)
            self._recorded = date.min if newest is None else date.fromisoformat(newest.data.day)
            self._note(None if newest is None else newest.seq, self._recorded)
        # Days that a clock recorded which was ahead are not over: they are recorded again when they are.
        self._recorded = min(self._recorded, last)
        day = max(self._recorded + _DAY if self._recorded > date.min else last, last - (_MOST_DAYS - 1) * _DAY)
        count = 0
        while day <= last:
            with self._database.read() as connection:
                found = summed(connection, day)
            if found is not None:
                self._note(self._log.append_with(found[0], ACTOR, found[1], MEDIA), day)
                count += 1
            self._recorded = day
            day += _DAY
        return count

    def _note(self, seq: int | None, day: date) -> None:
        """Let verdicts on what was heard cite it. None: this log has no such record, whatever another one had."""
        until = None if seq is None else datetime(day.year, day.month, day.day, tzinfo=UTC) + _DAY
        with self._database.begin() as connection:
            write_setting(connection, SUMMED_SEQ, seq or 0)
            write_setting(connection, SUMMED_UNTIL, 0 if until is None else to_us(until))


def summed(connection: Connection, day: date) -> tuple[HeartbeatsSummed, bytes] | None:
    """What is said of a day, and its attachment; None where no node was heard or told of it."""
    first_us = to_us(datetime(day.year, day.month, day.day, tzinfo=UTC))
    end_us = first_us + 24 * HOUR_US
    hours = _hours(connection, first_us, end_us)
    if not hours:
        return None
    gaps = [
        {"from": rfc3339(from_us(row.from_us)), "to": None if row.to_us is None else rfc3339(from_us(row.to_us)),
         "cause": row.cause}
        for row in connection.execute(_gaps(first_us, end_us))
    ]  # fmt: skip
    said = HeartbeatsSummed(
        day=day.isoformat(),
        nodes=len(hours),
        heard=sum(heard.bit_count() for each in hours.values() for heard, _ in each.values()),
        told_later=sum(later.bit_count() for each in hours.values() for _, later in each.values()),
        gaps=len(gaps),
    )
    return said, gzip.compress("".join(_lines(day, gaps, hours)).encode(), mtime=0)


def _hours(connection: Connection, first_us: int, end_us: int) -> dict[str, dict[int, tuple[int, int]]]:
    slot = beat_slot.c
    asked = select(beat_slot).where(slot.hour_us >= first_us, slot.hour_us < end_us).order_by(slot.node, slot.hour_us)
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for row in connection.execute(asked):
        found.setdefault(row.node, {})[(row.hour_us - first_us) // HOUR_US] = row.heard, row.backfilled
    return found


def _gaps(first_us: int, end_us: int) -> Select[Any]:
    gap = observability_gap.c
    touching = (gap.from_us < end_us) & (gap.to_us.is_(None) | (gap.to_us >= first_us))
    return select(observability_gap).where(touching).order_by(gap.from_us, gap.id)


def _lines(day: date, gaps: object, hours: dict[str, dict[int, tuple[int, int]]]) -> Iterator[str]:
    """One JSON object on a line: the day first, then each node. An hour holds two numbers in hexadecimal, of beats that
    came and of minutes told of later: bit n stands for minute n."""
    yield json.dumps({"day": day.isoformat(), "gaps": gaps}, sort_keys=True) + "\n"
    for node, mine in hours.items():
        told = {f"{hour:02}": [f"{heard:015x}", f"{later:015x}"] for hour, (heard, later) in mine.items()}
        yield json.dumps({"node": node, "hours": told}, sort_keys=True) + "\n"
