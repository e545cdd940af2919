"""MAINT_001 as the manager judges it, from beats that came by the real way: on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from intendance.fleet.beats.summing import KIND, Summing
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import node as node_row
from intendance.fleet.database.tables import observability_gap, verdict
from intendance.fleet.log import FleetLog
from intendance.fleet.manager import Manager
from intendance.fleet.verdicts import rows
from intendance.fleet.verdicts.hearing import Hearing, blind_minutes
from intendance.fleet.verdicts.judge import Judge
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.ledger.origin import FLEET_LOG
from intendance.model.verdict import Citation, Reason, Severity, State, Verdict
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock
from tests.support.nodes import SimulatedNode

MINUTE = timedelta(minutes=1)
MINUTE_US = 60_000_000


@pytest.fixture(name="node")
def _node(manager: Manager, member: MakeNode, fleet_database: Database, clock: MovableClock) -> SimulatedNode:
    """A node whose plan follows the catalogue, as another verdict on it shows."""
    made = member("web-01")
    other = Verdict(
        rule="MAINT_010", asset="db", node="web-01", state=State.PASS, severity=Severity.BLOCKING, since=clock.at,
        reason=Reason(code="fresh"),
    )  # fmt: skip
    with fleet_database.begin() as connection:
        connection.execute(insert(verdict).values(**rows.to_row(other, 1)))
    return made


def _live(manager: Manager, node: SimulatedNode, clock: MovableClock, minutes: int) -> None:
    for _ in range(minutes):
        clock.move(MINUTE)
        manager.ingest.hear(node.bearer, node.beat())
    manager.ingest.flush()


def _said(manager: Manager, clock: MovableClock) -> Verdict | None:
    about = About(fleet="asbl", organisation="asbl", zone="UTC")
    found = Verdicts(manager.database, clock, about, say=pytest.fail).of_node("web-01")
    return next((each for each in found if each.rule == "MAINT_001"), None)


def test_a_node_that_beats_holds_from_its_first_full_hour_on(
    manager: Manager, node: SimulatedNode, clock: MovableClock
) -> None:
    hearing = Hearing(manager.database)
    assert hearing.judge_due(clock.at) == 1
    first = _said(manager, clock)
    assert first is not None
    assert (first.state, first.reason.code) == (State.PENDING, "first_hour")
    _live(manager, node, clock, 59)
    hearing.judge_due(clock.at)
    assert _said(manager, clock) == first
    _live(manager, node, clock, 4)
    hearing.judge_due(clock.at)
    held = _said(manager, clock)
    assert held is not None
    assert held.state is State.PASS


def test_a_silence_breaks_it_though_no_beat_comes_to_say_so(
    manager: Manager, node: SimulatedNode, clock: MovableClock
) -> None:
    hearing = Hearing(manager.database)
    _live(manager, node, clock, 200)
    hearing.judge_due(clock.at)
    found = _said(manager, clock)
    for _ in range(12):
        clock.move(MINUTE)
        hearing.judge_due(clock.at)
        found = _said(manager, clock)
    assert found is not None
    assert (found.state, found.reason.code) == (State.FAIL, "day_lost")
    Hearing(manager.database).judge_due(clock.at)
    anew = _said(manager, clock)  # by one that remembers nothing
    assert anew is not None
    assert (anew.state, anew.reason.code, anew.since) == (found.state, found.reason.code, found.since)


def test_what_the_manager_could_not_hear_is_not_the_nodes_fault(
    manager: Manager, node: SimulatedNode, clock: MovableClock, fleet_database: Database
) -> None:
    _live(manager, node, clock, 120)
    blind_from = to_us(clock.at)
    clock.move(timedelta(minutes=50))
    gap = {"from_us": blind_from, "to_us": to_us(clock.at), "cause": "restart"}
    with fleet_database.begin() as connection:
        connection.execute(insert(observability_gap).values(**gap))
    _live(manager, node, clock, 10)
    Hearing(fleet_database).judge_due(clock.at)
    found = _said(manager, clock)
    assert found is not None
    assert (found.state, found.reason.code) == (State.PASS, "heard")


def test_a_node_under_another_catalogue_is_not_judged_by_it(
    manager: Manager, member: MakeNode, clock: MovableClock
) -> None:
    node = member("web-01")
    _live(manager, node, clock, 70)
    Hearing(manager.database).judge_due(clock.at)
    assert _said(manager, clock) is None


def test_judging_evidence_leaves_what_was_heard(manager: Manager, node: SimulatedNode, clock: MovableClock) -> None:
    _live(manager, node, clock, 70)
    Hearing(manager.database).judge_due(clock.at)
    before = _said(manager, clock)
    Judge(manager.database, pytest.fail).judge(["web-01"], clock.at)
    assert before is not None
    assert _said(manager, clock) == before


def test_the_newest_days_record_is_cited_by_verdicts_on_nodes_that_were_there(
    manager: Manager, node: SimulatedNode, clock: MovableClock, fleet_database: Database, tmp_path: Path
) -> None:
    summing = Summing(fleet_database, FleetLog(tmp_path / "manager", "asbl", clock))
    _live(manager, node, clock, 70)
    summing.record_days(clock.at)
    Hearing(fleet_database).judge_due(clock.at)
    assert _cited(manager, clock) == {"MAINT_001": (), "MAINT_002": ()}
    began = clock.at
    clock.at = clock.at.replace(hour=0, minute=30) + timedelta(days=1)
    hearing = Hearing(fleet_database)
    hearing.judge_due(clock.at)
    assert summing.record_days(clock.at) == 1
    clock.move(MINUTE)
    hearing.judge_due(clock.at)
    newest = summing._log.newest(KIND)
    assert newest is not None
    record = (Citation(node=FLEET_LOG, seq=newest.seq),)
    assert _cited(manager, clock) == {"MAINT_001": record, "MAINT_002": record}
    with fleet_database.begin() as connection:
        connection.execute(update(node_row).values(enrolled_us=to_us(began + timedelta(days=1))))
    Hearing(fleet_database).judge_due(clock.at)
    assert _cited(manager, clock) == {"MAINT_001": (), "MAINT_002": ()}


def test_a_log_that_has_no_such_record_is_not_cited_for_one_that_another_had(
    manager: Manager, node: SimulatedNode, clock: MovableClock, fleet_database: Database, tmp_path: Path
) -> None:
    _live(manager, node, clock, 70)
    clock.at = clock.at.replace(hour=0, minute=30) + timedelta(days=1)
    assert Summing(fleet_database, FleetLog(tmp_path / "one", "asbl", clock)).record_days(clock.at) == 1
    Summing(fleet_database, FleetLog(tmp_path / "other", "asbl", clock)).record_days(clock.at - timedelta(days=9))
    Hearing(fleet_database).judge_due(clock.at)
    assert _cited(manager, clock) == {"MAINT_001": (), "MAINT_002": ()}


def _cited(manager: Manager, clock: MovableClock) -> dict[str, tuple[Citation, ...]]:
    about = About(fleet="asbl", organisation="asbl", zone="UTC")
    found = Verdicts(manager.database, clock, about, say=pytest.fail).of_node("web-01")
    return {each.rule: each.cites for each in found if each.rule in ("MAINT_001", "MAINT_002")}


def test_a_gap_blinds_every_minute_that_it_touches_and_the_next() -> None:
    assert blind_minutes([(30_000_000, 90_000_000)], 0, 10 * MINUTE_US) == 0b111
    assert blind_minutes([(-5 * MINUTE_US, 1)], 0, 10 * MINUTE_US) == 0b11
    assert blind_minutes([(8 * MINUTE_US, None)], 0, 10 * MINUTE_US) == 0b111100000000
    assert blind_minutes([], 0, MINUTE_US) == 0


def test_beats_at_the_turn_of_the_minute_are_all_counted(
    manager: Manager, node: SimulatedNode, clock: MovableClock, fleet_database: Database
) -> None:
    clock.move(timedelta(milliseconds=-20))
    for number in range(130):
        clock.move(MINUTE + timedelta(milliseconds=40 if number % 3 == 0 else -20))
        manager.ingest.hear(node.bearer, node.beat())
    manager.ingest.flush()
    Hearing(fleet_database).judge_due(clock.at)
    found = _said(manager, clock)
    assert found is not None
    assert found.state is State.PASS
    assert found.reason.params["heard"] == found.reason.params["minutes"]
