"""A drill that is due: performed by the agent where the plan names the node, said where it names another host."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from intendance.agent.compose import lines_of
from intendance.agent.drill_records import drills
from intendance.agent.performing import perform
from intendance.runs.rows import Submission
from intendance.system.clock import SystemClock
from tests.support.clock import MovableClock
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


def on_a_day_to_come() -> str:
    """A day of each month, for cron, that is two weeks away at least and comes once in the next 32 days."""
    return f"0 5 {(datetime.now(UTC).day + 13) % 28 + 1} * *"


def planned(site: Site, host: str) -> str:
    """The plan, adopted, with a drill on that host; when."""
    cron = on_a_day_to_come()
    plan = site.plan.read_text()
    hosts = f"hosts:\n  {host}: {{held_by: admin}}\nassets:\n"
    drill = f'\n    drill: {{host: {host}, schedule: "{cron}", holds: [photo.bin]}}\n'
    site.plan.write_text(plan.replace("assets:\n", hosts).rstrip() + drill)
    confirmed = ("--confirm", "site-files") if host == "web-01" else ()
    done = site.run("plan", "adopt", str(site.plan), *confirmed)
    assert done.code == 0, done.err
    return cron


def test_the_agent_drills_where_the_plan_names_the_node(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    cron = planned(site, "web-01")
    assert site.run("backup", "run", "site-files", "--no-inspect").code == 0
    monkeypatch.setenv("GNUPGHOME", str(site.keys.owner.home))
    with site.node() as node:
        assert [(each.asset, each.cron) for each in node.lines() if each.activity == "drill"] == [("site-files", cron)]
        assert "drill" not in {each.activity for each in lines_of(replace(node.plan, catalogues=("maint",)))}
        asked = Submission(asset="site-files", activity="drill", occurrence=datetime.now(UTC).replace(microsecond=0),
                           actor="schedule:drill")  # fmt: skip
        node.journal.submit(asked)
        assert node.journal.claim(asked.id) is not None
        run = node.journal.get(asked.id)
        perform(node, run, node.journal.steps(run), lambda _: None)
        node.journal.succeed(run)
        (fact,) = node.book.facts("drill.completed")
        assert (fact.data.by, fact.data.trust, fact.asset) == ("self", "ledger", "site-files")
    (point,) = site.run("backup", "list", "--json").json["points"]
    assert point["drilled_at"] is not None
    assert "drilled" in site.run("backup", "show", point["id"]).out
    assert asked.id in site.run("run", "list").out


def test_what_is_due_elsewhere_is_said(site: Site) -> None:
    planned(site, "laptop")
    with site.node() as node:
        assert "drill" not in {each.activity for each in node.lines()}
    now = SystemClock().read().at
    assert drills(site.state, MovableClock(now), None).due == ()
    (due,) = drills(site.state, MovableClock(now + timedelta(days=32)), None).due
    assert (due.asset, due.host, due.here) == ("site-files", "laptop", False)
    assert now < due.since < now + timedelta(days=32)
    assert drills(site.state, MovableClock(now + timedelta(days=32)), "another").due == ()
