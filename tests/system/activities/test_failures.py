"""Backups that cannot end well: what is recorded, what is listed, what the next attempt does."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intendance.activities.backup.job import BackupJob
from intendance.activities.backup.perform import perform as back_up
from intendance.activities.restore.decide import Wish
from intendance.activities.restore.perform import RestoreJob
from intendance.activities.restore.perform import perform as restore
from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import DestinationTaken, SourceMissing
from intendance.model.errors.openpgp import NoSecretKey
from intendance.model.errors.runs import RunInterrupted
from intendance.model.errors.sets import NoRoom, RestoreDiffers
from intendance.model.errors.state import LockHeld
from intendance.model.errors.store import StoreUnreachable
from intendance.model.evidence import Evidence
from intendance.model.evidence.restore import Check
from intendance.model.record import Record
from intendance.runs.journal import RunSteps
from intendance.sets import publication
from intendance.sets.publication import complete
from intendance.stores.directory import MARK, DirectoryStore
from intendance.system import lock
from tests.support.workshop import NOON, SMALL_PARTS, Workshop

pytestmark = pytest.mark.gnupg
RUN = f"site.backup-full.{NOON:%Y%m%dT%H%M%SZ}"


class Killed(BaseException):
    """What a SIGKILL looks like from inside: nothing after it runs but what Python cannot help."""


class DyingSteps:
    """The run's journal, of a process that dies right before its first commit."""

    def __init__(self, steps: RunSteps) -> None:
        self.run, self.attempt, self.asset, self.actor = steps.run, steps.attempt, steps.asset, steps.actor
        self.memo = steps.memo

    def commit(self, step: str, memo: dict[str, Any], evidence: Evidence | None = None) -> Record | None:
        raise Killed


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    workshop.tree.mkdir()
    (workshop.tree / "note").write_text("one")
    (workshop.tree / "photo").write_bytes(os.urandom(200_000))
    return workshop


def facts(workshop: Workshop, kind: str) -> list[Any]:
    return [fact.data for fact in workshop.book.facts(kind, asset="site")]


def sets(workshop: Workshop, store: str = "local") -> list[str]:
    return sorted(path.parent.name for path in (workshop.base / "stores" / store).rglob("MANIFEST.json"))


def die_before_commit(workshop: Workshop) -> None:
    """An attempt that publishes its set and dies; the journal then learns that its worker is gone."""
    with pytest.raises(Killed), workshop.run("site", "backup.full") as steps:
        back_up(_job(workshop), workshop.backup_context("site", steps.run), DyingSteps(steps), _silent, SMALL_PARTS)
    run = workshop.journal.get(RUN)
    assert workshop.journal.interrupt(run, RunInterrupted(run=RUN, attempt=run.attempt)) == "queued"


def second_attempt(workshop: Workshop) -> Any:
    with workshop.run("site", "backup.full", again=RUN) as steps:
        assert steps.attempt == 2
        return back_up(_job(workshop), workshop.backup_context("site", steps.run), steps, _silent, SMALL_PARTS)


def test_a_set_published_by_an_attempt_that_died_is_adopted(filled: Workshop) -> None:
    die_before_commit(filled)
    assert sets(filled) == [f"{RUN}.1"]
    (filled.tree / "note").write_text("two")  # a fresh set would hold this
    backup = second_attempt(filled)
    assert backup.set == f"{RUN}.1"
    assert backup.packets.recipients == tuple(sorted(backup.recipients))
    assert [each.set for each in facts(filled, "backup.completed")] == [f"{RUN}.1"]
    filled.restore(Wish(asset="site", into=str(filled.base / "beside")))
    assert (filled.base / "beside" / "note").read_text() == "one"


def test_a_set_that_does_not_verify_is_not_adopted(filled: Workshop) -> None:
    die_before_commit(filled)
    part = filled.folder(f"{RUN}.1") / "tree-00000.zst.gpg"
    content = bytearray(part.read_bytes())
    content[5000] ^= 1
    part.write_bytes(content)
    assert second_attempt(filled).set == f"{RUN}.2"


def test_an_attempt_that_died_before_its_manifest_is_never_listed(
    filled: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(publication, "complete", die)
        die_before_commit(filled)
    assert sets(filled) == []
    assert second_attempt(filled).set == f"{RUN}.2"
    (seen,) = filled.inspect()
    assert (seen.sets, seen.incomplete, seen.faulty) == (1, 1, 0)


def test_a_step_that_was_committed_is_not_performed_again(filled: Workshop) -> None:
    done = []

    def perform_and_die() -> None:
        with filled.run("site", "backup.full") as steps:
            done.append(back_up(_job(filled), filled.backup_context("site", steps.run), steps, _silent, SMALL_PARTS))
            raise Killed

    with pytest.raises(Killed):
        perform_and_die()
    run = filled.journal.get(RUN)
    filled.journal.interrupt(run, RunInterrupted(run=RUN, attempt=run.attempt))
    assert [second_attempt(filled)] == done
    assert len(facts(filled, "backup.completed")) == 1


def test_a_missing_source_leaves_evidence_and_nothing_else(filled: Workshop) -> None:
    filled.tree.rename(filled.base / "moved")
    with pytest.raises(SourceMissing):
        filled.back_up()
    (failure,) = facts(filled, "backup.failed")
    assert (failure.error, failure.step, failure.set) == ("source_missing", "look", f"{RUN}.1")
    assert failure.next_step
    assert sets(filled) == []


def test_no_room_is_refused_before_anything_is_read(filled: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DirectoryStore, "free_bytes", lambda store: 150_000)
    with pytest.raises(NoRoom, match=r"146\.5 KiB free"):
        filled.back_up()
    assert facts(filled, "backup.failed")[0].error == "no_room"
    assert not list((filled.base / "stores" / "local").rglob("*.gpg"))


def test_two_stores_hold_the_same_bytes(filled: Workshop) -> None:
    two = replace_stores(filled)
    backup = two.back_up()
    assert backup.stores == ("local", "second")
    ours, theirs = two.folder(backup.set), two.folder(backup.set, store="second")
    names = sorted(path.name for path in ours.iterdir())
    assert names == sorted(path.name for path in theirs.iterdir())
    assert all((ours / name).read_bytes() == (theirs / name).read_bytes() for name in names)
    first, second = two.inspect()
    assert (first.store, second.store, first.faulty, second.faulty) == ("local", "second", 0, 0)
    two.restore(Wish(asset="site", into=str(two.base / "beside")), stores=["second"])


def test_a_further_store_that_is_away_costs_its_copy_and_not_the_backup(filled: Workshop) -> None:
    two = replace_stores(filled)
    (two.base / "stores" / "second" / MARK).unlink()
    with pytest.raises(StoreUnreachable):
        two.back_up()
    (backup,) = facts(two, "backup.completed")
    (failure,) = facts(two, "backup.failed")
    assert backup.stores == ("local",)
    assert (failure.step, failure.error) == ("copy to second", "store_unreachable")
    assert sets(two) == [backup.set]
    assert two.journal.get(RUN).state == "failed"
    (two.base / "stores" / "second" / MARK).touch()
    again = two.back_up()
    assert (again.sequence, again.stores) == (1, ("local", "second"))
    first, second = two.inspect()
    assert (first.sets, first.faulty) == (2, 0)
    assert (second.sets, second.faulty) == (2, 0), "the backup after it brought what never came there"
    (brought,) = facts(two, "store.filled")
    assert [each.set for each in brought.sets] == [backup.set]


def test_copying_goes_on_where_an_attempt_died(filled: Workshop) -> None:
    two = replace_stores(filled)
    die_before_commit(two)
    theirs = two.folder(f"{RUN}.1", store="second")
    (theirs / "MANIFEST.json").unlink()
    (theirs / "SHA256SUMS").unlink()
    backup = second_attempt(two)
    assert (backup.set, backup.stores) == (f"{RUN}.1", ("local", "second"))
    assert (theirs / "MANIFEST.json").exists()


def test_a_first_store_that_was_damaged_is_noticed_while_copying(
    filled: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = replace_stores(filled)

    def complete_and_damage(store: Any, folder: str, manifest: bytes, signature: bytes) -> None:
        complete(store, folder, manifest, signature)
        part = two.base / "stores" / store.name / folder / "tree-00000.zst.gpg"
        part.write_bytes(part.read_bytes()[:-1] + b"x")

    monkeypatch.setattr(publication, "complete", complete_and_damage)
    with pytest.raises(IntendanceError, match="is not what was stored"):
        two.back_up()
    assert not (two.folder(f"{RUN}.1", store="second") / "tree-00000.zst.gpg").exists()


def test_one_unreachable_store_does_not_hide_the_other(filled: Workshop) -> None:
    two = replace_stores(filled)
    two.back_up()
    (two.base / "stores" / "local" / MARK).unlink()
    with pytest.raises(StoreUnreachable):
        two.inspect()
    assert [each.store for each in facts(two, "inspection.completed")] == ["second"]
    (failure,) = facts(two, "inspection.failed")
    assert (failure.store, failure.error) == ("local", "store_unreachable")
    restored = two.restore(Wish(asset="site", into=str(two.base / "beside")))
    assert restored.store == "second"


def test_a_restore_without_a_key_leaves_nothing(filled: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.back_up()
    monkeypatch.setenv("GNUPGHOME", str(filled.keys.node.home))
    with pytest.raises(NoSecretKey):
        filled.restore(Wish(asset="site", into=str(filled.base / "beside")))
    assert not (filled.base / "beside").exists()
    (failure,) = facts(filled, "restore.failed")
    assert (failure.error, failure.step, failure.left_behind) == ("no_secret_key", "load", "")


def test_a_restore_never_writes_over_anything(filled: Workshop) -> None:
    filled.back_up()
    for taken in (filled.base / "folder", filled.base / "file", filled.base / "link"):
        match taken.name:
            case "folder":
                taken.mkdir()
                (taken / "precious").write_text("x")
            case "file":
                taken.write_text("x")
            case _:
                taken.symlink_to("nowhere")
        with pytest.raises(DestinationTaken):
            filled.restore(Wish(asset="site", into=str(taken)))
        assert taken.is_symlink() or taken.exists()
    assert (filled.base / "folder" / "precious").read_text() == "x"
    assert facts(filled, "restore.failed") == [], "a wrong wish is no evidence"


def test_a_restore_waits_for_nobody(filled: Workshop) -> None:
    filled.back_up()
    context = filled.restore_context("site")
    with lock.held(context.asset_lock, purpose="A test"), pytest.raises(LockHeld):
        filled.restore(Wish(asset="site", into=str(filled.base / "beside")))


def test_what_differs_after_a_restore_is_said_and_left(filled: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    from intendance.engines.files.write import WriteSession

    filled.back_up()
    check = Check(name="files", ok=False, found="2 instead of 3")
    monkeypatch.setattr(WriteSession, "check", lambda session: (check,))
    with pytest.raises(RestoreDiffers, match="files: 2 instead of 3"):
        filled.restore(Wish(asset="site", into=str(filled.base / "beside")))
    assert (filled.base / "beside" / "note").exists()
    assert "beside" in facts(filled, "restore.failed")[0].left_behind


def test_an_interrupted_restore_takes_away_what_it_made(filled: Workshop) -> None:
    filled.back_up()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    wish = Wish(asset="site", into=str(filled.base / "beside"))
    with pytest.raises(KeyboardInterrupt), filled.run("site", "restore") as steps:
        restore(RestoreJob(plan=filled.plan, wish=wish), filled.restore_context("site"), steps, interrupt)
    assert not (filled.base / "beside").exists()


def test_a_shrunken_backup_is_named(filled: Workshop) -> None:
    filled.back_up()
    filled.back_up()
    (filled.tree / "photo").unlink()
    shrunken = filled.back_up()
    (seen,) = filled.inspect()
    assert [each.set for each in seen.damaged] == [shrunken.set]
    assert "shrunken" in seen.damaged[0].fault


def replace_stores(workshop: Workshop) -> Workshop:
    workshop.stores = ("local", "second")
    site = workshop.assets["site"]
    workshop.declare(replace(site, backup=workshop.backup_plan("full")))
    return workshop


def _job(workshop: Workshop) -> BackupJob:
    return BackupJob(plan=workshop.plan, asset="site", kind="full")


def _silent(_: object) -> None:
    """Nobody watches."""


def test_the_clock_of_a_set_is_the_clock_given(filled: Workshop) -> None:
    backup = filled.back_up(later=timedelta(0))
    assert backup.started_at == backup.completed_at == "2026-11-21T12:00:00.000000Z"
    assert Path(filled.folder(backup.set)).name.startswith(RUN)
