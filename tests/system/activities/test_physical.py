"""A physical backup through backup, inspection and restore into a folder, without an agent."""

from __future__ import annotations

import pytest

from intendance.activities.restore.decide import Wish
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.engine import DestinationUnusable
from intendance.model.plan import BackupPlan, MariadbAsset
from tests.support.workshop import Workshop

pytestmark = [pytest.mark.gnupg, pytest.mark.mariadb, pytest.mark.usefixtures("mariadb_backup")]


@pytest.fixture
def shop(workshop: Workshop, physical_asset: MariadbAsset) -> Workshop:
    workshop.declare(
        MariadbAsset(
            name="crud-db",
            connect=physical_asset.connect,
            databases=physical_asset.databases,
            backup=BackupPlan(kinds={"logical": None, "physical": None}, stores=workshop.stores, retention_days=90),
        )
    )
    return workshop


def test_a_physical_set_is_stored_inspected_and_restored(shop: Workshop) -> None:
    backup = shop.back_up("crud-db", "physical")
    assert backup.set.startswith("crud-db.backup-physical.")
    assert (backup.kind, backup.engine) == ("physical", "mariadb")
    (seen,) = shop.inspect("crud-db")
    assert (seen.sets, seen.faulty) == (1, 0)
    restored = shop.restore(Wish(asset="crud-db", into=str(shop.base / "restored")))
    assert (restored.set, restored.kind) == (backup.set, "physical")
    assert restored.phases.replay_ms > 0
    assert restored.restored_bytes == backup.source_bytes
    assert all(check.ok for check in restored.checks)
    assert (shop.base / "restored/data/ibdata1").is_file()


def test_the_newest_set_that_fits_the_destination_is_taken(
    shop: Workshop, physical_asset: MariadbAsset, mariadb_server: PrivateServer
) -> None:
    (name,) = physical_asset.databases
    logical = shop.back_up("crud-db", "logical")
    physical = shop.back_up("crud-db", "physical")
    try:
        assert shop.restore(Wish(asset="crud-db", into=f"{name}_back")).set == logical.set
    finally:
        mariadb_server.execute(f"DROP DATABASE IF EXISTS {name}_back")
    assert shop.restore(Wish(asset="crud-db", into=str(shop.base / "r"))).set == physical.set
    with pytest.raises(DestinationUnusable, match="physical set"):
        shop.restore(Wish(asset="crud-db", into="copy", point=physical.set))


def test_sizes_are_compared_with_those_of_their_kind(shop: Workshop) -> None:
    shop.back_up("crud-db", "physical")
    shop.back_up("crud-db", "logical")
    (seen,) = shop.inspect("crud-db")
    assert (seen.sets, seen.faulty) == (2, 0), "a dump is much smaller than the files, and no shrunken backup"
