"""Legal copies in a bucket where nobody can shorten a lock are confirmed once, with figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intendance.language.texts import translator
from intendance.model.plan import LegalRetention, Plan, S3Store, SecretReference
from intendance.plan.change import Change
from intendance.plan.lasting import lock_changes
from intendance.plan.saying import DOMAIN
from tests.unit.plan.test_diff import BACKUP, DB, PLAN

SEVEN_YEARS = LegalRetention(select="yearly", kind="logical", keep_days=2557)
BUCKET = S3Store(name="offsite", bucket="b", credentials=SecretReference(file="/s3.ini"), object_lock="compliance")
NAMES = {"db": "mariadb:1", "www": "files:2"}


def locking(legal: LegalRetention | None = SEVEN_YEARS, store: S3Store = BUCKET) -> Plan:
    backup = replace(BACKUP, stores=("local", "offsite"), legal=legal)
    stores = {**PLAN.stores, "offsite": store}
    return replace(PLAN, stores=stores, assets={**PLAN.assets, "db": replace(DB, backup=backup)})


def between(former: Plan | None, new: Plan, **last_bytes: int) -> list[Change]:
    return list(lock_changes(former, new, NAMES if former else {}, NAMES, last_bytes))


def test_the_first_meeting_is_told_with_its_figures() -> None:
    (change,) = between(PLAN, locking(), db=3 << 30)
    assert (change.name, change.code, change.severe) == ("db", "locked-for-good", True)
    assert change.sentence == (
        "the first logical set of each year of db stays locked in offsite for 2,557 days, which nobody can shorten: "
        "in time 8 sets, 24.0 GiB if all are as large as the last"
    )
    assert "8 jeux, 24,0\u00a0Gio" in change.said.write(translator("fr", DOMAIN))
    (first,) = between(None, locking())
    assert first.sentence.endswith("nobody can shorten: in time 8 sets")


def test_what_was_said_once_is_not_asked_again() -> None:
    assert between(locking(), locking()) == []
    assert between(locking(), locking(replace(SEVEN_YEARS, keep_days=2000))) == []
    renamed = locking()
    renamed = replace(renamed, assets={"crud": replace(renamed.assets["db"], name="crud")})
    assert list(lock_changes(locking(), renamed, NAMES, {"crud": "mariadb:1"}, {})) == []


@pytest.mark.parametrize(
    "former",
    [
        locking(None),
        locking(replace(SEVEN_YEARS, keep_days=2000)),
        locking(replace(SEVEN_YEARS, select="monthly")),
        locking(store=replace(BUCKET, object_lock="governance")),
        locking(store=replace(BUCKET, object_lock=None)),
        locking(store=replace(BUCKET, bucket="another")),
    ],
)
def test_longer_or_elsewhere_or_of_other_sets_is_asked_again(former: Plan) -> None:
    assert [each.code for each in between(former, locking())] == ["locked-for-good"]


@pytest.mark.parametrize(
    "new",
    [PLAN, locking(None), locking(store=replace(BUCKET, object_lock="governance"))],
)
def test_what_can_be_undone_is_not_asked(new: Plan) -> None:
    assert between(PLAN, new) == []
    assert between(None, new) == []
