"""MAINT_005 by the ways of a plan and what became of messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from intendance.catalogue.checks.channels import Deliveries, GivenUp, Told, delivered
from intendance.catalogue.load import load
from intendance.model.alerting import Urgency, Way
from intendance.model.verdict import Attestor, State

RULE = load().rules["MAINT_005"]
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
DAY = timedelta(days=1)
NAMED: frozenset[tuple[Urgency, Way]] = frozenset({("critical", "email"), ("critical", "sms"), ("warning", "email")})
WELL = Deliveries(named=NAMED, accepted={"email": NOW - DAY, "sms": NOW - 31 * DAY})


def _told(deliveries: Deliveries, days: int = 100) -> Told:
    return Told(expected_at=NOW - days * DAY, deliveries=deliveries)


def test_both_ways_that_took_a_message_lately_hold() -> None:
    found = delivered(RULE, _told(WELL), NOW)
    assert (found.state, found.code, found.attested_by) == (State.PASS, "delivered", Attestor.MANAGER)
    assert found.since == NOW - 31 * DAY
    assert found.next_change_at is not None
    assert NOW < found.next_change_at <= NOW + DAY


@pytest.mark.parametrize(
    ("missing", "code"),
    [(("critical", "email"), "no_email"), (("critical", "sms"), "no_sms"), (("warning", "email"), "no_email_warning")],
)
def test_each_way_that_the_rule_asks_for_must_be_in_the_plan(missing: tuple[Urgency, Way], code: str) -> None:
    found = delivered(RULE, _told(replace(WELL, named=NAMED - {missing})), NOW)
    assert (found.state, found.code) == (State.FAIL, code)


def test_a_plan_that_tells_nobody_is_said_so() -> None:
    assert delivered(RULE, _told(Deliveries(named=frozenset(), accepted={})), NOW).code == "no_channel"


def test_a_message_that_was_given_up_breaks_it() -> None:
    dead = GivenUp(contact="admin", way="sms", code="402", at=NOW - timedelta(hours=3))
    found = delivered(RULE, _told(replace(WELL, given_up=(dead,))), NOW)
    assert (found.state, found.code, found.since) == (State.FAIL, "given_up", dead.at)
    assert found.params == {"contact": "admin", "way": "sms", "code": "402", "at": dead.at}


def test_a_way_must_take_a_message_every_32_days() -> None:
    late = replace(WELL, accepted={"email": NOW - DAY, "sms": NOW - 32 * DAY})
    assert delivered(RULE, _told(late), NOW).state is State.PASS
    found = delivered(RULE, _told(late), NOW + timedelta(seconds=1))
    assert (found.state, found.code, found.since) == (State.FAIL, "test_old", NOW)
    assert found.params["way"] == "sms"


def test_a_way_that_was_never_tried_is_due_and_then_broken() -> None:
    untried = replace(WELL, accepted={"email": NOW - DAY})
    found = delivered(RULE, _told(untried, days=31), NOW)
    assert (found.state, found.code, found.params["due_at"]) == (State.PENDING, "test_due", NOW + DAY)
    later = delivered(RULE, _told(untried, days=33), NOW)
    assert (later.state, later.code, later.since) == (State.FAIL, "never_tested", NOW - DAY)


def test_of_messages_given_up_the_first_says_since_when_and_the_last_to_whom() -> None:
    first = GivenUp(contact="admin", way="sms", code="402", at=NOW - timedelta(hours=3))
    last = GivenUp(contact="board", way="email", code="550", at=NOW - timedelta(hours=1))
    for both in ((first, last), (last, first)):
        found = delivered(RULE, _told(replace(WELL, given_up=both)), NOW)
        assert (found.since, found.params["contact"], found.params["code"]) == (first.at, "board", "550")


def test_it_holds_since_the_node_is_of_the_fleet_and_is_looked_at_when_a_way_falls_due() -> None:
    young = delivered(RULE, _told(WELL, days=2), NOW)
    assert (young.state, young.since) == (State.PASS, NOW - 2 * DAY)
    due = replace(WELL, accepted={"email": NOW - DAY, "sms": NOW - 32 * DAY + timedelta(minutes=1)})
    change = delivered(RULE, _told(due), NOW).next_change_at
    assert change is not None
    assert timedelta(minutes=1) < change - NOW < timedelta(minutes=2)
