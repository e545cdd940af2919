"""A real backup killed with SIGKILL, at every boundary and at random instants, then begun anew.

After each: no process of it is left, nothing half-done is listed, the ledger verifies, the next attempt succeeds
without repeating a committed step, and what is listed then is whole.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from intendance.activities.inspect import perform as inspection
from intendance.agent import children
from intendance.agent.compose import Node
from intendance.agent.ledger_view import verify_ledger
from intendance.agent.shelves import list_points
from intendance.runs.rows import Run, Submission
from intendance.stores import open_store
from intendance.system import process
from intendance.system.clock import SystemClock
from tests.support.state import Site, children_of, fill, until

pytestmark = pytest.mark.gnupg

ROOT = Path(__file__).parents[2]


@dataclass
class Yard:
    """Whoever holds the state's lock, as an agent would: submits, claims, starts, settles."""

    site: Site
    node: Node
    runs: int = 0
    whole: list[str] = field(default_factory=list)

    def submit(self, activity: str = "backup.full") -> Run:
        """A new run, claimed for its first attempt."""
        self.runs += 1
        occurrence = self.node.clock.read().at.replace(microsecond=0) - timedelta(days=400) + timedelta(days=self.runs)
        submission = Submission(
            asset="site-files", activity=activity, occurrence=occurrence, actor=f"schedule:{activity}"
        )
        assert self.node.journal.submit(submission)
        return self.claim(submission.id)

    def claim(self, name: str) -> Run:
        assert self.node.journal.claim(name) is not None
        return self.node.journal.get(name)

    def start(self, run: Run, *, fatal: int | None = None, boundaries: Path | None = None) -> process.Child:
        if fatal is None:
            return children.start_worker(self.node, run)
        environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
        if boundaries is not None:
            environment["BOUNDARIES"] = str(boundaries)
        argv = [sys.executable, "-m", "tests.support.fragile_worker", str(fatal)]
        return process.start(
            [*argv, str(self.site.state), run.id, str(run.attempt)], extra_environment=environment, new_session=True
        )

    def recover(self, run: Run, child: process.Child) -> None:
        """Check what the kill left, let the run go on, check what it made."""
        pid = child.process.pid
        state = children.settle(self.node, run, child)
        until(lambda: children_of(pid) == [], "every process of the run to be gone")
        self.check_listed(run)
        if state == "queued":
            again = self.claim(run.id)
            assert again.attempt == 2
            second = self.start(again)
            second.wait(180)
            assert children.settle(self.node, again, second) == "succeeded", self.node.journal.get(run.id)
        self.check_made(run)

    def check_listed(self, run: Run) -> None:
        """What is listed after a kill is whole: as before, and at most the set whose manifest was its last write."""
        listed = self.listed()
        assert set(self.whole) <= set(listed)
        assert set(listed) - set(self.whole) <= {f"{run.id}.1"}
        self.check_ledger()

    def check_made(self, run: Run) -> None:
        completed = [each for each in self.node.book.records(kind="backup.completed") if each.run == run.id]
        assert len(completed) == 1, "one run leaves one set in the ledger"
        name = completed[0].data["set"]
        assert set(self.listed()) == {*self.whole, name}
        self.whole.append(name)
        self.check_ledger()
        assert not list((self.site.state / "agent/scratch").glob("*"))

    def check_ledger(self) -> None:
        assert verify_ledger(self.site.state).exit_code == 0

    def listed(self) -> list[str]:
        listing = list_points(self.site.state, SystemClock(), asset=None)
        assert (listing.unreadable, listing.failures) == ({}, ())
        assert all(not each.point.fault for each in listing.points)
        return [each.point.set for each in listing.points]


@pytest.fixture
def yard(site: Site) -> Iterator[Yard]:
    with site.node() as node:
        yield Yard(site, node)


def test_killed_at_every_boundary_a_backup_is_whole_or_absent(yard: Yard) -> None:
    count = yard.site.base / "boundaries"
    run = yard.submit()
    child = yard.start(run, fatal=0, boundaries=count)
    assert child.wait(180) == 0, child.stderr()
    children.settle(yard.node, run, child)
    yard.check_made(run)
    boundaries = int(count.read_text())
    assert boundaries >= 16, "register, five files of the set, step, seal, end: each before and after"
    for fatal in range(1, boundaries + 1):
        run = yard.submit()
        child = yard.start(run, fatal=fatal)
        assert child.wait(180) == -9, f"boundary {fatal} of {boundaries}: {child.stderr()}"
        yard.recover(run, child)
    every_byte_holds(yard)


def test_killed_at_every_boundary_an_inspection_is_recorded_once(yard: Yard) -> None:
    backup = yard.submit()
    child = yard.start(backup)
    assert child.wait(180) == 0, child.stderr()
    children.settle(yard.node, backup, child)
    yard.check_made(backup)
    fatal, alive = 0, False
    while not alive:
        fatal += 1
        run = yard.submit("inspect")
        child = yard.start(run, fatal=fatal)
        alive = child.wait(180) == 0
        if children.settle(yard.node, run, child) == "queued":
            again = yard.claim(run.id)
            second = yard.start(again)
            assert second.wait(180) == 0, second.stderr()
            assert children.settle(yard.node, again, second) == "succeeded"
        made = [each for each in yard.node.book.records(kind="inspection.completed") if each.run == run.id]
        assert len(made) == 1, f"boundary {fatal}: a committed step is not performed again"
        yard.check_ledger()
    assert fatal > 8, "register, step, seal, end: each before and after"


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_instants_a_backup_is_whole_or_absent(yard: Yard, seed: int) -> None:
    kill_at_random(yard, kills=10, seed=20261122 + seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_killed_a_thousand_times_a_backup_is_whole_or_absent(yard: Yard, seed: int) -> None:
    kill_at_random(yard, kills=50, seed=seed)


def kill_at_random(yard: Yard, *, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    fill(yard.site.tree, files=60, size=65_536, seed="b")
    began = time.monotonic()
    run = yard.submit()
    child = yard.start(run)
    assert child.wait(180) == 0, child.stderr()
    usual = time.monotonic() - began
    children.settle(yard.node, run, child)
    yard.check_made(run)
    killed = 0
    while killed < kills:
        run = yard.submit()
        child = yard.start(run)
        time.sleep(chance.uniform(0.1, 0.95) * usual)
        if child.process.poll() is None:
            os.kill(child.process.pid, 9)
            killed += 1
        else:  # it was quicker than the last one that came to its end: the machine has become less busy
            usual *= 0.8
        child.wait(180)
        yard.recover(run, child)
    every_byte_holds(yard)


def every_byte_holds(yard: Yard) -> None:
    """A deep inspection agrees with the ledger on every set, to the last byte."""
    run = yard.node.journal.begin(
        Submission(
            asset="site-files",
            activity="inspect",
            occurrence=yard.node.clock.read().at.replace(microsecond=0),
            actor="person:root",
        )
    )
    job = inspection.InspectJob(plan=yard.node.plan, asset="site-files", deep=True)
    stores = (open_store(yard.node.plan.stores["local"]),)
    context = inspection.InspectContext(stores=stores, book=yard.node.book, clock=yard.node.clock)
    (seen,) = inspection.perform(job, context, yard.node.journal.steps(run), lambda progress: None)
    assert (seen.sets, seen.faulty) == (len(yard.whole), 0), seen.damaged
