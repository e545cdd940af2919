"""The agent itself killed at each of its own steps, while it makes up for a backup that was missed.

Between a journal's write and the child that it announces, while it settles, while it catches up: the next agent makes
exactly one backup of it, looks at it, and says once what was missed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from intendance.agent.ledger_view import verify_ledger
from intendance.agent.shelves import list_points
from intendance.runs.decide import run_id
from intendance.system.clock import SystemClock
from tests.support.clock import MovableClock
from tests.support.fragile_agent import BOUNDARIES
from tests.support.state import Site, children_of, until

pytestmark = pytest.mark.gnupg

ROOT = Path(__file__).parents[2]
# What the normal suite tries: where a write and what it announces are two steps.
TELLING = ("after record_due", "after claim", "after start_worker", "before settle", "after settle")


def missed_backup(site: Site) -> datetime:
    """A plan whose daily backup fell due three times while no agent was there; the newest of them."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    due = now - timedelta(hours=1)
    site.write_plan(full=f"{due.minute} {due.hour} * * *")
    site.plan.write_text(site.plan.read_text().replace("Europe/Brussels", "UTC"))
    site.adopt(MovableClock(now - timedelta(days=3)))
    return due


def killed(site: Site, boundary: str) -> None:
    environment = site._environment({"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"})
    agent = subprocess.Popen(
        [sys.executable, "-m", "tests.support.fragile_agent", boundary, str(site.state)],
        env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
    )  # fmt: skip
    site.started.append(agent)
    _, err = agent.communicate(timeout=300)
    assert agent.returncode == -signal.SIGKILL, err


def ended(site: Site) -> bool:
    with site.node() as node:
        runs = [(run.activity, run.state) for run in node.journal.recent()]
        return ("inspect", "succeeded") in runs and not {"queued", "running"} & {state for _, state in runs}


def workers(site: Site) -> list[int]:
    with site.node() as node:
        return [run.worker.pid for run in node.journal.recent() if run.worker is not None]


@pytest.mark.parametrize(
    "boundary",
    [pytest.param(each, marks=() if each in TELLING else pytest.mark.long) for each in BOUNDARIES],
)
def test_the_next_agent_makes_it_good(bare_site: Site, boundary: str) -> None:
    site = bare_site
    due = missed_backup(site)
    killed(site, boundary)
    for worker in workers(site):
        until(partial(lambda pid: children_of(pid) == [], worker), "the worker to end with its agent")
    listing = list_points(site.state, SystemClock(), asset=None)
    assert (listing.unreadable, listing.failures) == ({}, ())
    with site.agent():
        until(partial(ended, site), "the next agent to have made and inspected the backup")
    with site.node() as node:
        (run,) = (run for run in node.journal.recent() if run.activity == "backup.full")
        assert (run.id, run.state) == (run_id("site-files", "backup.full", due), "succeeded")
        (completed,) = node.book.records(kind="backup.completed")
        (missed,) = node.book.records(kind="run.missed")
        assert (missed.data["count"], missed.data["caught_up_by"]) == (2, run.id)
    assert [path.name for path in site.sets()] == [completed.data["set"]]
    assert verify_ledger(site.state).exit_code == 0
