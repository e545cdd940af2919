"""Nodes judged by the manager, on SQLite and on PostgreSQL: what it finds is what the node itself finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from intendance.agent.judging import judge
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_head
from intendance.fleet.verdicts import decide
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.fleet.verdicts.standing import Presence
from intendance.model.verdict import State, Verdict
from tests.golden.lives import live
from tests.support.clock import MovableClock
from tests.support.received import receive

ABOUT = About(fleet="asbl-exemple", organisation="ASBL Exemple", zone="Europe/Brussels")
Received = Callable[[str, str], MovableClock]


@pytest.fixture(name="received")
def _received(fleet_database: Database, tmp_path: Path) -> Received:
    def received(life: str, name: str) -> MovableClock:
        state = tmp_path / name
        state.mkdir()
        clock = live(life, state)
        receive(fleet_database, state, clock, name)
        return clock

    return received


def _service(database: Database, clock: MovableClock) -> Verdicts:
    return Verdicts(database, clock, ABOUT, say=pytest.fail)


def _told(verdicts: tuple[Verdict, ...]) -> set[tuple[object, ...]]:
    return {
        (
            each.rule,
            each.asset,
            each.state,
            each.since,
            each.reason.code,
            tuple(each.reason.params.items()),
            each.excuse,
        )
        for each in verdicts
    }


@pytest.mark.parametrize("life", ["trouble", "excused", "first-day"])
def test_the_manager_finds_what_the_node_finds(
    fleet_database: Database, received: Received, tmp_path: Path, life: str
) -> None:
    clock = received(life, "web-01")
    own = judge(tmp_path / "web-01", clock, afresh=True).verdicts
    service = _service(fleet_database, clock)
    assert service.judge_due() == 1
    assert _told(service.of_node("web-01")) == _told(own)


def test_nothing_is_judged_again_until_a_record_or_an_instant_may_change_it(
    fleet_database: Database, received: Received
) -> None:
    clock = received("all-well", "shop")
    service = _service(fleet_database, clock)
    assert service.judge_due() == 1
    assert service.judge_due() == 0
    before = {decide.key(each): each for each in service.of_node("shop")}
    assert State.FAIL not in {each.state for each in before.values()}
    clock.move(timedelta(days=2))
    assert service.judge_due() == 1
    assert service.judge_due() == 0
    broken = [each for each in service.of_node("shop") if each.state is State.FAIL]
    assert broken
    for each in broken:
        began = service.history("shop", each.rule, each.asset)
        assert [state for _from, _until, state in began] == [before[decide.key(each)].state, State.FAIL]
        assert began[0][1] == began[1][0] == clock.read().at
        assert began[1][1] is None


def test_records_that_no_verified_head_covers_prove_nothing(fleet_database: Database, received: Received) -> None:
    clock = received("all-well", "shop")
    with fleet_database.begin() as connection:
        connection.execute(update(evidence_head).values(signed_size=0))
    service = _service(fleet_database, clock)
    service.judge_due()
    assert service.of_node("shop") == ()
    assert service.standing().summary[State.PASS] == 0


def test_a_fleet_is_counted_by_node_and_family_and_shown_worst_first(
    fleet_database: Database, received: Received
) -> None:
    clocks = [received("trouble", "web-01"), received("all-well", "wiki")]
    clock = max(clocks, key=lambda each: each.at)
    service = _service(fleet_database, clock)
    assert service.judge_due() == 2
    standing = service.standing()
    assert [each.node for each in standing.nodes] == ["web-01", "wiki"]
    assert {each.presence for each in standing.nodes} == {Presence.UP}
    assert set(standing.counts) == {"web-01", "wiki"}
    assert standing.verdicts[0].state is State.FAIL
    assert standing.all_since is None
    assert not standing.stopped
    clock.move(timedelta(minutes=3))
    assert service.standing().stopped


def test_another_process_reads_what_one_judged(fleet_database: Database, received: Received) -> None:
    clock = received("trouble", "web-01")
    judging, reading = _service(fleet_database, clock), _service(fleet_database, clock)
    judging.judge_due()
    assert reading.standing().verdicts == judging.standing().verdicts
    first = reading.standing()
    clock.move(timedelta(days=2))
    judging.judge_due()
    assert reading.standing().verdicts != first.verdicts
    assert replace(reading.standing(), asked_at=None) == replace(judging.standing(), asked_at=None)
