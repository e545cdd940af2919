"""A MariaDB database through backup, inspection and restore beside, on the same server, without an agent."""

from __future__ import annotations

import pytest

from intendance.activities.restore.decide import Wish
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.plan import MariadbAsset
from tests.support.workshop import Workshop

pytestmark = [pytest.mark.gnupg, pytest.mark.mariadb]


@pytest.fixture
def shop(workshop: Workshop, mariadb_asset: MariadbAsset, mariadb_server: PrivateServer) -> Workshop:
    mariadb_server.execute(
        """CREATE TABLE members (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT) ENGINE=InnoDB;
        INSERT INTO members (name) SELECT CONCAT('membre é ', seq) FROM seq_1_to_5000;""",
        database=mariadb_asset.databases[0],
    )
    workshop.declare(
        MariadbAsset(
            name="crud-db",
            connect=mariadb_asset.connect,
            databases=mariadb_asset.databases,
            backup=workshop.backup_plan("logical"),
        )
    )
    return workshop


def test_a_database_comes_back_beside(
    shop: Workshop, mariadb_asset: MariadbAsset, mariadb_server: PrivateServer
) -> None:
    (name,) = mariadb_asset.databases
    backup = shop.back_up("crud-db", "logical")
    mariadb_server.execute(f"DELETE FROM {name}.members WHERE id > 10")
    (seen,) = shop.inspect("crud-db")
    assert (seen.sets, seen.faulty) == (1, 0)
    try:
        restored = shop.restore(Wish(asset="crud-db", into=f"{name}_back"))
        count = f"SELECT COUNT(*), MAX(name) FROM {name}_back.members"
        assert mariadb_server.execute(count).split("\t") == ["5000", "membre é 999\n"]
    finally:
        mariadb_server.execute(f"DROP DATABASE IF EXISTS {name}_back")
    assert (restored.set, restored.engine) == (backup.set, "mariadb")
    assert all(check.ok for check in restored.checks)
    assert mariadb_server.execute(f"SELECT COUNT(*) FROM {name}.members") == "10\n"


def test_a_database_that_was_emptied_is_named(
    shop: Workshop, mariadb_asset: MariadbAsset, mariadb_server: PrivateServer
) -> None:
    shop.back_up("crud-db", "logical")
    mariadb_server.execute(f"TRUNCATE TABLE {mariadb_asset.databases[0]}.members")
    emptied = shop.back_up("crud-db", "logical")
    (seen,) = shop.inspect("crud-db")
    assert [each.set for each in seen.damaged] == [emptied.set]
    assert "shrunken" in seen.damaged[0].fault
