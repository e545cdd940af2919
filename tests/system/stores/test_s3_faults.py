"""Backups into a real bucket over a line that fails, and into one that fails by itself: either they end whole, or
nothing is listed, the record says why, and the next run heals it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from intendance.activities.restore.decide import Wish
from intendance.model.errors import Exit, IntendanceError
from intendance.model.errors.store import StoreRefused, StoreUnreachable
from intendance.model.plan import FilesAsset
from intendance.model.plan import Store as Declared
from intendance.stores import Store, Use, open_store
from intendance.stores.s3.calls import Bucket, Patience
from intendance.stores.s3.store import S3Store
from tests.support.faulty_line import FaultyLine, line_to
from tests.support.radosgw import Shelf, User
from tests.support.trees import snapshot
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg
QUICK = Patience(silence_seconds=10, answer_seconds=20, attempts=6, pause_seconds=0.01)
IMPATIENT = replace(QUICK, silence_seconds=2, answer_seconds=3, slowest_bytes_per_second=1 << 21, attempts=2)
LARGE = 900_000


@dataclass
class Ground:
    """A workshop whose asset goes into a bucket at the end of a faulty line."""

    workshop: Workshop
    shelf: Shelf
    line: FaultyLine
    patience: Patience = QUICK

    def into(self, *stores: str, user: User | None = None) -> None:
        endpoint = f"http://127.0.0.1:{self.line.port}"
        declared = self.shelf.store_of(user or self.shelf.appender, endpoint=endpoint)
        self.workshop.further = {"offsite": declared}
        self.workshop.stores = stores
        plan = self.workshop.backup_plan("full")
        self.workshop.declare(FilesAsset(name="site", path=str(self.workshop.tree), backup=plan))

    def opened(self, declared: Declared, use: Use) -> Store:
        if declared.kind != "s3":
            return open_store(declared, use)
        made = S3Store(Bucket(declared, patience=QUICK), use)
        if self.patience is not QUICK:  # for what is stored alone: before, a busy machine may need longer to answer
            made.put = S3Store(Bucket(declared, patience=self.patience), use).put  # type: ignore[method-assign]
        return made

    def facts(self, kind: str) -> list[Any]:
        return [fact.data for fact in self.workshop.book.facts(kind, asset="site")]

    def listed(self) -> list[str]:
        return [key for key in self.shelf.held() if key.endswith("/MANIFEST.json")]

    def fails(self, error: type[IntendanceError], words: str, *, step: str = "read") -> IntendanceError:
        """A backup fails, says so once in one sentence, and leaves nothing that a listing shows."""
        before = len(self.facts("backup.failed"))
        with pytest.raises(error, match=words) as raised:
            self.workshop.back_up()
        failed, *rest = self.facts("backup.failed")
        assert len(rest) == before
        assert (failed.step, failed.error, failed.message) == (step, raised.value.code, raised.value.message)
        assert failed.next_step
        assert "\n" not in failed.message
        assert raised.value.exit_code is Exit.FAILED
        if step == "read":
            assert self.listed() == []
            assert self.facts("backup.completed") == []
        return raised.value

    def succeeds(self, *, restored: bool = True) -> None:
        """A backup ends whole in the bucket: every byte is read again, and it comes back."""
        made = self.workshop.back_up()
        assert "offsite" in made.stores
        looked = {each.store: each for each in self.workshop.inspect(deep=True)}["offsite"]
        assert (looked.newest[0].set, looked.faulty) == (made.set, 0)
        if restored:
            back = self.workshop.base / "back"
            wish = Wish(asset="site", point=made.set, into=str(back))
            assert self.workshop.restore(wish, stores=("offsite",)).set == made.set
            assert snapshot(back) == snapshot(self.workshop.tree)
        uploads = self.shelf.s3.list_multipart_uploads(Bucket=self.shelf.bucket)
        assert not uploads.get("Uploads"), "an upload was left half done"


@pytest.fixture
def ground(workshop: Workshop, shelf: Shelf) -> Iterator[Ground]:
    workshop.tree.mkdir()
    (workshop.tree / "note").write_text("one")
    (workshop.tree / "photo").write_bytes(os.urandom(LARGE))
    address = urlsplit(shelf.gateway.endpoint)
    assert address.hostname is not None
    assert address.port is not None
    with line_to(address.hostname, address.port) as line:
        made = Ground(workshop, shelf, line)
        workshop.opened_by = made.opened
        made.into("offsite")
        yield made


PASSING: dict[str, Callable[[FaultyLine], Any]] = {
    "cut in mid-part": lambda line: line.cut(after_bytes=150_000, times=2),
    "byte changed on its way": lambda line: line.flip(after_bytes=150_000, times=1),
}
"""Some; `test_s3_line.py` has all."""


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_got_over_within_the_run(ground: Ground, fault: str) -> None:
    harm = PASSING[fault](ground.line)
    ground.succeeds()
    assert harm.seen == harm.times
    assert ground.facts("backup.failed") == []


LASTING: dict[str, tuple[Callable[[FaultyLine], Any], type[IntendanceError], str]] = {
    "cut": (lambda line: line.cut(after_bytes=150_000), StoreUnreachable, r"offsite cannot be reached: \w"),
    "stall": (lambda line: line.stall(after_bytes=150_000), StoreUnreachable, r"offsite cannot be reached: \w"),
    "drip": (lambda line: line.drip(after_bytes=150_000), StoreUnreachable, r"offsite cannot be reached: \w"),
    "500": (lambda line: line.answer("PUT ", 500, "InternalError"), StoreUnreachable, "answered InternalError"),
    "403": (lambda line: line.answer("PUT ", 403, "AccessDenied"), StoreRefused, "AccessDenied"),
    "bytes changed": (lambda line: line.flip(after_bytes=150_000, times=99), StoreUnreachable, "answered BadDigest"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_what_lasts_ends_the_run_and_the_next_one_heals(ground: Ground, fault: str) -> None:
    harm, error, words = LASTING[fault]
    ground.patience = IMPATIENT if fault in {"stall", "drip"} else QUICK
    harm(ground.line)
    ground.fails(error, words)
    ground.line.heal()
    ground.patience = QUICK
    ground.succeeds(restored=False)


def test_a_copy_that_fails_leaves_the_set_where_it_is_whole_and_is_made_good(ground: Ground) -> None:
    ground.into("local", "offsite")
    ground.line.cut(after_bytes=150_000)
    ground.fails(StoreUnreachable, "offsite", step="copy to offsite")
    (made,) = ground.facts("backup.completed")
    assert made.stores == ("local",)
    assert ground.listed() == []
    ground.line.heal()
    ground.succeeds()


def test_a_byte_changed_on_its_way_back_is_found_and_the_next_look_is_whole(ground: Ground) -> None:
    made = ground.workshop.back_up()
    back = ground.workshop.base / "back"
    wish = Wish(asset="site", point=made.set, into=str(back))
    ground.line.flip("down", after_bytes=200_000)
    with pytest.raises(IntendanceError) as raised:
        ground.workshop.restore(wish)
    assert raised.value.exit_code is not Exit.DONE
    assert not back.exists(), "nothing stands where a restore failed"
    ground.line.flip("down", after_bytes=200_000)
    (seen,) = ground.workshop.inspect(deep=True)
    assert (seen.sets, seen.faulty) == (1, 1)
    ground.line.heal()
    (again,) = ground.workshop.inspect(deep=True)
    assert (again.sets, again.faulty) == (1, 0)
    ground.workshop.restore(wish)
    assert snapshot(back) == snapshot(ground.workshop.tree)
