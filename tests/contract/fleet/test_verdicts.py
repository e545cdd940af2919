"""Nodes judged by the manager, on SQLite and on PostgreSQL: what it finds is what the node itself finds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from intendance.agent.judging import judge
from intendance.fleet.beats.presence import Presence
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import evidence_head, evidence_record, node, node_state
from intendance.fleet.verdicts import crowd, decide
from intendance.fleet.verdicts.decide import FLEET_RULES
from intendance.fleet.verdicts.judge import Judge
from intendance.fleet.verdicts.service import About, Verdicts
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
        if each.rule not in FLEET_RULES
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
    _heard(fleet_database, clock)
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


def _heard(database: Database, clock: MovableClock) -> None:
    with database.begin() as connection:
        connection.execute(update(node_state).values(last_seen_us=to_us(clock.read().at)))


def test_a_node_that_falls_silent_is_shown_so_though_nobody_noticed(
    fleet_database: Database, received: Received
) -> None:
    clock = received("all-well", "wiki")
    service = _service(fleet_database, clock)
    service.judge_due()
    assert (service.standing().silent, service.standing().heard) == (0, 1)
    for seconds, presence in ((80, Presence.LATE), (41, Presence.MISSING)):
        clock.move(timedelta(seconds=seconds))
        service.judge_due()
        assert [each.presence for each in service.standing().nodes] == [presence]
    assert service.standing().silent == 1


def test_a_node_that_nothing_is_known_of_counts_as_not_judged(fleet_database: Database, received: Received) -> None:
    clock = received("all-well", "wiki")
    received("all-well", "mute")
    with fleet_database.begin() as connection:
        connection.execute(update(evidence_head).where(evidence_head.c.node == "mute").values(signed_size=0))
    service = _service(fleet_database, clock)
    service.judge_due()
    assert (service.standing().unjudged, service.standing().silent) == (1, 0)


def test_a_node_that_left_the_fleet_is_judged_and_counted_no_more(fleet_database: Database, received: Received) -> None:
    clock = received("trouble", "web-01")
    service = _service(fleet_database, clock)
    service.judge_due()
    assert service.counts_by_rule()
    with fleet_database.begin() as connection:
        connection.execute(update(node).values(decommissioned_us=to_us(clock.read().at)))
    clock.move(timedelta(days=2))
    assert service.judge_due() == 0
    assert service.counts_by_rule() == {}
    assert service.subjects_of("ASBL_010") == ()
    assert service.standing().counts == {}


def test_what_may_change_soon_is_found_by_the_time_alone(fleet_database: Database, received: Received) -> None:
    clock = received("all-well", "wiki")
    service = _service(fleet_database, clock)
    service.judge_due()
    rare = [each for each in service.of_node("wiki") if each.rule == "ASBL_016" and each.state is State.PASS]
    assert rare
    assert rare[0].next_change_at is not None
    assert "ASBL_016" not in {each.rule for each in service.standing().soon}
    clock.at = rare[0].next_change_at - timedelta(days=6)
    assert "ASBL_016" in {each.rule for each in service.standing().soon}


def test_history_is_dropped_once_it_is_older_than_it_is_kept(fleet_database: Database, received: Received) -> None:
    clock = received("all-well", "wiki")
    service = _service(fleet_database, clock)
    service.judge_due()
    clock.move(timedelta(days=2))
    service.judge_due()
    broken = next(each for each in service.of_node("wiki") if each.state is State.FAIL)
    assert len(service.history("wiki", broken.rule, broken.asset)) == 2
    clock.move(decide.KEPT_FOR - timedelta(days=1))
    service.judge_due()
    assert len(service.history("wiki", broken.rule, broken.asset)) == 2
    clock.move(timedelta(days=2))
    service.judge_due()
    assert len(service.history("wiki", broken.rule, broken.asset)) == 1


def test_after_each_record_and_instant_it_is_what_judging_from_nothing_finds(
    fleet_database: Database, received: Received
) -> None:
    clock = received("trouble", "web-01")
    with fleet_database.read() as connection:
        asked = select(evidence_record.c.seq, evidence_record.c.ts).order_by(evidence_record.c.seq)
        dates = [(row.seq, datetime.fromisoformat(row.ts)) for row in connection.execute(asked)]
    end = clock.at
    service = _service(fleet_database, clock)
    differing: set[str] = set()
    for seq, at in [*dates[:6], *dates[6::17], dates[-1]]:
        with fleet_database.begin() as connection:
            values = {"signed_size": seq + 1, "changed_us": to_us(at)}
            connection.execute(update(evidence_head).values(**values))
        for later in (timedelta(0), timedelta(hours=7), timedelta(days=1, hours=5)):
            clock.at = max(clock.at if later else at, at) + later
            if clock.at > end + timedelta(days=2):
                break
            service.judge_due()
            mine = (each for each in service.of_node("web-01") if each.rule not in FLEET_RULES)
            told = {(each.rule, each.asset, each.state, each.since) for each in mine}
            anew = Judge(fleet_database, pytest.fail).from_nothing("web-01", clock.at)
            assert told == {(each.rule, each.asset, each.state, each.since) for each in anew}
            differing.update(each.state for each in anew)
    assert differing >= {State.PASS, State.FAIL, State.PENDING}


def test_so_many_nodes_that_other_processes_judge_them(
    fleet_database: Database, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = max((received(life, life) for life in ("trouble", "all-well", "excused")), key=lambda each: each.at)
    monkeypatch.setattr(crowd, "MANY", 3)
    service = _service(fleet_database, clock)
    assert service.judge_due() == 3
    assert service.judge_due() == 0
    for name in ("trouble", "all-well", "excused"):
        alone = Judge(fleet_database, pytest.fail).from_nothing(name, clock.at)
        assert _told(service.of_node(name)) == _told(alone)
        assert alone


def test_where_no_other_process_can_be_started_this_one_judges_all(
    fleet_database: Database, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = received("trouble", "web-01")
    said: list[str] = []
    monkeypatch.setattr(crowd, "MANY", 1)
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    service = Verdicts(fleet_database, clock, ABOUT, say=said.append)
    assert service.judge_due() == 1
    assert service.of_node("web-01")
    assert len(said) == 1


def test_another_version_judges_every_node_again(fleet_database: Database, received: Received) -> None:
    clock = received("trouble", "web-01")
    assert Judge(fleet_database, pytest.fail).due(clock.at) == ["web-01"]
    _service(fleet_database, clock).judge_due()
    assert Judge(fleet_database, pytest.fail).due(clock.at) == []
    assert Judge(fleet_database, pytest.fail, program="another").due(clock.at) == ["web-01"]
