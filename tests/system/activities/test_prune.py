"""Pruning a real store of real sets: what it marks, deletes a week later, and leaves."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from intendance.activities.prune.decide import CLOCKS_APART
from intendance.model.errors.prune import ClocksApart, PruneCountDiffers
from intendance.model.errors.store import StoreRefused
from intendance.sets.manifest import MANIFEST
from intendance.sets.retention import ATTEMPT_DEAD_AFTER, Retention
from intendance.stores.directory_pruning import DirectoryPruner
from tests.support.pruning import WEEK, Yard
from tests.support.trees import snapshot
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg


@pytest.fixture
def yard(workshop: Workshop) -> Yard:
    workshop.tree.mkdir()
    (workshop.tree / "index.php").write_bytes(b"<?php echo 1;\n" * 100)
    return Yard(workshop, Retention(points_days=3))


def names(yard: Yard) -> set[str]:
    return {path.name for path in (yard.workshop.base / "stores/local/testing/web-01/site").iterdir()}


def test_marked_then_a_week_later_deleted_one_by_one_and_inspected_without_a_fault(yard: Yard) -> None:
    made = [each.set for each in yard.fill(7)]
    old = made[:4]  # the newest is minutes old: those of three days ago and more
    before = snapshot(yard.workshop.folder(made[-1]))
    first = yard.prune()
    (mark,) = yard.workshop.book.facts("prune.marked", asset="site")
    assert [each.set for each in mark.data.sets] == old
    assert (first.sets, first.kept) == ((), 7)
    assert names(yard) == set(made)

    yard.workshop.clock.move(WEEK - timedelta(hours=1))
    assert yard.prune().sets == ()
    yard.workshop.clock.move(timedelta(hours=1))
    done = yard.prune()
    (pruned,) = done.sets
    assert (pruned.set, pruned.because, pruned.proof) == (old[0], "expired", made[-1])
    assert (done.kept, done.ceiling, done.confirmed) == (6, 1, None)
    assert done.freed_bytes == pruned.stored_bytes > 0
    assert names(yard) == set(made[1:])
    assert snapshot(yard.workshop.folder(made[-1])) == before
    assert yard.prune().sets == (), "the ceiling is one a day"

    (seen,) = yard.workshop.inspect(deep=True)
    assert (seen.sets, seen.faulty, seen.damaged, seen.incomplete) == (6, 0, (), 0)


def test_a_person_allows_all_by_their_number_and_no_other(yard: Yard) -> None:
    made = [each.set for each in yard.fill(7)]
    yard.prune()
    yard.workshop.clock.move(WEEK)
    assert yard.look().sets.due == 4
    with pytest.raises(PruneCountDiffers):
        yard.prune(confirmed=3)
    assert names(yard) == set(made)
    done = yard.prune(confirmed=4)
    assert [each.set for each in done.sets] == made[:4]
    assert (done.kept, done.confirmed) == (3, 4)
    assert names(yard) == set(made[4:])
    (seen,) = yard.workshop.inspect(deep=True)
    assert (seen.sets, seen.faulty) == (3, 0)


def test_without_a_drill_nothing_is_even_marked(yard: Yard) -> None:
    yard.fill(5)
    yard.prune(drills=())
    assert yard.workshop.book.facts("prune.marked", asset="site") == ()


def test_what_is_kept_again_loses_its_mark(yard: Yard) -> None:
    made = [each.set for each in yard.fill(5)]
    yard.prune()
    yard.workshop.clock.move(WEEK)
    yard.prune(retention=Retention(points_days=90))
    (lifted, _) = yard.workshop.book.facts("prune.marked", asset="site")
    assert (lifted.data.sets, lifted.data.lifted) == ((), tuple(made[:2]))
    yard.prune()
    assert names(yard) == set(made), "marked anew: another week"


def test_a_set_changed_since_its_mark_stays(yard: Yard) -> None:
    """Whoever may write there puts another manifest in its place: nobody deletes what was not looked at."""
    made = [each.set for each in yard.fill(5)]
    yard.prune()
    yard.workshop.clock.move(WEEK)
    manifest = yard.workshop.folder(made[0]) / MANIFEST
    seen = manifest.stat()
    manifest.write_bytes(manifest.read_bytes().replace(b'"attempt":1', b'"attempt":2'))
    os.utime(manifest, (seen.st_mtime, seen.st_mtime))
    looked = yard.look()
    (decision,) = [each for each in looked.sets.decisions if each.stored.set == made[0]]
    assert decision.why[0].code == "untrusted"
    yard.prune()
    assert made[0] in names(yard)


def test_attempts_that_died_go_with_what_their_puts_left(yard: Yard) -> None:
    made = [each.set for each in yard.fill(2)]
    home = yard.workshop.folder(made[0]).parent
    dead = home / "site.backup-full.20260101T020000Z.1"
    hidden = home / "site.backup-full.20260101T020000Z.2"
    for folder, name in ((dead, "tree-00000.zst.gpg"), (hidden, f".tree-00000.zst.gpg.{'a' * 16}.part")):
        folder.mkdir()
        (folder / name).write_bytes(b"x" * 99)
        yard.touch(folder, yard.workshop.clock.at - ATTEMPT_DEAD_AFTER)
    lost = yard.workshop.folder(made[0])
    (lost / MANIFEST).rename(yard.workshop.base / "taken-away")
    yard.touch(lost, yard.workshop.clock.at - ATTEMPT_DEAD_AFTER)
    yard.prune()
    assert {dead.name, hidden.name} <= names(yard)
    yard.workshop.clock.move(WEEK)
    done = yard.prune()
    assert [(each.set, each.because, each.stored_bytes) for each in done.sets] == [
        (dead.name, "incomplete", 99),
        (hidden.name, "incomplete", 99),
    ]
    assert names(yard) == set(made), "a set that lost its manifest is for people to look at"


def test_clocks_that_differ_stop_it(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    yard.fill(5)
    ahead = yard.workshop.clock.at + CLOCKS_APART + timedelta(minutes=1)
    monkeypatch.setattr("tests.support.pruning.ClockedPruner.now", lambda _: ahead)
    with pytest.raises(ClocksApart):
        yard.prune()


def test_a_store_that_refuses_leaves_a_whole_set_or_none_and_is_finished_later(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [each.set for each in yard.fill(5)]
    yard.prune()
    yard.workshop.clock.move(WEEK)
    real = DirectoryPruner.delete
    calls = 0

    def refuses(self: DirectoryPruner, stored: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StoreRefused(store="local", operation="delete", detail="it is locked")
        real(self, stored)  # type: ignore[arg-type]

    monkeypatch.setattr(DirectoryPruner, "delete", refuses)
    with pytest.raises(StoreRefused):
        yard.prune()
    monkeypatch.setattr(DirectoryPruner, "delete", real)
    (seen,) = yard.workshop.inspect(deep=True)
    assert (seen.sets, seen.faulty, seen.incomplete) == (4, 0, 1)
    done = yard.prune()
    assert [(each.set, each.because) for each in done.sets][-1] == (made[0], "expired")
    assert made[0] not in names(yard)


def test_the_real_pruner_tells_the_time_of_its_disk(tmp_path: Path, yard: Yard) -> None:
    pruner = DirectoryPruner("local", yard.workshop.base / "stores/local")
    before, after = tmp_path / "before", tmp_path / "after"
    before.touch()
    told = pruner.now().timestamp()
    after.touch()
    assert before.stat().st_mtime - 1 <= told <= after.stat().st_mtime + 1, "a second: some disks keep no finer time"
