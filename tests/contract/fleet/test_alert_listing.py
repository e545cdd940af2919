"""Alerts beyond a page: each stands on one part of its kind, and every face counts them alike."""

from __future__ import annotations

from io import StringIO

import pytest
from sqlalchemy import insert

from intendance.cli import alert_words as words
from intendance.cli.page import Page
from intendance.fleet.alerts.listing import SIZES, Kind
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import alert
from tests.support.clock import MovableClock
from tests.support.watching import policy

STATES: dict[Kind, dict[str, object]] = {
    "ringing": {"state": "firing"},
    "held": {"state": "firing", "suppressed": "silence:1"},
    "acked": {"state": "acked", "acked_by": "person:lea"},
    "pending": {"state": "pending"},
    "over": {"state": "resolved"},
}


def _many(database: Database, clock: MovableClock, kind: Kind, count: int) -> Alerts:
    now_us = to_us(clock.at)
    rows = [
        {"key": f"k{at}", "node": f"n{at:04}", "cause": "node.missing", "severity": "critical", "labels": "{}",
         "params": "{}", "episode": 1, "group_key": "", "started_us": now_us - at % 7, "fired_us": now_us}
        | STATES[kind]
        for at in range(count)
    ]  # fmt: skip
    with database.begin() as connection:
        connection.execute(insert(alert), rows)
    return Alerts(database, policy, clock)


@pytest.mark.parametrize("kind", SIZES)
def test_each_stands_on_one_part(fleet_database: Database, clock: MovableClock, kind: Kind) -> None:
    count = 2 * SIZES[kind] + 3
    alerts = _many(fleet_database, clock, kind, count)
    parts = [alerts.part(kind, number) for number in (1, 2, 3)]
    assert [(each.number, each.begin, each.count, each.is_last) for each in parts] == [
        (1, 0, count, False),
        (2, SIZES[kind], count, False),
        (3, 2 * SIZES[kind], count, True),
    ]
    numbers = [each.told.number for part in parts for each in part.found]
    assert (len(numbers), len(set(numbers))) == (count, count)
    assert alerts.part(kind, 999_999).found == parts[2].found
    assert all(alerts.part(other).count == 0 for other in SIZES if other != kind)


def _end(alerts: Alerts, kind: Kind | None, number: int = 1) -> str:
    page, out = Page(width=100), StringIO()
    listed = None if kind is None else alerts.part(kind, number)
    found = alerts.listed() if listed is None else listed.found
    words.draw_end(page, "fr", found, listed, alerts.open_by_kind())
    page.write(out)
    return " ".join(out.getvalue().split())


def test_the_command_says_what_is_beyond_and_what_to_type(fleet_database: Database, clock: MovableClock) -> None:
    alerts = _many(fleet_database, clock, "ringing", 600)
    assert "1 à 500 sur 600" in _end(alerts, None)
    assert "intendance alert list --show ringing" in _end(alerts, None)
    assert "126 à 250 sur 600" in _end(alerts, "ringing", 2)
    assert "--show ringing --part 3" in _end(alerts, "ringing", 2)
    assert "--part" not in _end(alerts, "ringing", 5)
    assert _end(alerts, "held") == ""
