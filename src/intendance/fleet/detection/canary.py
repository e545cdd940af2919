"""The daily proof that alerting works: a node that does not exist falls silent, and its alert must leave by the way of
every alert."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select

from intendance.fleet.alerts import recording
from intendance.fleet.alerts.own import CANARY_FAILED
from intendance.fleet.alerts.policy import CANARY, Policy
from intendance.fleet.alerts.recording import Sighting
from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.database.settings import read_setting, write_setting
from intendance.fleet.database.tables import alert, node, node_state, outbox
from intendance.fleet.detection import decide
from intendance.fleet.detection.perform import PHANTOM, canary_of

NAME = f"{PHANTOM}canary"
FAILED = Sighting(cause=CANARY_FAILED, urgency="critical")
BEGUN, DONE = "canary.begun_us", "canary.done_us"
AFTER = "canary.after_message"
"""The newest message when it began: a clock that was set back makes old ones look newer than it is."""


def watch(connection: Connection, policy: Policy, now_us: int) -> None:
    """Begin one when a day is over; end it when its message was taken; raise its absence after 180 s."""
    if policy.alerts is None:
        return
    begun, done = read_setting(connection, BEGUN), read_setting(connection, DONE)
    if begun is None or not 0 <= now_us - begun < decide.CANARY_EVERY_US:
        begin(connection, now_us)
        return
    if done is not None and done >= begun:
        return
    sent = _sent(connection, begun)
    if sent is not None:
        write_setting(connection, DONE, now_us)
        recording.clear_many(connection, [canary_of(NAME).key], now_us, quietly=True)
        recording.clear_many(connection, [FAILED.key], now_us)
        _bury(connection)
    elif now_us - begun > decide.CANARY_WITHIN_US:
        recording.raise_many(connection, [FAILED], policy, now_us)


def begin_anew(connection: Connection, now_us: int) -> None:
    """One that was on its way while we saw nothing proves nothing: neither that it came nor that it did not."""
    begun, done = read_setting(connection, BEGUN), read_setting(connection, DONE)
    if begun is not None and (done is None or done < begun):
        begin(connection, now_us)


def begin(connection: Connection, now_us: int) -> None:
    """Let the phantom fall silent now: the detector finds it as it finds every node."""
    recording.clear_many(connection, [canary_of(NAME).key], now_us, quietly=True)
    _bury(connection)
    connection.execute(insert(node).values(node=NAME, incarnation=1, enrolled_us=now_us))
    last_seen_us = now_us - MISSING_US
    connection.execute(
        insert(node_state).values(
            node=NAME, incarnation=1, state="late", state_since_us=now_us, last_seen_us=last_seen_us,
            deadline_us=decide.deadline_us(last_seen_us, 0),
        )
    )  # fmt: skip
    write_setting(connection, BEGUN, now_us)
    newest = connection.execute(select(func.coalesce(func.max(outbox.c.id), 0))).scalar_one()
    write_setting(connection, AFTER, int(newest))


def _sent(connection: Connection, begun_us: int) -> int | None:
    ours = select(outbox.c.id).join(alert, alert.c.id == outbox.c.alert).where(
        alert.c.cause == CANARY, outbox.c.state.in_(("sent", "delivered")), outbox.c.made_us >= begun_us,
        outbox.c.id > (read_setting(connection, AFTER) or 0),
    )  # fmt: skip
    return connection.execute(ours.limit(1)).scalar()


def _bury(connection: Connection) -> None:
    connection.execute(delete(node_state).where(node_state.c.node == NAME))
    connection.execute(delete(node).where(node.c.node == NAME))
