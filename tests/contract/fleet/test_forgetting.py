"""What is over for longer than it is kept is dropped, whole and nothing else, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select

from intendance.fleet.alerts.recording import Sighting, clear_many, raise_many
from intendance.fleet.database import forgetting
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import (
    alert,
    alert_event,
    beat_silence,
    beat_slot,
    delivery_event,
    enrolment_token,
    escalation,
    node,
    observability_gap,
    outbox,
    silence,
)
from tests.support.fleet import BEGAN
from tests.support.watching import policy

NOW_US = to_us(BEGAN)
DAY_US = 86_400_000_000
HOUR_US = DAY_US // 24


def _message(connection: Connection, key: str, of: int | None, made_us: int, state: str = "sent") -> None:
    (number,) = connection.execute(
        insert(outbox).values(
            idempotency_key=key, alert=of, episode=1, step=0, contact="admin", channel="email", content="{}",
            made_us=made_us, next_us=made_us, expires_us=made_us, state=state,
        ).returning(outbox.c.id)
    ).one()  # fmt: skip
    connection.execute(insert(delivery_event).values(outbox=number, at_us=made_us, result="accepted"))


def _seen(connection: Connection, name: str, at_us: int, *, parent: int | None = None, over: bool = True) -> int:
    sighting = Sighting(cause="node.missing", urgency="critical", node=name, parent=parent)
    number = raise_many(connection, [sighting], policy(), at_us)[sighting.key]
    _message(connection, f"{name} {at_us}", number, at_us)
    if over:
        clear_many(connection, [sighting.key], at_us + HOUR_US)
    return number


def _all(database: Database, column: Any) -> set[Any]:
    with database.read() as connection:
        return set(connection.execute(select(column)).scalars())


def _forget(database: Database) -> None:
    forgetting.forget(database, BEGAN - timedelta(days=400))


def test_alerts_go_with_all_that_was_told_of_them_and_what_still_rings_stays(fleet_database: Database) -> None:
    old_us, young_us = NOW_US - 401 * DAY_US, NOW_US - 399 * DAY_US
    with fleet_database.begin() as connection:
        _seen(connection, "old", old_us)
        kept = {_seen(connection, "young", young_us), _seen(connection, "rings", old_us, over=False)}
        kept.add(_seen(connection, "long", old_us, over=False))
        clear_many(connection, [Sighting(cause="node.missing", urgency="critical", node="long").key], young_us)
    _forget(fleet_database)
    assert _all(fleet_database, alert.c.id) == kept
    for column in (alert_event.c.alert, escalation.c.alert, outbox.c.alert):
        assert _all(fleet_database, column) == kept
    assert _all(fleet_database, delivery_event.c.outbox) == _all(fleet_database, outbox.c.id)


def test_an_alert_about_many_stays_as_long_as_one_of_its_members(fleet_database: Database) -> None:
    old_us = NOW_US - 401 * DAY_US
    with fleet_database.begin() as connection:
        mass = _seen(connection, "mass", old_us)
        rings = _seen(connection, "rings", old_us, parent=mass, over=False)
        other = _seen(connection, "other", old_us)
        _seen(connection, "member", old_us, parent=other)
    _forget(fleet_database)
    assert _all(fleet_database, alert.c.id) == {mass, rings}


def test_all_of_a_storm_goes_though_it_is_more_than_goes_at_once(
    fleet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "_AT_ONCE", 7)
    old_us = NOW_US - 401 * DAY_US
    with fleet_database.begin() as connection:
        mass = _seen(connection, "mass", old_us)
        for number in range(40):
            _seen(connection, f"node-{number}", old_us, parent=mass)
            connection.execute(
                insert(node).values(node=f"node-{number}", incarnation=1, enrolled_us=old_us, labels="{}")
            )
            for hour in range(3):
                connection.execute(insert(beat_slot).values(node=f"node-{number}", hour_us=old_us + hour * HOUR_US))
    _forget(fleet_database)
    assert _all(fleet_database, alert.c.id) == set()
    assert _all(fleet_database, beat_slot.c.node) == set()


def test_messages_without_an_alert_go_but_not_those_that_still_wait(fleet_database: Database) -> None:
    with fleet_database.begin() as connection:
        _message(connection, "old", None, NOW_US - 401 * DAY_US)
        _message(connection, "dead", None, NOW_US - 401 * DAY_US, "dead")
        _message(connection, "waits", None, NOW_US - 401 * DAY_US, "queued")
        _message(connection, "young", None, NOW_US - 399 * DAY_US)
    _forget(fleet_database)
    assert _all(fleet_database, outbox.c.idempotency_key) == {"waits", "young"}


def test_beats_gaps_silences_and_tokens_go_by_their_end(fleet_database: Database) -> None:
    with fleet_database.begin() as connection:
        connection.execute(insert(node).values(node="web-01", incarnation=1, enrolled_us=0, labels="{}"))
        for days in (399, 401):
            end_us = NOW_US - days * DAY_US
            began = {"from_us": end_us - 5 * DAY_US, "to_us": end_us}
            connection.execute(insert(beat_slot).values(node="web-01", hour_us=end_us))
            connection.execute(insert(beat_silence).values(node="web-01", **began))
            connection.execute(insert(observability_gap).values(cause="restarted", **began))
            connection.execute(insert(silence).values(matches="{}", reason="r", made_us=end_us, **began))
            token = {"token_sha256": str(days), "node": "web-01", "made_us": end_us - HOUR_US, "expires_us": end_us}
            connection.execute(insert(enrolment_token).values(**token))
        connection.execute(insert(observability_gap).values(cause="still", from_us=1))
    _forget(fleet_database)
    kept_us = NOW_US - 399 * DAY_US
    assert _all(fleet_database, beat_slot.c.hour_us) == {kept_us}
    for ended in (beat_silence.c.to_us, silence.c.to_us, enrolment_token.c.expires_us):
        assert _all(fleet_database, ended) == {kept_us}
    assert _all(fleet_database, observability_gap.c.to_us) == {kept_us, None}
    with fleet_database.read() as connection:
        assert connection.execute(select(func.count()).select_from(node)).scalar() == 1
