"""A recipient's key that cannot be encrypted to: it is read while the engine begins, and ends all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.openpgp import RecipientUnusable
from intendance.model.plan import BackupPlan, MariadbAsset
from tests.support.gnupg import UnusableKeys
from tests.support.state import until
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg

AT_ONCE = timedelta(minutes=1)


def refused(workshop: Workshop, unusable: UnusableKeys, asset: str, kind: str) -> Any:
    """Two backups of which each fails for another key; the first one's evidence."""
    good = workshop.keys
    for bad, said in ((unusable.expired, "expired"), (unusable.no_encryption, "no subkey for encryption")):
        workshop.keys = replace(good, owner=bad)
        with pytest.raises(RecipientUnusable, match=said):
            workshop.back_up(asset, kind, later=AT_ONCE)
    workshop.keys = good
    assert not list((workshop.base / "stores/local").rglob("*.gpg"))
    assert not list((workshop.base / "stores/local").rglob("MANIFEST.json"))
    return [fact.data for fact in workshop.book.facts("backup.failed", asset=asset)][-1]


def test_of_a_tree_nothing_is_stored_and_nothing_runs_on(
    workshop: Workshop, unusable_keys: UnusableKeys, nothing_left: None
) -> None:
    workshop.tree.mkdir()
    (workshop.tree / "photo").write_bytes(bytes(3_000_000))
    failed = refused(workshop, unusable_keys, "site", "full")
    assert (failed.step, failed.error) == ("look", "recipient_unusable")
    assert workshop.back_up("site").set, "the next one, with keys that can be used"


@pytest.mark.mariadb
@pytest.mark.parametrize("kind", ["logical", "physical"])
def test_a_server_is_left_as_it_was(
    workshop: Workshop,
    unusable_keys: UnusableKeys,
    physical_asset: MariadbAsset,
    mariadb_server: PrivateServer,
    mariadb_backup: None,
    kind: str,
    nothing_left: None,
) -> None:
    planned = BackupPlan(kinds={kind: None}, stores=workshop.stores, retention_days=90)  # type: ignore[dict-item]
    workshop.declare(replace(physical_asset, name="crud-db", backup=planned))
    failed = refused(workshop, unusable_keys, "crud-db", kind)
    assert (failed.step, failed.error) == ("look", "recipient_unusable")
    (name,) = physical_asset.databases
    mariadb_server.execute(
        f"CREATE TABLE {name}.afterwards (id INT); DROP TABLE {name}.afterwards", deadline_seconds=180
    )
    ours = "SELECT COUNT(*) FROM information_schema.processlist WHERE command <> 'Daemon' AND id <> CONNECTION_ID()"
    until(lambda: mariadb_server.execute(ours).strip() == "0", "the last session of ours to be gone")
