"""What doctor says of stores without asking them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from intendance.agent.doctor import stores
from intendance.model.diagnosis import Condition
from intendance.model.plan import (
    BackupPlan,
    DirectoryStore,
    FilesAsset,
    LegalRetention,
    Node,
    Organisation,
    Plan,
    S3Store,
    SecretReference,
)

LEGAL = LegalRetention(select="yearly", kind="full", keep_days=2562)


def said(
    folder: Path, lock: Literal["governance"] | None, *named: str, legal: LegalRetention | None = LEGAL
) -> set[str]:
    """Of a plan whose bucket cannot be reached: nobody listens there."""
    nobody = SecretReference(file=str(folder / "missing"))
    bucket = S3Store(
        name="offsite", bucket="b", region="r", endpoint="http://127.0.0.1:1", object_lock=lock, credentials=nobody
    )
    backup = BackupPlan(kinds={"full": None}, stores=named, retention_days=90)
    plan = Plan(
        version=1,
        fleet="testing",
        organisation=Organisation(name="ASBL Exemple", timezone="Europe/Brussels", language="fr"),
        catalogues=("asbl",),
        node=Node(id="web-01"),
        recipients=(),
        stores={"local": DirectoryStore(name="local", path=str(folder / "store")), "offsite": bucket},
        assets={"site": FilesAsset(name="site", path=str(folder), backup=replace(backup, legal=legal))},
        contacts={},
    )
    found = [each for each in stores.examine(plan, (), in_force=False) if each.code == "legal_not_locked"]
    assert {each.condition for each in found} <= {Condition.REMARK}
    return {each.subject for each in found}


def test_legal_copies_that_no_store_locks_are_remarked(tmp_path: Path) -> None:
    assert said(tmp_path, "governance", "local") == {"site"}, "the bucket that locks is not one of its stores"
    assert said(tmp_path, None, "local", "offsite") == {"site"}
    assert said(tmp_path, "governance", "local", "offsite") == set()
    assert said(tmp_path, None, "local", legal=None) == set()
