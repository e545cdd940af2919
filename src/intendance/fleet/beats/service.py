"""What is known of the beats afterwards: back-filled minutes, and who lived when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select, update

from intendance.fleet.beats import decide
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import beat_slot
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock
from intendance.wire.messages import Backfill


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of a node: bit n of `heard` for a beat in minute n, of `backfilled` for one that was told of later."""

    heard: int
    backfilled: int


def backfill(database: Database, clock: Clock, told: Backfill) -> int:
    """Note the minutes in which a node says that it lived although nobody heard it; how many are news.

    History is labelled anew; no alert is touched. Raises DatabaseUnreachable.
    """
    minutes = decide.minutes_told(told, to_us(clock.read().at))
    news = 0
    with database.begin() as connection:
        for hour_us, bits in sorted(minutes.items()):
            connection.execute(
                insert_into(connection, beat_slot).values(node=told.node, hour_us=hour_us).on_conflict_do_nothing()
            )
            this = (beat_slot.c.node == told.node) & (beat_slot.c.hour_us == hour_us)
            row = connection.execute(select(beat_slot).where(this).with_for_update()).one()
            fresh = bits & ~(row.heard | row.backfilled)
            if fresh:
                connection.execute(update(beat_slot).where(this).values(backfilled=row.backfilled | fresh))
                news += fresh.bit_count()
    return news


def hours(database: Database, node: str, since: datetime, until: datetime) -> Mapping[int, Hour]:
    """The hours of a node that touch a span of time, by their beginning in microseconds since 1970.

    Raises DatabaseUnreachable.
    """
    first = to_us(since) - to_us(since) % decide.HOUR_US
    touched = (beat_slot.c.node == node) & (beat_slot.c.hour_us >= first) & (beat_slot.c.hour_us < to_us(until))
    with database.read() as connection:
        rows = connection.execute(select(beat_slot).where(touched).order_by(beat_slot.c.hour_us))
        return {row.hour_us: Hour(row.heard, row.backfilled) for row in rows}
