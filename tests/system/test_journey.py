"""The main job from end to end, by the real command line: adopt, back up, list, inspect, restore, judge, verify."""

from __future__ import annotations

import filecmp
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.engines.private_mariadb import PrivateServer
from tests.support.clock import MovableClock
from tests.support.state import Site, half_a_day_away, not_today, until

pytestmark = pytest.mark.gnupg


def same(left: Path, right: Path) -> bool:
    """Whether two trees hold the same names and bytes."""
    found = filecmp.dircmp(left, right)
    if found.left_only or found.right_only or found.funny_files:
        return False
    _, differing, errors = filecmp.cmpfiles(left, right, found.common_files, shallow=False)
    return not differing and not errors and all(same(left / name, right / name) for name in found.common_dirs)


def restored_whole(site: Site, point: str) -> None:
    """The point comes back beside the original, bit by bit, and the answer has the contract's shape."""
    planned = site.run("restore", "plan", "site-files", "--into", "back", "--json")
    assert planned.json["point"] == point
    restored = site.run(
        "restore", "run", "site-files", "--into", "back", "--json", environment=site.keys.owner.environment
    )
    assert restored.code == 0, restored.err
    answer = restored.json
    assert {"asset", "point", "target", "reached", "seconds", "checks", "evidence"} <= set(answer)
    assert set(answer["seconds"]) == {"fetch", "decrypt", "load", "replay", "check", "total"}
    assert all(check["ok"] for check in answer["checks"])
    assert same(site.tree, site.base / "back")


def test_from_a_plan_to_a_restored_tree(bare_site: Site) -> None:
    site = bare_site
    site.write_plan(inspect="0 6 * * *")
    adopted = site.run("plan", "adopt", str(site.plan))
    assert adopted.code == 0, adopted.err

    made = site.run("backup", "run")
    assert made.code == 0, made.err
    assert "site-files: full backup done in" in made.out
    assert "ledger record" in made.out
    assert "intendance restore run site-files --into DEST" in made.out
    assert "site-files: local holds 1 set" in made.out

    (point,) = site.run("backup", "list", "--json").json["points"]
    (held,) = point["stores"]
    assert (held["name"], held["lock_until"]) == ("local", None)
    assert held["inspected_at"] is not None
    assert sorted(point["recipients"]) == sorted([site.keys.owner.fingerprint, site.keys.offline.fingerprint])

    looked = site.run("backup", "inspect", "site-files", "--deep")
    assert looked.code == 0, looked.err
    assert "local holds 1 set" in looked.out
    (point,) = site.run("backup", "list", "site-files", "--json").json["points"]
    assert point["stores"][0]["inspected_at"] is not None

    shown = site.run("backup", "show", point["id"])
    assert shown.code == 0
    assert point["manifest_sha256"] in shown.out

    restored_whole(site, point["id"])

    status = site.run("status", "--json")
    verdicts = {(each["rule"], each["asset"]): each["state"] for each in status.json["verdicts"]}
    assert verdicts["ASBL_011", "site-files"] == "pass"
    assert verdicts["ASBL_012", "site-files"] == "pass"

    runs = site.run("run", "list", "--json").json["runs"]
    assert [(run["activity"], run["state"]) for run in runs] == [
        ("restore", "succeeded"),
        ("inspect", "succeeded"),
        ("inspect", "succeeded"),
        ("backup.full", "succeeded"),
    ]
    assert site.run("run", "show", runs[-1]["id"]).out.startswith(f"{runs[-1]['id']}: succeeded")
    assert site.run("ledger", "verify").code == 0


def test_the_agent_makes_up_for_what_was_missed_while_it_was_off(bare_site: Site) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    bare_site.write_plan(full=f"{now.minute} {(now - timedelta(hours=1)).hour} * * *")
    bare_site.plan.write_text(bare_site.plan.read_text().replace("Europe/Brussels", "UTC"))
    bare_site.adopt(MovableClock(now - timedelta(days=3)))
    with bare_site.agent():
        until(lambda: len(bare_site.sets()) == 1, "the backup that was due an hour ago")
    with bare_site.node() as node:
        (missed,) = node.book.records(kind="run.missed")
        (run,) = (run for run in node.journal.recent() if run.activity == "backup.full")
    assert missed.data["count"] == 2
    assert missed.data["caught_up_by"] == run.id
    assert run.occurrence == now - timedelta(hours=1)
    assert run.actor == "schedule:backup.full"


def test_the_agent_takes_up_a_plan_adopted_while_it_runs(site: Site) -> None:
    with site.agent():
        before = site.ping()
        site.write_plan(full=f"30 {half_a_day_away()[2:]} {not_today()}")
        assert site.run("plan", "adopt", str(site.plan)).code == 0
        after = site.ping()
        assert before is not None
        assert after is not None
        assert ":00:00." in before["next_due"]
        assert ":30:00." in after["next_due"]


def test_a_plan_file_that_is_not_the_adopted_one_is_noted(site: Site) -> None:
    site.plan.write_text(site.plan.read_text() + "\n# a later thought\n")
    made = site.run("backup", "run")
    assert made.code == 0
    assert "note: intendance.yaml differs from the adopted plan" in made.err


def test_when_one_of_several_assets_fails_the_others_are_backed_up_all_the_same(bare_site: Site) -> None:
    gone = bare_site.base / "gone"
    gone.mkdir()
    bare_site.write_plan(
        more=f"""  old-files:
    kind: files
    path: {gone}
    backup:
      full: {{schedule: "0 4 * * SUN"}}
      stores: [local]
      retention: {{points: 90d}}
"""
    )
    bare_site.adopt()
    gone.rmdir()
    made = bare_site.run("backup", "run")
    assert made.code == 3, made.err
    assert "site-files: full backup done" in made.out
    assert "old-files: full backup failed" in made.err
    assert bare_site.run("backup", "run", "old-files").code == 1
    assert bare_site.run("ledger", "verify").code == 0


@pytest.mark.mariadb
def test_a_database_and_its_files_are_backed_up_and_the_database_comes_back_beside(
    database_site: Site, mariadb_server: PrivateServer, mariadb_database: str
) -> None:
    site = database_site
    made = site.run("backup", "run")
    assert made.code == 0, made.err
    assert "crud-db: logical backup done" in made.out
    assert "site-files: full backup done" in made.out
    beside = f"{mariadb_database}_beside"
    restored = site.run(
        "restore", "run", "crud-db", "--into", beside, "--json", environment=site.keys.offline.environment
    )
    try:
        assert restored.code == 0, restored.err
        assert all(check["ok"] for check in restored.json["checks"])
        count = mariadb_server.execute(f"SELECT COUNT(*), MIN(name) FROM {beside}.members")
        assert "500" in str(count)
        taken = site.run("restore", "run", "crud-db", "--into", beside, environment=site.keys.offline.environment)
        assert taken.code == 2
        assert "already exists" in taken.err
    finally:
        mariadb_server.execute(f"DROP DATABASE IF EXISTS {beside}")
    assert site.run("backup", "inspect", "--deep").code == 0
