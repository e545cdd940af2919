"""Ways to have MAINT_002 and MAINT_005 hold though nobody would be told: what is old, dated ahead, of another node or
to somebody else proves nothing. Silences, alerts and messages went their real ways before anybody touched them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, and_, delete, insert, select, update

from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.settings import read_setting, write_setting
from intendance.fleet.database.tables import alert, alert_event, beat_silence, outbox, setting
from intendance.fleet.detection import canary
from intendance.fleet.manager import Manager
from intendance.model.verdict import State
from tests.contract.fleet.conftest import MakeNode
from tests.contract.fleet.test_told import REFUSED, Fleet
from tests.support.clock import MovableClock

DAY_US = 86_400_000_000


@pytest.fixture
def fleet(manager: Manager, member: MakeNode, clock: MovableClock) -> Fleet:
    """A node was silent and is heard again; everything was told in time, and both rules hold."""
    made = Fleet(manager, member, clock)
    one, other = made.nodes
    made.live(96, one, other)
    made.live(360, other)
    made.live(96, one, other)
    assert {rule: made.said(rule).state for rule in ("MAINT_002", "MAINT_005")} == {
        "MAINT_002": State.PASS,
        "MAINT_005": State.PASS,
    }
    assert made.said("MAINT_002").reason.code == "alerted"
    return made


Change = Callable[[Connection, int], object]
COLUMNS = [each.name for each in outbox.columns if each.name != "id"]


@contextmanager
def touched(fleet: Fleet, change: Change) -> Iterator[None]:
    """Tables that somebody touched, put back afterwards: the life before them is lived once for all ways."""
    database = fleet.manager.database
    with database.read() as connection:
        kept = {
            table: connection.execute(select(table)).all()
            for table in (alert, alert_event, beat_silence, outbox, setting)
        }
    with database.begin() as connection:
        change(connection, to_us(fleet.clock.at))
    yield
    with database.begin() as connection:
        for table, found in kept.items():
            keys = list(table.primary_key)
            there = {tuple(row[:]) for row in connection.execute(select(*keys))}
            for row in found:
                this = tuple(row._mapping[key] for key in keys)
                same = and_(*(key == value for key, value in zip(keys, this, strict=True)))
                told = update(table).where(same) if this in there else insert(table)
                connection.execute(told.values(**row._mapping))
                there.discard(this)
            for this in there:
                connection.execute(delete(table).where(*(key == value for key, value in zip(keys, this, strict=True))))


def _canary_of_tomorrow(connection: Connection, now_us: int) -> None:
    write_setting(connection, canary.DONE, now_us + 300 * DAY_US)


def _no_canary_for_27_hours(connection: Connection, now_us: int) -> None:
    write_setting(connection, canary.DONE, now_us - 27 * DAY_US // 24)


def _alert_about_another(connection: Connection, now_us: int) -> None:
    del now_us
    connection.execute(update(alert).where(alert.c.node == "web-01").values(node="web-02"))


def _alert_of_before(connection: Connection, now_us: int) -> None:
    """It opened and was resolved a day before the silence."""
    del now_us
    connection.execute(update(alert_event).where(_mine()).values(at_us=alert_event.c.at_us - DAY_US))


def _alert_of_tomorrow(connection: Connection, now_us: int) -> None:
    del now_us
    connection.execute(update(alert_event).where(_mine()).values(at_us=alert_event.c.at_us + DAY_US))


def _message_about_another(connection: Connection, now_us: int) -> None:
    """A server took as many messages as before, about no alert of this node."""
    del now_us
    for row in connection.execute(select(outbox.c.id, outbox.c.content).where(outbox.c.purpose == "firing")).all():
        content = json.dumps(json.loads(row.content) | {"alerts": [999], "count": 1})
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(content=content))


def _message_of_before(connection: Connection, now_us: int) -> None:
    del now_us
    before = {"made_us": outbox.c.made_us - DAY_US, "sent_us": outbox.c.sent_us - DAY_US}
    connection.execute(update(outbox).values(**before))


def _message_taken_tomorrow(connection: Connection, now_us: int) -> None:
    del now_us
    connection.execute(update(outbox).values(sent_us=outbox.c.sent_us + DAY_US))


def _silence_struck_out(connection: Connection, now_us: int) -> None:
    """With its alert: the minutes without a beat tell of it still."""
    del now_us
    connection.execute(delete(beat_silence))
    connection.execute(delete(alert_event).where(_mine()))


def _mine() -> Any:
    return alert_event.c.alert.in_(select(alert.c.id).where(alert.c.node == "web-01"))


SILENCES: dict[str, tuple[Change, State, str]] = {
    "a canary of tomorrow": (_canary_of_tomorrow, State.UNKNOWN, "clock_ahead"),
    "no canary for 27 hours": (_no_canary_for_27_hours, State.FAIL, "canary_old"),
    "the alert of another node": (_alert_about_another, State.FAIL, "not_opened"),
    "an alert of before": (_alert_of_before, State.FAIL, "not_opened"),
    "an alert of tomorrow": (_alert_of_tomorrow, State.FAIL, "not_opened"),
    "a message about another alert": (_message_about_another, State.FAIL, "not_accepted"),
    "a message of before": (_message_of_before, State.FAIL, "not_accepted"),
    "a message that was taken tomorrow": (_message_taken_tomorrow, State.FAIL, "accepted_late"),
    "a silence that was struck out": (_silence_struck_out, State.FAIL, "not_opened"),
}


def test_a_silence_is_told_of_or_the_rule_does_not_hold(fleet: Fleet) -> None:
    for way, (change, state, code) in SILENCES.items():
        with touched(fleet, change):
            found = fleet.said("MAINT_002")
            assert (way, found.state, found.reason.code) == (way, state, code)
    assert fleet.said("MAINT_002").state is State.PASS, "everything was put back"


def test_an_old_message_proves_no_new_canary(fleet: Fleet, fleet_database: Database) -> None:
    """The manager's clock was ahead, so that what left then looks newer than the canary that begins now."""
    fleet.watch.mail.answer = fleet.watch.sms.answer = lambda _: REFUSED
    now_us = to_us(fleet.clock.at)
    with fleet_database.begin() as connection:
        ahead = {"made_us": outbox.c.made_us + 3_600_000_000, "sent_us": outbox.c.sent_us + 3_600_000_000}
        connection.execute(update(outbox).values(**ahead))
        write_setting(connection, canary.BEGUN, now_us + 3_600_000_000)
        write_setting(connection, canary.DONE, now_us - DAY_US)
    fleet.live(240, *fleet.nodes)
    with fleet_database.read() as connection:
        begun, done = read_setting(connection, canary.BEGUN), read_setting(connection, canary.DONE)
    assert begun is not None
    assert now_us <= begun <= to_us(fleet.clock.at), "it began anew"
    assert done == now_us - DAY_US, "and did not come through"
    assert [row.state for row in fleet.watch.alerts("canary.failed")] == ["firing"]


# --- whether anybody is told at all --------------------------------------------------------------------------------


def _by(way: str, **values: Any) -> Change:
    return lambda connection, _: connection.execute(update(outbox).where(outbox.c.channel == way).values(**values))


def _given_up_and_taken_tomorrow(connection: Connection, now_us: int) -> None:
    """The newest text message was given up; those that a clock ahead dated say that they came through since."""
    newest = connection.execute(
        select(outbox).where(outbox.c.channel == "sms").order_by(outbox.c.id.desc()).limit(1)
    ).one()
    values = {each: getattr(newest, each) for each in COLUMNS}
    dead = values | {"idempotency_key": "dead", "state": "dead", "sent_us": None, "next_us": now_us, "last_code": "402"}
    connection.execute(update(outbox).where(outbox.c.channel == "sms").values(sent_us=now_us + DAY_US))
    connection.execute(insert(outbox).values(**dead))


DELIVERIES: dict[str, tuple[Change, State, str]] = {
    "text messages of tomorrow": (
        _by("sms", sent_us=outbox.c.sent_us + 300 * DAY_US),
        State.UNKNOWN,
        "clock_ahead",
    ),
    "mails of tomorrow": (_by("email", sent_us=outbox.c.sent_us + 300 * DAY_US), State.UNKNOWN, "clock_ahead"),
    "text messages of last month": (
        _by("sms", sent_us=outbox.c.sent_us - 33 * DAY_US),
        State.FAIL,
        "test_old",
    ),
    "text messages to somebody else": (_by("sms", contact="mallory"), State.PENDING, "test_due"),
    "text messages that went by mail": (_by("sms", channel="email"), State.PENDING, "test_due"),
    "text messages that wait": (_by("sms", state="queued"), State.PENDING, "test_due"),
    "text messages that were dropped": (_by("sms", state="dropped"), State.PENDING, "test_due"),
    "one that was given up, and one of tomorrow": (_given_up_and_taken_tomorrow, State.FAIL, "given_up"),
}


def _one_of_today_and_one_of_tomorrow(connection: Connection, now_us: int) -> None:
    """A clock that was wrong once does not keep the rule broken for as long as it was ahead."""
    some = connection.execute(select(outbox).where(outbox.c.channel == "sms").limit(1)).one()
    values = {each: getattr(some, each) for each in COLUMNS}
    tomorrow = {"idempotency_key": "tomorrow", "sent_us": now_us + 300 * DAY_US}
    connection.execute(insert(outbox).values(**values | tomorrow))


def test_each_way_out_took_a_message_or_the_rule_does_not_hold(fleet: Fleet) -> None:
    for way, (change, state, code) in DELIVERIES.items():
        with touched(fleet, change):
            found = fleet.said("MAINT_005")
            assert (way, found.state, found.reason.code) == (way, state, code)
    with touched(fleet, _one_of_today_and_one_of_tomorrow):
        assert fleet.said("MAINT_005").state is State.PASS
