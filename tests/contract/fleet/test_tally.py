"""What all verdicts add up to, taken in as they are written, is what counting them all again gives."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, update

from intendance.agent.judging import Judgement, judge
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import verdict
from intendance.fleet.nodes.service import Nodes
from intendance.fleet.reading.service import Reading, Wanted
from intendance.fleet.verdicts import rows
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.fleet.verdicts.standing import stand
from intendance.fleet.verdicts.tally import Counting
from intendance.model.verdict import State, Verdict
from tests.golden.lives import live
from tests.support.clock import MovableClock

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def judgement(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    state = tmp_path_factory.mktemp("excused")
    return judge(state, live("excused", state))


def _put(database: Database, each: Verdict, judged_us: int) -> None:
    row = rows.to_row(each, judged_us)
    place = (verdict.c.node == row["node"]) & (verdict.c.rule == row["rule"]) & (verdict.c.asset == row["asset"])
    with database.begin() as connection:
        if connection.execute(update(verdict).where(place).values(**row)).rowcount == 0:
            connection.execute(insert(verdict).values(**row))


def test_what_is_written_changed_and_taken_away_is_taken_in(fleet_database: Database, judgement: Judgement) -> None:
    chance = random.Random(7)
    counting = Counting(judgement.rulebook)
    names = ["a", "b", "c"]
    moment = to_us(NOW)
    for step in range(40):
        moment += chance.choice((1, 10_000_000, 400_000_000))
        node = chance.choice(names)
        if chance.random() < 0.15:
            with fleet_database.begin() as connection:
                connection.execute(delete(verdict).where(verdict.c.node == node))
        else:
            for each in chance.sample(judgement.verdicts, 5):
                state = chance.choice((State.PASS, State.PASS, State.FAIL, State.UNKNOWN))
                _put(fleet_database, replace(each, node=node, state=state, since=NOW - timedelta(days=step)), moment)
        asked = frozenset(chance.sample(names, chance.randint(1, 3)))
        with fleet_database.read() as connection:
            kept = counting.tally(connection, asked, NOW)
            anew = Counting(judgement.rulebook).tally(connection, asked, NOW)
        assert kept == anew


def test_a_verdict_written_late_with_an_earlier_instant_is_seen(fleet_database: Database, judgement: Judgement) -> None:
    counting = Counting(judgement.rulebook)
    first, second = judgement.verdicts[:2]
    _put(fleet_database, replace(first, node="a", state=State.PASS), to_us(NOW))
    with fleet_database.read() as connection:
        counting.tally(connection, frozenset("a"), NOW)
    _put(fleet_database, replace(second, node="a", state=State.FAIL), to_us(NOW - timedelta(hours=3)))
    with fleet_database.read() as connection:
        told = counting.tally(connection, frozenset("a"), NOW)
    assert [each.state for each in told.shown if each.state is State.FAIL] == [State.FAIL]
    assert told.all_since is None


def test_all_holds_since_the_last_of_it_began_to(fleet_database: Database, judgement: Judgement) -> None:
    counting = Counting(judgement.rulebook)
    for node, days in (("a", 9), ("b", 4)):
        for each in judgement.verdicts[:4]:
            _put(
                fleet_database, replace(each, node=node, state=State.PASS, since=NOW - timedelta(days=days)), to_us(NOW)
            )
    with fleet_database.read() as connection:
        assert counting.tally(connection, frozenset("ab"), NOW).all_since == NOW - timedelta(days=4)
        assert counting.tally(connection, frozenset("a"), NOW).all_since == NOW - timedelta(days=9)
        assert counting.tally(connection, frozenset(), NOW).all_since is None


def test_what_is_counted_and_shown_is_what_counting_whole_verdicts_gives(
    fleet_database: Database, judgement: Judgement
) -> None:
    """Nearly all of a fleet is only counted from a few columns: it must come to the same, hour by hour."""
    chance = random.Random(11)
    counting = Counting(judgement.rulebook)
    put: list[Verdict] = []
    names = frozenset("abcdef")
    for node in sorted(names):
        for each in judgement.verdicts:
            state = chance.choice((State.PASS, *State))
            ahead = chance.choice((None, NOW + timedelta(days=6, hours=23), NOW + timedelta(days=7, hours=2)))
            put.append(replace(each, node=node, state=state, next_change_at=ahead, excuse=None))
            _put(fleet_database, put[-1], to_us(NOW))
        late = NOW + timedelta(days=7, hours=2)
        put.append(replace(each, node=node, rule="ASBL_016", asset="late", state=State.PASS, next_change_at=late))
        _put(fleet_database, put[-1], to_us(NOW))
    seen = []
    for hours in (0, 1, 2, 3):
        now = NOW.replace(minute=0) + timedelta(hours=hours)
        with fleet_database.read() as connection:
            told = counting.tally(connection, names, now)
        shown, counts = stand(judgement.rulebook, put, now)
        assert told.counts == counts
        assert told.shown == shown
        seen.append(len(told.shown))
    assert seen[0] < seen[-1], "what becomes due within a week comes in as time goes by"


@pytest.mark.parametrize("state", [State.PASS, State.FAIL])
def test_a_verdict_of_a_rule_that_this_version_does_not_know_is_left_to_who_does(
    fleet_database: Database, judgement: Judgement, state: State
) -> None:
    """Of another version that judged before, or that is another manager of the same database."""
    for each in judgement.verdicts:
        _put(fleet_database, replace(each, node="a"), to_us(NOW))
    counting = Counting(judgement.rulebook)
    with fleet_database.read() as connection:
        before = counting.tally(connection, frozenset("a"), NOW)
    other = replace(judgement.verdicts[0], node="a", rule="MAINT_999", state=state, since=NOW)
    _put(fleet_database, other, to_us(NOW) + 1)
    with fleet_database.read() as connection:
        assert counting.tally(connection, frozenset("a"), NOW) == before
        assert Counting(judgement.rulebook).tally(connection, frozenset("a"), NOW) == before
    about = About(fleet="asbl", organisation="", zone="UTC")
    clock = MovableClock(NOW)
    service = Verdicts(fleet_database, clock, about, say=pytest.fail)
    reading = Reading(fleet_database, Nodes(fleet_database, "asbl", clock), service)
    of_page = reading.page_of_verdicts(Wanted(), ("", "", ""), 500)
    assert "MAINT_999" not in {each.rule for each in (*service.of_node("a"), *of_page)}
