"""What was written by a clock that was ahead: nobody was heard in a time that is still to come."""

from __future__ import annotations

from sqlalchemy import Connection, case, delete, or_, select, update

from intendance.fleet.beats.decide import HOUR_US, MINUTE_US, MISSING_US
from intendance.fleet.database.tables import beat_silence, beat_slot, node, node_state, observability_gap
from intendance.fleet.detection import decide

_TOLERATED_US = decide.SKEW_MS * 1000


def forget(connection: Connection, now_us: int) -> None:
    """Take back what a clock wrote that was ahead and was set back to now: minutes, silences, times of blindness and
    enrolments that are still to come. What it heard meanwhile it heard at a time that is not known: until now it was
    blind."""
    _minutes(connection, now_us)
    _silences(connection, now_us)
    gap = observability_gap.c
    connection.execute(delete(observability_gap).where(gap.from_us > now_us))
    connection.execute(update(observability_gap).where(gap.to_us > now_us).values(to_us=now_us))
    connection.execute(update(node).where(node.c.enrolled_us > now_us).values(enrolled_us=now_us))
    _states(connection, now_us, now_us)


def hold_back(connection: Connection, now_us: int) -> None:
    """Of a node that another manager heard by a clock that is ahead, note that it was heard by now at the latest: else
    its silence would be hidden until then."""
    _states(connection, now_us, now_us + _TOLERATED_US)


def _minutes(connection: Connection, now_us: int) -> None:
    hour_us = now_us - now_us % HOUR_US
    over = (1 << ((now_us - hour_us) // MINUTE_US + 1)) - 1
    heard_ahead = beat_slot.c.node.in_(select(node_state.c.node).where(node_state.c.last_seen_us > now_us))
    connection.execute(delete(beat_slot).where(heard_ahead, beat_slot.c.hour_us > hour_us))
    connection.execute(
        update(beat_slot)
        .where(heard_ahead, beat_slot.c.hour_us == hour_us)
        .values(heard=beat_slot.c.heard.op("&")(over), backfilled=beat_slot.c.backfilled.op("&")(over))
    )


def _silences(connection: Connection, now_us: int) -> None:
    ahead = beat_silence.c.to_us > now_us
    short = beat_silence.c.from_us > now_us - MISSING_US
    connection.execute(delete(beat_silence).where(ahead, short))
    connection.execute(update(beat_silence).where(ahead).values(to_us=now_us))


def _states(connection: Connection, now_us: int, until_us: int) -> None:
    """No node was heard later than now, and each is called missing when it would be had it been heard now."""
    state, soonest_us = node_state.c, now_us + MISSING_US
    ahead = or_(
        state.last_seen_us > until_us,
        state.state_since_us > until_us,
        state.deadline_us > until_us + MISSING_US,
    )
    values = {
        "last_seen_us": case((state.last_seen_us > now_us, now_us), else_=state.last_seen_us),
        "state_since_us": case((state.state_since_us > now_us, now_us), else_=state.state_since_us),
        "deadline_us": case(
            ((state.deadline_us > soonest_us) & (state.state == "missing"), now_us),
            (state.deadline_us > soonest_us, soonest_us),
            else_=state.deadline_us,
        ),
    }
    connection.execute(update(node_state).where(ahead).values(**values))
