"""Runs, from the records that tell of them to what the pages ask for; on both databases."""

from __future__ import annotations

import importlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select

from intendance.fleet.database.tables import metadata, run_attempt
from intendance.fleet.manager import Manager
from intendance.fleet.runs.decide import Condition
from intendance.fleet.runs.service import KEPT_FOR, PAGE, Runs
from intendance.model.evidence import Evidence
from intendance.model.evidence.run import RunEnded, RunStarted
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock
from tests.support.nodes import SimulatedNode

RUN = "db.backup-full.20261121T120000Z"


def began(attempt: int = 1) -> RunStarted:
    return RunStarted(activity="backup.full", occurrence="x", attempt=attempt, deadline_seconds=86_400)


def ended(outcome: str, attempt: int = 1) -> RunEnded:
    return RunEnded(activity="backup.full", outcome=outcome, attempt=attempt, message="")


def tell(manager: Manager, node: SimulatedNode, *evidence: Evidence, run: str = RUN, boot: str = "boot-1") -> None:
    """The node records, its agent beats, and its records arrive."""
    first = node.book.size()
    for each in evidence:
        node.book.append(each, actor="schedule:backup.full", asset="db", run=run)
    manager.ingest.reload()
    manager.ingest.hear(node.bearer, node.beat(boot=boot))
    manager.ingest.flush()
    manager.evidence.receive(node.batch(first))


@pytest.fixture
def node(manager: Manager, member: MakeNode) -> SimulatedNode:
    found = member()
    manager.evidence.receive(found.batch(0))
    return found


@pytest.fixture
def runs(manager: Manager, clock: MovableClock) -> Runs:
    return Runs(manager.database, clock)


def test_a_run_is_under_way_until_its_end_arrives(
    manager: Manager, node: SimulatedNode, runs: Runs, clock: MovableClock
) -> None:
    tell(manager, node, began())
    (seen,) = runs.now().open
    assert (seen.condition, seen.attempt.run, seen.usual) == (Condition.RUNNING, RUN, None)
    clock.move(timedelta(minutes=7))
    tell(manager, node, ended("succeeded"))
    found = runs.now()
    assert found.open == ()
    (done,) = found.ended
    assert (done.condition, done.attempt.took) == (Condition.SUCCEEDED, timedelta(minutes=7))
    assert found.counts == {"succeeded": 1}


def test_how_long_such_a_run_took_before_is_told_of_one_under_way(
    manager: Manager, node: SimulatedNode, runs: Runs, clock: MovableClock
) -> None:
    for number in range(3):
        tell(manager, node, began(), run=f"db.backup-full.{number}")
        clock.move(timedelta(minutes=number + 1))
        tell(manager, node, ended("succeeded"), run=f"db.backup-full.{number}")
    tell(manager, node, began())
    (seen,) = runs.now().open
    assert seen.usual is not None
    assert (seen.usual.count, seen.usual.median) == (3, timedelta(minutes=2))
    one = runs.one("web-01", RUN)
    assert one is not None
    assert [each.run for each in one.former] == [f"db.backup-full.{number}" for number in (2, 1, 0)]


def test_nobody_can_tell_what_a_silent_node_does(
    manager: Manager, node: SimulatedNode, runs: Runs, clock: MovableClock
) -> None:
    tell(manager, node, began())
    clock.move(timedelta(minutes=3))
    assert [each.condition for each in runs.now().open] == [Condition.SILENT]
    clock.move(timedelta(days=1))
    assert [each.condition for each in runs.now().open] == [Condition.LOST]


def test_an_attempt_ends_with_the_start_of_its_machine_or_with_the_next_one(
    manager: Manager, node: SimulatedNode, runs: Runs
) -> None:
    tell(manager, node, began())
    manager.ingest.hear(node.bearer, node.beat(boot="boot-2"))
    manager.ingest.flush()
    assert [each.condition for each in runs.now().open] == [Condition.LOST]
    tell(manager, node, began(attempt=2), boot="boot-2")
    one = runs.one("web-01", RUN)
    assert one is not None
    assert [(each.attempt.attempt, each.attempt.outcome) for each in one.attempts] == [(2, ""), (1, "lost")]


def test_what_was_put_back_is_begun_again_under_the_same_number(
    manager: Manager, node: SimulatedNode, runs: Runs
) -> None:
    tell(manager, node, began(), ended("released"))
    assert [each.condition for each in runs.now().ended] == [Condition.RELEASED]
    tell(manager, node, began())
    assert [each.condition for each in runs.now().open] == [Condition.RUNNING]
    assert runs.now().ended == ()


def test_a_run_of_a_node_that_left_is_nobodys(manager: Manager, node: SimulatedNode, runs: Runs) -> None:
    tell(manager, node, began())
    manager.nodes.decommission("web-01", by="person:test")
    assert runs.now().open == ()
    assert runs.one("web-01", RUN) is None


def test_what_ended_is_read_page_by_page(
    manager: Manager, node: SimulatedNode, runs: Runs, clock: MovableClock
) -> None:
    for number in range(PAGE + 2):
        node.book.append(ended("failed"), actor="person:x", asset="db", run=f"db.inspect.{number:03}")
        clock.move(timedelta(seconds=1))
    manager.evidence.receive(node.batch(1))
    first = runs.now(name="web-01", asset="db")
    second = runs.now(name="web-01", asset="db", before=first.more)
    told = [each.attempt.run for each in (*first.ended, *second.ended)]
    assert told == [f"db.inspect.{number:03}" for number in reversed(range(PAGE + 2))]
    assert second.more is None
    assert runs.now(name="web-01", asset="other").ended == ()


def test_what_ended_long_ago_is_forgotten(
    manager: Manager, node: SimulatedNode, runs: Runs, clock: MovableClock
) -> None:
    tell(manager, node, began(), ended("succeeded"))
    runs.forget(clock.at + KEPT_FOR - timedelta(days=1))
    assert len(runs.now().ended) == 1
    runs.forget(clock.at + KEPT_FOR + timedelta(days=1))
    assert runs.now().ended == ()


def test_the_migration_finds_what_ended_in_the_records_that_are_here(manager: Manager, node: SimulatedNode) -> None:
    tell(manager, node, began(), ended("cancelled"))
    tell(manager, node, ended("failed"), run="db.inspect.1")
    wanted = select(run_attempt.c.run, run_attempt.c.outcome, run_attempt.c.ended_us, run_attempt.c.ended_seq)
    with manager.database.begin() as connection:
        kept = {tuple(row) for row in connection.execute(wanted)}
        connection.execute(delete(run_attempt))
        migration = importlib.import_module("intendance.fleet.database.migrations.versions.v0015_runs")
        found = migration._ended(connection).values()
    assert {(row["run"], row["outcome"], row["ended_us"], row["ended_seq"]) for row in found} == kept


def test_no_record_keeps_the_migration_from_being_done(manager: Manager, node: SimulatedNode) -> None:
    tell(manager, node, ended("failed"))
    good = node.book.record(node.book.size() - 1)
    odd: list[dict[str, object]] = [
        {"ts": "yesterday"}, {"data": []}, {"data": {"message": "no outcome"}}, {"actor": 7}, {"run": "r" * 300},
        {"run": "with\0nul"}, {"data": {"outcome": "failed", "attempt": 10**12}}, {"data": {"outcome": None}},
        {"data": {"outcome": "failed", "message": "before\0after"}},
    ]  # fmt: skip
    table = metadata.tables["evidence_record"]
    told = {"ts": good.ts, "run": RUN, "asset": "db", "actor": "x", "data": {"outcome": "failed", "message": ""}}
    with manager.database.begin() as connection:
        (row,) = connection.execute(select(table).where(table.c.seq == good.seq)).mappings()
        for number, changed in enumerate(odd, start=1):
            content = json.dumps(told | {"run": f"{RUN}.{number}"} | changed).encode()
            connection.execute(insert(table).values(**{**row, "seq": good.seq + number, "content": content}))
        migration = importlib.import_module("intendance.fleet.database.migrations.versions.v0015_runs")
        found = migration._ended(connection)
        connection.execute(delete(run_attempt))
        connection.execute(insert(run_attempt), list(found.values()))
    assert [(each["run"], each["message"]) for each in found.values()] == [(RUN, ""), (f"{RUN}.9", "beforeafter")]
