"""What programs may ask about alerts, on SQLite and on PostgreSQL: as the command line says it, nothing left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from intendance.cli import alert_words as words
from intendance.fleet.alerts.policy import CANARY
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import alert, outbox
from intendance.fleet.verdicts.changing import ALERTS
from intendance.web.live import combined
from tests.support.alerted import Alerted
from tests.support.asking import Asked
from tests.support.clock import MovableClock


@pytest.fixture
def fleet(fleet_database: Database, clock: MovableClock, tmp_path: Path) -> Asked:
    asked = Asked(fleet_database, clock)
    asked.arrive(tmp_path)
    return asked


def _numbers(answer: Any) -> list[int]:
    return [each["number"] for each in answer.json()["alerts"]]


def test_alerts_are_told_as_the_command_line_tells_them(fleet: Asked) -> None:
    fleet.alerts.ack(1, by="person:lea", lasting_seconds=3600)
    fleet.alerts.silence({"node": "web-01"}, reason="being moved", by="person:lea", lasting_seconds=60)
    told = fleet.ask("/api/v1/alerts").json()
    listed = [words.alert_json(each) for each in fleet.alerts.listed()]
    assert len(listed) > 2
    assert told == {
        "schema": "intendance.alerts/1",
        "fleet": "asbl",
        "alerts": sorted(listed, key=lambda each: -each["number"]),
        "silences": [words.silence_json(each) for each in fleet.alerts.silences()],
        "observer": None,
        "next": None,
    }
    assert (len(told["silences"]), told["alerts"][-1]["acked_by"]) == (1, "person:lea")


def test_one_alert_says_what_happened_and_what_the_other_side_answered(fleet: Asked) -> None:
    at_us = to_us(fleet.clock.at)
    sent = {
        "idempotency_key": "k", "alert": 1, "episode": 1, "step": 0, "contact": "admin", "channel": "email",
        "purpose": "firing", "content": "{}", "made_us": at_us, "next_us": at_us, "expires_us": at_us + 1, "tries": 1,
        "state": "sent", "provider_id": "4F1C2A07", "last_code": "250", "sent_us": at_us,
    }  # fmt: skip
    with fleet.database.begin() as connection:
        connection.execute(insert(outbox).values(**sent))
    fleet.alerts.ack(1, by="person:lea", lasting_seconds=3600)
    told, shown = fleet.ask("/api/v1/alerts/1").json(), fleet.alerts.shown(1)
    assert told == {
        "schema": "intendance.alert/1",
        "alert": words.alert_json(shown.alert),
        "events": [words.event_json(each) for each in shown.events],
        "messages": [words.message_json(each) for each in shown.messages],
    }
    assert [(each["code"], each["provider_id"]) for each in told["messages"]] == [("250", "4F1C2A07")]
    assert [(each["event"], each["actor"]) for each in told["events"]][-1] == ("acked", "person:lea")


def test_what_is_over_is_told_to_who_asks_for_it_alone(fleet: Asked) -> None:
    before = _numbers(fleet.ask("/api/v1/alerts"))
    with fleet.database.begin() as connection:
        over = update(alert).where(alert.c.id == 1).values(state="resolved", resolved_us=to_us(fleet.clock.at))
        connection.execute(over)
    fleet.alerts.ack(2, by="person:lea", lasting_seconds=60)
    assert _numbers(fleet.ask("/api/v1/alerts")) == [each for each in before if each != 1]
    assert _numbers(fleet.ask("/api/v1/alerts?state=resolved")) == [1]
    assert _numbers(fleet.ask("/api/v1/alerts?state=acked")) == [2]
    assert _numbers(fleet.ask("/api/v1/alerts?state=firing")) == [each for each in before if each > 2]


def test_those_that_another_stands_for_are_counted_and_canaries_are_none(fleet: Asked) -> None:
    with fleet.database.begin() as connection:
        last = connection.execute(select(func.max(alert.c.id))).scalar_one()
        connection.execute(update(alert).where(alert.c.id == 2).values(parent=1))
        connection.execute(update(alert).where(alert.c.id == last).values(cause=CANARY))
    told = fleet.ask("/api/v1/alerts").json()["alerts"]
    assert {each["number"]: each["members"] for each in told} == {1: 1, **dict.fromkeys(range(3, last), 0)}
    assert fleet.ask("/api/v1/alerts/2").json()["alert"]["parent"] == 1


PROBLEMS = (
    ("/api/v1/alerts/999", 404, "alert_unknown"),
    ("/api/v1/alerts/0", 400, "query_unusable"),
    ("/api/v1/alerts/-1", 400, "query_unusable"),
    ("/api/v1/alerts/x", 400, "query_unusable"),
    ("/api/v1/alerts?state=open", 400, "query_unusable"),
    ("/api/v1/alerts?cursor=x", 400, "query_unusable"),
    ("/api/v1/alerts?node=web-01", 400, "query_unusable"),
)


def test_what_cannot_be_answered_is_a_problem(fleet: Asked) -> None:
    answers = [(path, fleet.ask(path)) for path, _status, _title in PROBLEMS]
    assert [(path, answer.status_code, answer.json()["title"]) for path, answer in answers] == list(PROBLEMS)


def test_what_is_still_due_is_the_plan_from_the_step_that_waits(fleet: Asked) -> None:
    critical = next(each.told.number for each in fleet.alerts.listed() if each.told.urgency == "critical")
    due = fleet.alerts.due(critical)
    began = due[0].at
    assert [(int((each.at - began).total_seconds()), each.to) for each in due] == [
        (0, (("admin", "email"), ("admin", "sms"))),
        (600, (("admin", "sms"),)),
        (1800, (("lead", "email"),)),
        (1800 + 4 * 3600, (("admin", "email"), ("admin", "sms"), ("lead", "email"))),
    ]
    fleet.alerts.ack(critical, by="person:lea", lasting_seconds=60)
    assert fleet.alerts.due(critical) == ()


def test_a_message_is_shown_with_every_alert_that_it_tells_of(fleet_database: Database) -> None:
    alerted = Alerted(fleet_database)
    others = ("c", "d", "e", "f", "g")
    alerted.watch.enrol(["a", "b", *others])
    alerted.watch.wait(200, beating=others)
    first, second = (alerted.alerts.shown(alerted.open_numbers[f"{node} node.missing"]) for node in ("a", "b"))
    assert [(each.contact, each.way, each.state, each.provider_id) for each in first.messages] == [
        ("admin", "email", "sent", "4F1C2A01"),
        ("admin", "sms", "sent", "8a41f0"),
    ]
    assert second.messages == first.messages
    number = first.messages[0].number
    assert [(each.result, each.code) for each in second.tries[number]] == [("accepted", "250")]
    assert alerted.alerts.told([first.alert.told.number, second.alert.told.number]) == {
        first.alert.told.number: first.messages,
        second.alert.told.number: first.messages,
    }
    assert [(each.contact, each.way, each.proven is not None) for each in alerted.alerts.ways()] == [
        ("admin", "email", True),
        ("admin", "sms", True),
        ("lead", "email", False),
        ("lead", "sms", False),
    ]


def test_an_open_page_of_alerts_is_told_of_each_message_and_silence(fleet_database: Database) -> None:
    alerted = Alerted(fleet_database)

    def stamp() -> str:
        return combined(alerted.verdicts.stamps(frozenset({ALERTS})), ALERTS)

    stamps = [stamp()]
    alerted.watch.enrol(["a", "b", "c"])
    alerted.watch.wait(200, beating=("a", "b"))
    stamps.append(stamp())
    alerted.alerts.try_ways()
    stamps.append(stamp())
    alerted.watch.send()
    stamps.append(stamp())
    number = alerted.alerts.silence({"node": "c"}, reason="x", by="person:lea", lasting_seconds=60).number
    stamps.append(stamp())
    alerted.alerts.end_silence(number)
    stamps.append(stamp())
    assert len(set(stamps)) == len(stamps)
    assert stamp() == stamps[-1]
