"""Both legs of a drill on each kind of set: what they compare, what they measure, and what they leave: nothing."""

from __future__ import annotations

import os

import pytest

from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.drill import DrillDiffers
from intendance.model.evidence.drill import DrillCompleted
from intendance.model.plan import BackupPlan, DrillCheck, DrillPlan, FilesAsset, MariadbAsset, SqliteAsset
from tests.support import sqlite
from tests.support.trees import fill_oddly
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg


def holds(workshop: Workshop, drilled: DrillCompleted) -> None:
    """What every completed drill must be."""
    assert [leg.name for leg in drilled.legs] == ["restore", "by_hand"]
    for leg in drilled.legs:
        assert all(check.ok for check in leg.checks)
        assert leg.restored_bytes == drilled.source_bytes > 0
        assert leg.read_bytes >= drilled.stored_bytes > 0
        assert leg.phases.total_ms > 0
    both = drilled.legs[1].checks[-1]
    assert both.name == "both legs"
    assert not both.found.startswith("0 ")
    assert drilled.rto_ms == drilled.legs[0].phases.total_ms
    assert "no network" in drilled.sandbox
    assert drilled.hardware.memory_bytes > 1 << 28
    assert drilled.link.fetched_bytes > drilled.stored_bytes
    (fact,) = workshop.book.facts("drill.completed", latest=1)
    assert fact.data == drilled
    assert list((workshop.base / "drills").iterdir()) == []


def test_a_tree_comes_back_by_both_legs(workshop: Workshop) -> None:
    fill_oddly(workshop.tree)
    (workshop.tree / "index.php").write_text("<?php\n")
    site = workshop.assets["site"]
    assert isinstance(site, FilesAsset)
    plan = DrillPlan(host="laptop", holds=("index.php",))
    workshop.declare(FilesAsset(name="site", path=site.path, backup=site.backup, drill=plan))
    done = workshop.back_up()
    drilled = workshop.drill()
    holds(workshop, drilled)
    assert (drilled.set, drilled.kind, drilled.engine, drilled.by) == (done.set, "full", "files", "laptop")
    assert "holds index.php" in {check.name for check in drilled.legs[0].checks}
    # The backup was scheduled a day and a minute ago, on the clock that tests move.
    assert 86_400 <= drilled.rpo_seconds <= 86_400 + 120


def test_what_the_plan_holds_and_the_set_does_not_fails_the_drill(workshop: Workshop) -> None:
    workshop.tree.mkdir()
    (workshop.tree / "empty").write_text("")
    site = workshop.assets["site"]
    assert isinstance(site, FilesAsset)
    plan = DrillPlan(host="laptop", holds=("empty", "../../etc/passwd"))
    workshop.declare(FilesAsset(name="site", path=site.path, backup=site.backup, drill=plan))
    workshop.back_up()
    with pytest.raises(DrillDiffers, match=r"holds empty: 0 bytes; holds \.\./\.\./etc/passwd: it is not there"):
        workshop.drill()
    (fact,) = workshop.book.facts("drill.failed")
    assert (fact.data.leg, fact.data.step, fact.data.error) == ("restore", "check", "drill_differs")
    assert sum(not check.ok for check in fact.data.checks) == 2


def test_a_differential_comes_back_with_its_base(workshop: Workshop) -> None:
    fill_oddly(workshop.tree)
    site = workshop.assets["site"]
    assert isinstance(site, FilesAsset)
    plan = DrillPlan(host="laptop", holds=("new",))
    workshop.declare(FilesAsset(name="site", path=site.path, backup=site.backup, drill=plan))
    workshop.back_up()
    (workshop.tree / "new").write_text("n")
    (workshop.tree / "empty file").unlink()
    done = workshop.back_up(kind="differential")
    drilled = workshop.drill(point=done.set)
    holds(workshop, drilled)
    assert drilled.kind == "differential"
    assert drilled.base is not None


def test_each_kind_has_its_turn(workshop: Workshop) -> None:
    workshop.tree.mkdir()
    (workshop.tree / "page").write_text("1")
    workshop.back_up()
    (workshop.tree / "page").write_text("2")
    workshop.back_up(kind="differential")
    assert [workshop.drill().kind for _ in range(3)] == ["differential", "full", "differential"]


def test_devices_and_setuid_bits_stay_in_the_archive(workshop: Workshop) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes devices")
    workshop.tree.mkdir()
    os.mknod(workshop.tree / "null", 0o20666, os.makedev(1, 3))
    program = workshop.tree / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o4755)
    workshop.back_up()
    drilled = workshop.drill()
    holds(workshop, drilled)
    (left,) = [check for check in drilled.legs[0].checks if check.name == "left in the archive"]
    assert left.found == "1 devices and 1 setuid bits stay in the archive; it lists 2"


def test_a_sqlite_database_comes_back_by_both_legs(workshop: Workshop) -> None:
    file = sqlite.members(workshop.base / "members.sqlite")
    workshop.declare(SqliteAsset(name="members", path=str(file), backup=workshop.backup_plan("full")))
    workshop.back_up("members")
    drilled = workshop.drill("members")
    holds(workshop, drilled)
    assert {"integrity", "tables and rows"} <= {check.name for check in drilled.legs[0].checks}


@pytest.fixture
def shop(workshop: Workshop, mariadb_asset: MariadbAsset, mariadb_server: PrivateServer) -> Workshop:
    (name,) = mariadb_asset.databases
    mariadb_server.execute(
        """CREATE TABLE members (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT, since DATETIME) ENGINE=InnoDB;
        INSERT INTO members (name, since) SELECT CONCAT('membre é ', seq), '2026-11-20 11:00:00' FROM seq_1_to_500;
        CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM members WHERE id = 0;
        CREATE TRIGGER named BEFORE INSERT ON members FOR EACH ROW SET NEW.name = TRIM(NEW.name);""",
        database=name,
    )
    checks = (
        DrillCheck(name="members", sql=f"SELECT COUNT(*) FROM {name}.members", at_least=1),
        DrillCheck(sql=f"SELECT COUNT(*) FROM {name}.members", compare="source"),
        DrillCheck(sql=f"SELECT TIMESTAMPDIFF(HOUR, MAX(since), :point_time) FROM {name}.members", compare="source"),
    )
    workshop.declare(
        MariadbAsset(
            name="crud-db",
            connect=mariadb_asset.connect,
            databases=mariadb_asset.databases,
            backup=BackupPlan(kinds={"logical": None, "physical": None}, stores=workshop.stores, retention_days=90),
            drill=DrillPlan(host="laptop", checks=checks),
        )
    )
    return workshop


@pytest.mark.mariadb
def test_a_dump_comes_back_by_both_legs(shop: Workshop) -> None:
    shop.back_up("crud-db", "logical")
    drilled = shop.drill("crud-db")
    holds(shop, drilled)
    found = {check.name: check.found for check in drilled.legs[0].checks}
    assert found["members"] == "500; at least 1 is asked for"
    assert "500; the original gave 500" in found.values()
    assert "25; the original gave 25" in found.values()
    assert found["settings"] == "as they were"


@pytest.mark.mariadb
def test_what_the_original_no_longer_says_fails_the_drill(
    shop: Workshop, mariadb_asset: MariadbAsset, mariadb_server: PrivateServer
) -> None:
    (name,) = mariadb_asset.databases
    asset = shop.assets["crud-db"]
    assert isinstance(asset, MariadbAsset)
    wrong = DrillCheck(name="members", sql=f"SELECT COUNT(*) FROM {name}.members", equals=501)
    gone = DrillCheck(name="gone", sql=f"SELECT COUNT(*) FROM {name}.nobody", at_least=0)
    plan = DrillPlan(host="laptop", checks=(wrong, gone))
    shop.declare(MariadbAsset(name="crud-db", connect=asset.connect, databases=asset.databases, backup=asset.backup,
                              drill=plan))  # fmt: skip
    shop.back_up("crud-db", "logical")
    mariadb_server.execute(f"DELETE FROM {name}.members")  # the drill looks at the set, not at the server
    with pytest.raises(DrillDiffers, match=r"members: 500; exactly 501 is asked for; gone: .*doesn't exist"):
        shop.drill("crud-db")


@pytest.mark.mariadb
@pytest.mark.usefixtures("mariadb_backup")
def test_a_server_comes_back_by_both_legs(shop: Workshop) -> None:
    shop.back_up("crud-db", "physical")
    drilled = shop.drill("crud-db")
    holds(shop, drilled)
    assert drilled.kind == "physical"
    assert drilled.legs[0].phases.replay_ms > 0
    assert "25; the original gave 25" in {check.found for check in drilled.legs[0].checks}
