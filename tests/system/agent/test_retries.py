"""A store that is gone for a moment: the agent's backup is tried again and made, and the ledger tells both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from intendance.agent import children
from intendance.runs.decide import RETRY_AFTER
from intendance.runs.rows import Run, Submission
from intendance.system.clock import SystemClock
from tests.support.clock import MovableClock
from tests.support.state import Site, until

pytestmark = pytest.mark.gnupg

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FULL = Submission(asset="site-files", activity="backup.full", occurrence=NOON, actor="schedule:backup.full")


def perform(site: Site, clock: MovableClock) -> Run:
    """One attempt by a real worker, as the agent performs it."""
    with site.node(clock) as node:
        assert [run.id for run in node.journal.ready()] == [FULL.id]
        assert node.journal.claim(FULL.id) is not None
        run = node.journal.get(FULL.id)
        child = children.start_worker(node, run)
        child.wait(180)
        children.settle(node, run, child)
        return node.journal.get(FULL.id)


def test_a_store_that_is_gone_for_a_moment_costs_no_backup(site: Site) -> None:
    away = site.store.with_name("away")
    site.store.rename(away)
    with site.agent(), site.node() as node:
        node.journal.submit(FULL)
        site.wake()
        until(lambda: node.journal.failures(FULL.id) == 1, "the first attempt to fail")
        until(lambda: (site.ping() or {"running": "?"})["running"] is None, "its worker to end")
        run = node.journal.get(FULL.id)
        assert (run.state, run.error) == ("queued", "store_unreachable")
        assert "It is tried again by itself at" in site.run("run", "show", FULL.id).out
        failed = [each.data["error"] for each in node.book.records(kind="backup.failed")]
        assert failed == ["store_unreachable"]
    away.rename(site.store)
    clock = MovableClock(SystemClock().read().at + RETRY_AFTER[0])
    run = perform(site, clock)
    assert (run.state, run.attempt) == ("succeeded", 2)
    assert [path.name for path in site.sets()] == [f"{FULL.id}.2"]


def test_a_store_that_stays_away_is_given_up(site: Site) -> None:
    site.store.rename(site.store.with_name("away"))
    clock = MovableClock(SystemClock().read().at)
    with site.node(clock) as node:
        node.journal.submit(FULL)
    states = []
    for _ in range(len(RETRY_AFTER) + 1):
        states.append(perform(site, clock).state)
        clock.move(RETRY_AFTER[-1] + timedelta(seconds=30))
    assert states == ["queued"] * len(RETRY_AFTER) + ["failed"]
    with site.node(clock) as node:
        assert len(list(node.book.records(kind="backup.failed"))) == len(states)
        assert node.journal.ready() == ()


def test_somebody_at_a_terminal_is_told_at_once(site: Site) -> None:
    site.store.rename(site.store.with_name("away"))
    with site.agent():
        answer = site.run("backup", "run")
    assert answer.code == 1
    assert "cannot be reached" in answer.err
    with site.node() as node:
        assert [run.state for run in node.journal.recent()] == ["failed"]
