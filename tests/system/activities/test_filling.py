"""A store that lacks sets gets them with the next backups: a share at a time, whole or not listed, with evidence."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from intendance.activities.backup import filling
from intendance.activities.restore.decide import Wish
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.filled import StoreFilled
from intendance.model.plan import FilesAsset
from tests.support.trees import snapshot
from tests.support.workshop import Workshop

HOUR = timedelta(hours=1)


def stored_in(workshop: Workshop, *stores: str) -> None:
    workshop.stores = stores
    plan = replace(workshop.backup_plan("full"), kinds={"full": None, "differential": None})
    workshop.declare(FilesAsset(name="site", path=str(workshop.tree), backup=plan))


def write(workshop: Workshop, name: str, kilobytes: int = 1) -> None:
    workshop.tree.mkdir(exist_ok=True)
    (workshop.tree / name).write_bytes(bytes(range(256)) * 4 * kilobytes)


def filled(workshop: Workshop) -> list[StoreFilled]:
    """The oldest first."""
    return [fact.data for fact in reversed(workshop.book.facts("store.filled", asset="site"))]


@pytest.fixture
def alone(workshop: Workshop) -> tuple[Workshop, list[BackupCompleted]]:
    """A full set and two differentials in one store, and a second store beside it since."""
    stored_in(workshop, "local")
    write(workshop, "first")
    made = [workshop.back_up()]
    for name in ("second", "third"):
        write(workshop, name)
        made.append(workshop.back_up(kind="differential", later=HOUR))
    stored_in(workshop, "local", "second")
    return workshop, made


def test_a_store_that_comes_later_gets_what_was_made_before(alone: tuple[Workshop, list[BackupCompleted]]) -> None:
    workshop, made = alone
    as_it_was = snapshot(workshop.tree)
    write(workshop, "fourth")
    last = workshop.back_up(later=HOUR)
    (evidence,) = filled(workshop)
    assert (evidence.store, evidence.left, evidence.error) == ("second", 0, "")
    assert [each.set for each in evidence.sets] == [made[0].set, made[2].set, made[1].set], "what others build on first"
    assert {each.source for each in evidence.sets} == {"local"}
    assert evidence.copied_bytes >= sum(each.stored_bytes for each in evidence.sets) > 0
    looks = {each.store: each for each in workshop.inspect(deep=True)}
    assert (looks["second"].sets, looks["second"].faulty) == (4, 0)
    assert {seen.set for seen in looks["second"].newest} == {last.set, *(each.set for each in made)}
    shutil.rmtree(workshop.base / "stores" / "local")
    wish = Wish(asset="site", into=str(workshop.base / "back"), point=made[2].set)
    assert workshop.restore(wish, stores=("second",)).set == made[2].set
    assert snapshot(workshop.base / "back") == as_it_was


def test_a_share_at_a_time_and_nothing_half_brought_is_listed(
    alone: tuple[Workshop, list[BackupCompleted]], monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop, made = alone
    monkeypatch.setattr(filling, "BYTES_PER_RUN", 1)
    left = []
    for _ in range(3):
        workshop.back_up(later=HOUR)
        left.append(filled(workshop)[-1].left)
        looks = {each.store: each for each in workshop.inspect()}
        assert looks["second"].faulty == 0
    assert left == [2, 1, 0]
    workshop.back_up(later=HOUR)
    assert len(filled(workshop)) == 3, "where nothing is lacking nothing is said"
    assert {each.set for evidence in filled(workshop) for each in evidence.sets} == {each.set for each in made}


def test_what_cannot_be_copied_is_said_and_fails_no_backup(alone: tuple[Workshop, list[BackupCompleted]]) -> None:
    workshop, made = alone
    (part,) = workshop.folder(made[1].set).glob("*.gpg")
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    last = workshop.back_up(later=HOUR)
    assert last.stores == ("local", "second")
    (evidence,) = filled(workshop)
    assert (evidence.error, evidence.left) == ("copy_differs", 1)
    assert {each.set for each in evidence.sets} == {made[0].set, made[2].set}
    assert not (workshop.folder(made[1].set, store="second") / "MANIFEST.json").exists()


def test_what_was_taken_away_comes_back_once_it_was_missed(alone: tuple[Workshop, list[BackupCompleted]]) -> None:
    workshop, made = alone
    workshop.back_up(later=HOUR)
    shutil.rmtree(workshop.folder(made[0].set, store="second"))
    looks = {each.store: each for each in workshop.inspect()}
    assert looks["second"].faulty > 0, "it is expected there since it was brought"
    workshop.back_up(later=HOUR)
    assert made[0].set in {each.set for each in filled(workshop)[-1].sets}
    looks = {each.store: each for each in workshop.inspect(deep=True)}
    assert looks["second"].faulty == 0
