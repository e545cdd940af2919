"""Backups into a bucket on a real gateway: beside a local store, and alone; found, verified and restored from there."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from intendance.activities.backup.job import BackupJob
from intendance.activities.backup.perform import perform as back_up
from intendance.activities.restore.decide import Wish
from intendance.model.errors.store import StoreUnreachable
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.plan import FilesAsset
from intendance.runs.rows import Submission
from intendance.stores.s3.store import S3Store
from tests.support.radosgw import Radosgw, Shelf, make_shelf
from tests.support.trees import fill_oddly, snapshot
from tests.support.workshop import SMALL_PARTS, Workshop


@pytest.fixture
def offsite(workshop: Workshop, radosgw: Radosgw) -> Shelf:
    """A bucket with locks, as the store `offsite` of the workshop."""
    shelf = make_shelf(radosgw, workshop.base / "s3-users", lock="governance")
    workshop.further = {"offsite": shelf.declared}
    return shelf


def stored_in(workshop: Workshop, *stores: str, kind: str = "full") -> None:
    workshop.stores = stores
    plan = replace(workshop.backup_plan(kind), kinds={"full": None, "differential": None})
    workshop.declare(FilesAsset(name="site", path=str(workshop.tree), backup=plan))


def test_a_set_goes_to_both_and_comes_back_from_the_bucket_alone(workshop: Workshop, offsite: Shelf) -> None:
    fill_oddly(workshop.tree)
    stored_in(workshop, "local", "offsite")
    made = workshop.back_up()
    assert made.stores == ("local", "offsite")
    looked = {each.store: each for each in workshop.inspect(deep=True)}
    assert (looked["offsite"].sets, looked["offsite"].faulty) == (1, 0)
    assert looked["offsite"].hashed_bytes == looked["local"].hashed_bytes > 0
    folder = f"testing/web-01/site/{made.set}"
    local = {path.name: path.read_bytes() for path in workshop.folder(made.set).iterdir()}
    assert {key.removeprefix(f"{folder}/") for key in offsite.held()} == set(local)
    restored = workshop.restore(Wish(asset="site", into=str(workshop.base / "back")), stores=("offsite",))
    assert restored.set == made.set
    assert snapshot(workshop.base / "back") == snapshot(workshop.tree)


def test_the_bucket_alone_holds_chains_and_a_damaged_part_is_found(workshop: Workshop, offsite: Shelf) -> None:
    workshop.tree.mkdir()
    (workshop.tree / "old.txt").write_text("from the beginning")
    stored_in(workshop, "offsite")
    base = workshop.back_up()
    (workshop.tree / "new.txt").write_text("since the full backup")
    changed = workshop.back_up(kind="differential", later=timedelta(minutes=5))
    assert changed.warnings == ()
    assert (changed.kind, changed.stores) == ("differential", ("offsite",))
    back = workshop.base / "back"
    assert workshop.restore(Wish(asset="site", into=str(back)), stores=("offsite",)).set == changed.set
    assert snapshot(back) == snapshot(workshop.tree)
    part = next(key for key in offsite.held() if base.set in key and key.endswith(".gpg"))
    whole = offsite.s3.get_object(Bucket=offsite.bucket, Key=part)["Body"].read()
    flipped = whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]
    offsite.s3.put_object(Bucket=offsite.bucket, Key=part, Body=flipped)  # a newer version, by the bucket's owner
    (look,) = workshop.inspect(deep=True)
    assert look.faulty >= 1
    assert any("hash" in seen.fault for seen in look.damaged)


def test_a_copy_that_was_cut_goes_on_without_sending_again_what_is_there(
    workshop: Workshop, offsite: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_oddly(workshop.tree)
    (workshop.tree / "large").write_bytes(os.urandom(12 << 20))
    stored_in(workshop, "local", "offsite")
    put, read, allowed = S3Store.put, S3Store.open, [2]
    sent: list[str] = []

    def counting(self: S3Store, key: str, chunks: Any) -> Any:
        if key.endswith(".gpg") and len(sent) == allowed[0]:
            raise StoreUnreachable(store=self.name, detail="the line was cut")
        sent.append(key)
        return put(self, key, chunks)

    def unread(self: S3Store, key: str) -> Any:
        assert not key.endswith(".gpg"), "a part was read back"
        return read(self, key)

    monkeypatch.setattr(S3Store, "put", counting)
    monkeypatch.setattr(S3Store, "open", unread)
    submission = Submission(asset="site", activity="backup.full", occurrence=workshop.clock.at, actor="person:test")
    workshop.journal.submit(submission)
    workshop.journal.claim(submission.id)
    run = workshop.journal.get(submission.id)
    with pytest.raises(StoreUnreachable) as cut:
        perform(workshop, workshop.journal.steps(run))
    workshop.journal.postpone(run, cut.value, workshop.clock.at, outcome=None)  # as a worker does
    (first,) = workshop.book.facts("backup.completed", asset="site")
    assert first.data.stores == ("local",)
    assert len(sent) == 2
    allowed[0] = 99
    workshop.clock.move(timedelta(hours=3))
    with workshop.run("site", "backup.full", again=submission.id) as steps:
        assert steps.attempt == 2
        assert perform(workshop, steps).stores == ("local", "offsite")
    assert len(sent) == len(set(sent)), "a part was sent twice"
    latest, _ = workshop.book.facts("backup.completed", asset="site")
    assert (latest.data.set, latest.data.stores) == (first.data.set, ("local", "offsite"))
    assert latest.at - first.at >= timedelta(hours=3), "when the copy was there can be told from the record"
    assert {key.rpartition("/")[2] for key in offsite.held()} == {
        path.name for path in workshop.folder(first.data.set).iterdir()
    }


def perform(workshop: Workshop, steps: Any) -> BackupCompleted:
    job = BackupJob(plan=workshop.plan, asset="site", kind="full")
    context = workshop.backup_context("site", steps.run)
    return back_up(job, context, steps, workshop.progress.append, SMALL_PARTS)
