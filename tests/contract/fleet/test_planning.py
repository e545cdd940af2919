"""The manager's plan, read again while it works: adopted in the fleet log, or refused with the reason."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.standing_plan import StandingPlan
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.log import FleetLog
from intendance.fleet.planning import files
from intendance.fleet.planning.service import KIND, STAYS, Planning
from intendance.ledger.book import Book
from intendance.ledger.layout import Layout
from intendance.model.evidence.acts import FleetPlanned
from intendance.plan.load import load
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.fragile_reload import BOUNDARIES
from tests.support.state import Site

pytestmark = pytest.mark.gnupg
ROOT = Path(__file__).resolve().parents[3]
BEFORE = Policy(fleet="testing", organisation="Before", zone="UTC", language="en")
ALERTS = """alerts:
  email: {{smtp: "smtp://127.0.0.1:2525", from: intendance@example.org}}
  policy:
    critical:
      - {{after: "{after}", to: admin, by: [email]}}
"""


class Managed:
    """A manager's state folder, its plan's file, and what it says."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.clock = MovableClock(BEGAN)
        self.layout = ManagerLayout(site.base / "fleet")
        self.layout.folder.mkdir(parents=True)
        self.log = FleetLog(self.layout.state, "testing", self.clock)
        self.said: list[str] = []
        self.write("0min")
        checked = load(site.plan, BEGAN)
        files.write(self.layout, checked.plans)
        self.planning = self.planner()
        self.planning.begin(checked.source_sha256)
        self.standing = StandingPlan(self.layout.plan, BEFORE, lambda _: None)

    def planner(self, source: str | None = None) -> Planning:
        return Planning(
            layout=self.layout,
            source=str(self.site.plan) if source is None else source,
            fleet="testing",
            log=self.log,
            clock=self.clock,
            say=self.said.append,
        )

    def write(self, after: str, change: Callable[[str], str] = str) -> None:
        self.site.write_plan(more=ALERTS.format(after=after))
        self.site.plan.write_text(change(self.site.plan.read_text()))

    @property
    def waits_seconds(self) -> int:
        """After how long the first person is told, by the plan that holds for alerts now."""
        alerts = self.standing().alerts
        assert alerts is not None
        return alerts.critical[0].after_seconds

    @property
    def records(self) -> list[FleetPlanned]:
        """What the fleet log says of plans, the oldest first."""
        with Book.open(self.log.folder, self.clock) as book:
            return [fact.data for fact in reversed(book.facts(KIND))]


@pytest.fixture
def managed(bare_site: Site) -> Managed:
    return Managed(bare_site)


def test_what_a_manager_starts_with_is_recorded_once(managed: Managed) -> None:
    (first,) = managed.records
    assert first.source_sha256 == sha256(managed.site.plan.read_bytes()).hexdigest()
    assert (first.nodes, first.plans_sha256) == (1, sha256(files.in_force(managed.layout)).hexdigest())
    managed.planner().begin(first.source_sha256)
    assert managed.records == [first]


def test_a_log_that_cannot_be_read_keeps_no_manager_from_watching(managed: Managed) -> None:
    """It was begun again because of that very trouble, perhaps."""
    sha = managed.records[0].source_sha256
    managed.write("7min")
    checked = load(managed.site.plan, BEGAN)
    files.write(managed.layout, checked.plans)
    checkpoint = Layout(managed.log.folder).checkpoint
    kept = checkpoint.read_bytes()
    checkpoint.unlink()
    planning = managed.planner()
    planning.begin(checked.source_sha256)
    assert "the plan in force is not in the fleet log yet" in managed.said[-1]
    assert "plan in force" in planning.trouble
    planning.settle()
    assert len(managed.said) == 1
    checkpoint.write_bytes(kept)
    planning.settle()  # not before a minute is over
    assert planning.trouble
    managed.clock.move(timedelta(minutes=1))
    planning.settle()
    assert planning.trouble == ""
    assert [each.source_sha256 for each in managed.records] == [sha, checked.source_sha256]


def test_another_plan_is_adopted_and_holds_at_once(managed: Managed) -> None:
    assert managed.waits_seconds == 0
    managed.write("7min")
    assert managed.planning.reload()
    assert managed.waits_seconds == 420
    first, second = managed.records
    assert second.source_sha256 == sha256(managed.site.plan.read_bytes()).hexdigest()
    assert second.plans_sha256 == sha256(files.in_force(managed.layout)).hexdigest() != first.plans_sha256
    with Book.open(managed.log.folder, managed.clock) as book:
        (*_, record) = book.records(kind=KIND)
        sheet = book.layout.attachment(record.attachments[0].sha256).read_text()
    assert sheet.endswith("  web-01.json\n")
    assert "is in force for web-01" in managed.said[0]


def test_the_same_plan_again_is_no_other_record(managed: Managed) -> None:
    assert managed.planning.reload()
    assert len(managed.records) == 1
    assert "is the one in force" in managed.said[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("by: [email]", "by: [pigeon]"), "alerts.policy.critical"),
        (lambda text: text.replace("fleet: testing", "fleet: other"), "the plan is of the fleet other"),
        (lambda text: text + "\tnot: yaml: at all", "line"),
        (lambda text: "", "empty"),
    ],
)
def test_a_plan_that_is_not_sound_changes_nothing(managed: Managed, change: Callable[[str], str], told: str) -> None:
    before = files.in_force(managed.layout)
    managed.write("7min", change)
    assert not managed.planning.reload()
    assert (managed.waits_seconds, len(managed.records)) == (0, 1)
    assert files.in_force(managed.layout) == before
    assert len(managed.said) == 1
    assert managed.said[0].startswith("the plan stays as it was: ")
    assert told in managed.said[0]
    managed.write("7min")
    assert managed.planning.reload()
    assert managed.waits_seconds == 420


def test_a_plan_that_is_gone_changes_nothing(managed: Managed) -> None:
    managed.site.plan.unlink()
    assert not managed.planning.reload()
    assert managed.waits_seconds == 0
    assert "the plan stays as it was" in managed.said[0]


def test_what_cannot_be_recorded_is_not_put_in_force(managed: Managed) -> None:
    managed.write("7min")
    database = managed.log.folder / "agent" / "state.db"
    database.rename(database.with_suffix(".away"))
    database.mkdir()
    assert not managed.planning.reload()
    assert managed.waits_seconds == 0
    database.rmdir()
    database.with_suffix(".away").rename(database)
    assert managed.planning.reload()
    assert (managed.waits_seconds, len(managed.records)) == (420, 2)


def test_names_zone_language_and_addresses_hold_at_once(managed: Managed) -> None:
    def other(text: str) -> str:
        found = text.replace("Europe/Brussels", "Asia/Tokyo").replace("ASBL Exemple", "Other name")
        return found.replace("fleet: testing", 'fleet: testing\nmanager: {urls: ["https://other.example"]}')

    before = managed.standing()
    assert (before.zone, before.urls) == ("Europe/Brussels", ())
    managed.write("0min", other)
    assert managed.planning.reload()
    now = managed.standing()
    assert (now.zone, now.urls) == ("Asia/Tokyo", ("https://other.example",))
    assert now.organisation != before.organisation
    assert "a node that joined before keeps its own" in managed.said[1]


def test_what_only_a_start_changes_is_said_with_what_to_do(managed: Managed) -> None:
    assert managed.planning.reload()
    assert managed.said[1] == STAYS
    managed.write("7min")
    assert managed.planning.reload()
    assert managed.said[3:] == [STAYS]
    assert "systemctl restart intendance-manager" in STAYS


def test_a_compiled_plan_that_cannot_be_read_leaves_the_last_one(managed: Managed) -> None:
    said: list[str] = []
    standing = StandingPlan(managed.layout.plan, BEFORE, said.append)
    before = standing()
    managed.layout.plan.write_bytes(b"{")
    assert standing() is before
    assert standing() is before
    managed.layout.plan.unlink()
    assert standing() is before
    assert [each.partition(":")[0] for each in said] == ["pages and alerts follow the plan as it was"] * 2


def test_a_manager_beside_its_agent_follows_what_was_adopted_there(managed: Managed) -> None:
    assert not managed.planner(source="").reload()
    assert "intendance plan adopt" in managed.said[0]


def test_killed_at_any_step_the_next_start_has_one_plan_and_its_record(managed: Managed) -> None:
    words = [sys.executable, "-m", "tests.support.fragile_reload", str(managed.layout.state), str(managed.site.plan)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as managers:
        assert managers.stdin is not None
        assert managers.stdout is not None
        for number, where in enumerate(BOUNDARIES):
            managed.write(f"{10 + number}min")
            managers.stdin.write(f"{where}\n")
            managers.stdin.flush()
            assert int(managers.stdout.readline()) == -signal.SIGKILL, where
            assert managed.waits_seconds in {0, (9 + number) * 60, (10 + number) * 60}, where
            checked = load(managed.site.plan, BEGAN)
            files.write(managed.layout, checked.plans)  # as the next start does
            managed.planner().begin(checked.source_sha256)
            assert managed.waits_seconds == (10 + number) * 60, where
            assert [each.source_sha256 for each in managed.records[number + 1 :]] == [checked.source_sha256], where
        managers.stdin.close()
