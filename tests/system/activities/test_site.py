"""A file tree through backup, inspection and restore, with real programs and without an agent."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from intendance.activities.restore.decide import Wish
from intendance.activities.restore.perform import RestoreJob, prepare
from intendance.model.errors.sets import NoPointReachable
from intendance.sets.fetch import open_manifest
from tests.support.trees import fill_oddly, hole_bytes, snapshot
from tests.support.workshop import NOON, Workshop

pytestmark = pytest.mark.gnupg


def test_a_tree_comes_back_bit_by_bit(workshop: Workshop) -> None:
    fill_oddly(workshop.tree)
    (workshop.tree / "large.bin").write_bytes(os.urandom(24 << 20))
    before = snapshot(workshop.tree)

    backup = workshop.back_up()
    (seen,) = workshop.inspect()
    restored = workshop.restore(Wish(asset="site", into=str(workshop.base / "beside")))

    assert snapshot(workshop.base / "beside") == before
    assert snapshot(workshop.tree) == before
    assert hole_bytes(os.fsencode(workshop.base / "beside" / "holes")) > 2 << 20
    assert backup.parts > 1
    assert backup.packets.recipients == tuple(sorted(backup.recipients)) == tuple(sorted(_expected(workshop)))
    assert (seen.sets, seen.faulty, seen.incomplete, seen.days) == (1, 0, 0, ("2026-11-21",))
    assert seen.hashed_bytes == backup.stored_bytes
    assert restored.set == backup.set
    assert restored.reached == backup.recovers_to
    assert restored.restored_bytes == backup.source_bytes
    assert restored.checks
    assert all(check.ok for check in restored.checks)
    phases = {each.phase for each in workshop.progress}
    assert phases == {"pack", "hash", "load"}


def test_what_the_set_says_of_itself(workshop: Workshop) -> None:
    fill_oddly(workshop.tree)
    first, second = workshop.back_up(), workshop.back_up()
    (store,) = workshop.open_stores()
    opened = open_manifest(store, "testing/web-01/site", second.set, workshop.keys.node.fingerprint)
    manifest = opened.manifest
    assert opened.sha256 == second.manifest_sha256
    assert (manifest.sequence, manifest.previous) == (1, first.manifest_sha256)
    assert manifest.ledger == workshop.book.origin
    assert manifest.started_at == manifest.recovers_to == "2026-11-22T12:00:00.000000Z"
    assert manifest.retention_days == 90
    assert manifest.streams[0].argv[0] == "tar"
    sums = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=workshop.folder(second.set),
        capture_output=True,
        check=False,
    )
    assert sums.returncode == 0, sums.stderr


def test_the_node_cannot_read_its_own_backups(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_oddly(workshop.tree)
    backup = workshop.back_up()
    part = next(workshop.folder(backup.set).glob("tree-*"))
    with pytest.raises(AssertionError, match="No secret key"):
        workshop.keys.node.decrypt(part.read_bytes())
    assert workshop.keys.owner.decrypt(part.read_bytes())
    assert workshop.keys.drill.decrypt(part.read_bytes())
    with pytest.raises(AssertionError, match="No secret key"):
        workshop.keys.offline.decrypt(part.read_bytes())  # not a recipient of this plan


def test_a_restore_goes_back_to_the_time_asked_for(workshop: Workshop) -> None:
    workshop.tree.mkdir()
    note = workshop.tree / "note"
    for day in range(3):
        note.write_text(f"day {day}")
        workshop.back_up()
    beside = workshop.base / "beside"
    wish = Wish(asset="site", into=str(beside), target=NOON + timedelta(days=1, hours=7))
    job = RestoreJob(plan=workshop.plan, wish=wish)
    planned = prepare(job, workshop.restore_context("site")).plan
    assert planned.reached == NOON + timedelta(days=1)
    assert planned.predicted is None
    restored = workshop.restore(wish)
    assert (beside / "note").read_text() == "day 1"
    assert (restored.set, restored.target) == (planned.set, "2026-11-22T19:00:00.000000Z")
    predicted = prepare(job, workshop.restore_context("site")).plan.predicted
    assert predicted is not None
    assert predicted.total_ms == restored.phases.total_ms
    with pytest.raises(NoPointReachable, match="the nearest are"):
        workshop.restore(Wish(asset="site", into=str(workshop.base / "no"), target=NOON - timedelta(days=1)))
    assert not (workshop.base / "no").exists()


def _expected(workshop: Workshop) -> list[str]:
    return [recipient.fingerprint for recipient in workshop.plan.recipients]


def test_scratch_holds_no_content(workshop: Workshop) -> None:
    secret = b"nobody-reads-this-" * 1000
    workshop.tree.mkdir()
    (workshop.tree / "members.csv").write_bytes(secret)
    workshop.back_up()
    for path in (workshop.base / "scratch").rglob("*"):
        assert not path.is_file() or b"nobody-reads-this" not in path.read_bytes()
    for path in (workshop.base / "stores").rglob("*"):
        assert not path.is_file() or b"nobody-reads-this" not in path.read_bytes()


def test_the_empty_tree(workshop: Workshop) -> None:
    workshop.tree.mkdir()
    workshop.back_up()
    workshop.restore(Wish(asset="site", into=str(workshop.base / "beside")))
    assert list(Path(workshop.base / "beside").iterdir()) == []
