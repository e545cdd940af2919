"""What a dead attempt leaves in a bucket: a whole set is taken over without being sent again, anything less is no set
and leaves no upload behind."""

from __future__ import annotations

from typing import Any

import pytest

from intendance.activities.backup.job import BackupJob
from intendance.activities.backup.perform import perform as back_up
from intendance.model.errors.runs import RunInterrupted
from intendance.model.evidence import Evidence
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.plan import FilesAsset
from intendance.model.record import Record
from intendance.runs.journal import RunSteps
from intendance.sets import publication
from intendance.stores.s3.store import S3Store
from tests.support.radosgw import Shelf
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
def offsite(workshop: Workshop, shelf: Shelf) -> Shelf:
    workshop.tree.mkdir()
    (workshop.tree / "note").write_text("one")
    workshop.further, workshop.stores = {"offsite": shelf.declared}, ("offsite",)
    workshop.declare(FilesAsset(name="site", path=str(workshop.tree), backup=workshop.backup_plan("full")))
    return shelf


def die(workshop: Workshop) -> None:
    """One attempt that dies at its first commit, or before; the journal then learns that its worker is gone."""
    with pytest.raises(Killed), workshop.run("site", "backup.full") as steps:
        perform(workshop, DyingSteps(steps))
    run = workshop.journal.get(RUN)
    assert workshop.journal.interrupt(run, RunInterrupted(run=RUN, attempt=run.attempt)) == "queued"


def perform(workshop: Workshop, steps: Any) -> BackupCompleted:
    job = BackupJob(plan=workshop.plan, asset="site", kind="full")
    context = workshop.backup_context("site", steps.run)
    return back_up(job, context, steps, workshop.progress.append, SMALL_PARTS)


def test_a_whole_set_of_a_dead_attempt_is_taken_over_as_it_is(
    workshop: Workshop, offsite: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    die(workshop)
    before = offsite.held()
    monkeypatch.setattr(S3Store, "put", lambda *_: pytest.fail("it was sent again"))
    with workshop.run("site", "backup.full", again=RUN) as steps:
        made = perform(workshop, steps)
    assert made.set == f"{RUN}.1"
    assert offsite.held() == before
    (seen,) = workshop.inspect(deep=True)
    assert (seen.sets, seen.faulty, seen.incomplete) == (1, 0, 0)


def test_less_than_a_set_is_listed_by_nobody_and_leaves_no_upload(
    workshop: Workshop, offsite: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(publication, "complete", killed)
        die(workshop)
    assert any(f"{RUN}.1/" in key for key in offsite.held())
    with workshop.run("site", "backup.full", again=RUN) as steps:
        made = perform(workshop, steps)
    assert made.set == f"{RUN}.2"
    (seen,) = workshop.inspect(deep=True)
    assert (seen.sets, seen.faulty, seen.incomplete) == (1, 0, 1)
    assert seen.newest[0].set == made.set
    assert not offsite.s3.list_multipart_uploads(Bucket=offsite.bucket).get("Uploads")
