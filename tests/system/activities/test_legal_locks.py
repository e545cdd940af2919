"""Legal copies are locked at the end of a backup: some objects at a time, with evidence; and the rule sees the lock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from intendance.activities.backup import locking
from intendance.catalogue.evaluate import evaluate
from intendance.model.errors.store import StoreRefused
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.evidence.locked import StoreLocked
from intendance.model.plan import FilesAsset, LegalRetention
from intendance.model.verdict import Verdict
from intendance.system.clock import SystemClock
from tests.support.evidence import Log, declared, plan
from tests.support.memory_store import MemoryStore
from tests.support.radosgw import Radosgw, make_shelf
from tests.support.workshop import Workshop
from tests.unit.catalogue.judged import rulebook

HOUR = timedelta(hours=1)
KEPT = timedelta(days=2562)


def stored_in(workshop: Workshop, *stores: str) -> None:
    workshop.stores = stores
    legal = LegalRetention(select="yearly", kind="full", keep_days=KEPT.days)
    workshop.declare(
        FilesAsset(name="site", path=str(workshop.tree), backup=replace(workshop.backup_plan("full"), legal=legal))
    )
    workshop.tree.mkdir(exist_ok=True)
    (workshop.tree / "file").write_bytes(bytes(range(256)))


def locks(workshop: Workshop) -> list[StoreLocked]:
    """The oldest first."""
    return [fact.data for fact in reversed(workshop.book.facts("store.locked", asset="site"))]


@pytest.fixture
def archive(workshop: Workshop) -> MemoryStore:
    """A store with locks, the workshop's second."""
    store, opened_by = MemoryStore("second", locks=True), workshop.opened_by
    workshop.opened_by = lambda declared, use: store if declared.name == "second" else opened_by(declared, use)
    stored_in(workshop, "local", "second")
    return store


def test_a_bucket_locks_the_first_of_the_year_and_the_rule_sees_it(workshop: Workshop, radosgw: Radosgw) -> None:
    shelf = make_shelf(radosgw, workshop.base / "s3-users", lock="governance")
    workshop.further = {"offsite": shelf.declared}
    workshop.clock.jump(not_at_new_year(SystemClock().read().at - 2 * HOUR))  # the bucket's time is the machine's
    stored_in(workshop, "local", "offsite")
    made = workshop.back_up(later=HOUR)
    (evidence,) = locks(workshop)
    assert (evidence.store, evidence.left, evidence.begun, evidence.error) == ("offsite", 0, "", "")
    (one,) = evidence.sets
    assert (one.set, one.manifest_sha256) == (made.set, made.manifest_sha256)
    until = datetime.fromisoformat(made.completed_at) + KEPT
    assert until <= datetime.fromisoformat(one.lock_until) < until + timedelta(seconds=2)
    other = workshop.back_up(later=HOUR / 2)
    assert len(locks(workshop)) == 1, "where nothing is to be locked, nothing is said"
    held = {key: shelf.s3.head_object(Bucket=shelf.bucket, Key=key) for key in shelf.held()}
    assert len([key for key in held if made.set in key]) == one.objects
    for key, head in held.items():
        long = head["ObjectLockRetainUntilDate"] >= until
        assert (long, head["ObjectLockMode"]) == (made.set in key, "GOVERNANCE"), key
    assert any(other.set in key for key in held)
    workshop.drill(point=made.set)
    begun = workshop.clock.at
    workshop.clock.jump(begun.replace(year=begun.year + 1, month=1, day=15))
    looks = {each.store: each for each in workshop.inspect()}
    (first,) = looks["offsite"].yearly
    assert (first.set, datetime.fromisoformat(first.lock_until)) == (made.set, datetime.fromisoformat(one.lock_until))
    assert judged(workshop, looks["offsite"]).reason.code == "archived"
    assert judged(workshop, looks["local"]).reason.code == "unlocked", "a folder locks nothing"


def not_at_new_year(at: datetime) -> datetime:
    """Two sets of two hours that follow are of one year."""
    return at - timedelta(days=10) if (at.month, at.day) in ((12, 31), (1, 1), (1, 2)) else at


def judged(workshop: Workshop, look: InspectionCompleted) -> Verdict:
    """ASBL_014 by what was recorded, as if that were the only look."""
    log = Log()
    began = datetime.fromisoformat(min(seen.recovers_to for seen in look.newest))
    log.add(began, plan("site", stores=(look.store,)))
    asset = declared("files", stores=(look.store,), first=began)
    log.add(began, replace(asset, legal_select="yearly", legal_kind="full", legal_days=KEPT.days), "site")
    for fact in workshop.book.facts("drill.completed", asset="site"):
        log.add(fact.at, fact.data, "site")
    log.add(workshop.clock.at, look, "site")
    found = evaluate(rulebook(), log.facts, workshop.clock.at, log.node)
    (verdict,) = (each for each in found if (each.rule, each.asset) == ("ASBL_014", "site"))
    return verdict


def test_some_objects_at_a_time_each_of_them_once(
    workshop: Workshop, archive: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    lengthen = archive.lengthen_lock

    def counting(key: str, until: datetime) -> datetime:
        asked.append(key)
        return lengthen(key, until)

    monkeypatch.setattr(archive, "lengthen_lock", counting)
    monkeypatch.setattr(locking, "OBJECTS_PER_RUN", 2)
    made = workshop.back_up(later=HOUR)
    assert asked[0].endswith("/MANIFEST.json"), "by which whoever prunes sees that the set is locked"
    objects = {key for key in archive.objects if made.set in key}
    for _ in objects:
        if not locks(workshop)[-1].left:
            break
        assert locks(workshop)[-1].begun == made.set
        assert len(asked) == locks(workshop)[-1].begun_objects < len(objects)
        workshop.back_up(later=HOUR)
    assert (len(asked), set(asked)) == (len(objects), objects)
    assert set(archive.locked.values()) == {datetime.fromisoformat(made.completed_at) + KEPT}
    assert [each.set for each in locks(workshop)[-1].sets] == [made.set]
    assert {each.set for evidence in locks(workshop)[:-1] for each in evidence.sets} == set()


def test_what_stands_in_the_way_is_said_fails_no_backup_and_is_tried_again(
    workshop: Workshop, archive: MemoryStore
) -> None:
    def refuses(key: str, until: datetime) -> datetime:
        raise StoreRefused(store="second", operation="lengthen a lock", detail=f"AccessDenied {key} {until}")

    archive.lengthen_lock = refuses  # type: ignore[method-assign]
    made = workshop.back_up(later=HOUR)
    assert made.stores == ("local", "second")
    (evidence,) = locks(workshop)
    assert (evidence.sets, evidence.left, evidence.error) == ((), 1, "store_refused")
    assert "AccessDenied" in evidence.message
    del archive.lengthen_lock
    workshop.back_up(later=HOUR)
    assert [each.set for each in locks(workshop)[-1].sets] == [made.set]


def test_what_is_not_whole_is_not_locked_for_years(
    workshop: Workshop, archive: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "locks", False)  # the plan asks for locks since
    made = workshop.back_up(later=HOUR)
    assert locks(workshop) == []
    monkeypatch.setattr(archive, "locks", True)
    part = next(key for key in archive.objects if made.set in key and key.endswith(".gpg"))
    whole = archive.objects.pop(part)
    workshop.back_up(later=HOUR)
    assert (locks(workshop)[-1].left, locks(workshop)[-1].error) == (1, "set_damaged")
    assert archive.locked == {}
    archive.objects[part] = whole
    workshop.back_up(later=HOUR)
    assert [each.set for each in locks(workshop)[-1].sets] == [made.set]
    archive.locked.clear()  # somebody with the right to lift them has
    workshop.inspect()
    workshop.back_up(later=HOUR)
    assert [each.set for each in locks(workshop)[-1].sets] == [made.set]
    assert archive.locked


def test_what_the_law_keeps_comes_to_a_later_store_however_old_it_is_and_is_locked_there(
    workshop: Workshop, archive: MemoryStore
) -> None:
    stored_in(workshop, "local")
    first, _ = workshop.back_up(later=HOUR), workshop.back_up(later=HOUR)
    workshop.clock.move(timedelta(days=100))  # beyond the retention of every set
    stored_in(workshop, "local", "second")
    last = workshop.back_up()
    (filled,) = (fact.data for fact in workshop.book.facts("store.filled", asset="site"))
    assert ([each.set for each in filled.sets], filled.left, filled.error) == ([first.set], 0, "")
    (evidence,) = locks(workshop)
    assert {each.set for each in evidence.sets} == {first.set, last.set}, "one for each of two years"
    assert {key.split("/")[3] for key in archive.locked} == {first.set, last.set}
