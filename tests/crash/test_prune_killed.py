"""A real pruning killed with SIGKILL at every boundary: what is listed is whole, and the next one finishes it."""

from __future__ import annotations

import functools
import os
import pickle
import shutil
import signal
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intendance.activities.inspect.perform import InspectContext, InspectJob
from intendance.activities.inspect.perform import perform as inspect
from intendance.activities.prune.perform import PruneJob
from intendance.ledger.book import Book
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.runs.journal import Journal
from intendance.runs.rows import Submission
from intendance.sets.fetch import survey
from intendance.sets.retention import ATTEMPT_DEAD_AFTER, Retention
from intendance.stores.directory import DirectoryStore
from intendance.stores.directory_pruning import DirectoryPruner
from tests.support.clock import MovableClock
from tests.support.pruning import WEEK, Yard, context, prune
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg
HOME = "testing/web-01/site"


class Boundaries:
    """Counts what is passed; the fatal one is the last."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.passed = 0

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(real)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self()
            answer = real(*args, **kwargs)
            self()
            return answer

        setattr(owner, name, counted)


def fragile(base: Path, job: PruneJob, clock: MovableClock, fatal: int) -> tuple[int, int]:
    """Prune in a child that dies at a boundary (0: it lives); how it ended, and how many boundaries it passed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            boundaries = Boundaries(fatal)
            boundaries.around(DirectoryPruner, "delete")
            boundaries.around(DirectoryPruner, "tidy")
            boundaries.around(Journal, "commit_step")
            with Book.open(base / "state", clock) as book:
                prune(job, context(base, book, clock), Journal(book, clock))
            os.write(writer, str(boundaries.passed).encode())
            code = 0
        except BaseException:  # noqa: BLE001 -- a child of a test never returns into it
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        passed = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), int(passed or b"0")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def look_again(base: Path, workshop: Workshop, book: Book, clock: MovableClock) -> InspectionCompleted:
    clock.move(timedelta(minutes=1))
    journal = Journal(book, clock)
    run = journal.begin(Submission(asset="site", activity="inspect", occurrence=clock.at, actor="person:test"))
    made = InspectContext(stores=(DirectoryStore("local", base / "stores/local"),), book=book, clock=clock)
    (seen,) = inspect(InspectJob(plan=workshop.plan, asset="site", deep=True), made, journal.steps(run), lambda _: None)
    return seen


def test_killed_at_every_boundary_a_pruning_is_finished_by_the_next(workshop: Workshop, tmp_path: Path) -> None:
    workshop.tree.mkdir()
    (workshop.tree / "index.php").write_bytes(b"<?php echo 1;\n" * 100)
    yard = Yard(workshop, Retention(points_days=2))
    made = [each.set for each in yard.fill(4)]
    dead = workshop.folder("site.backup-full.20260101T020000Z.1")
    dead.mkdir()
    (dead / "tree-00000.zst.gpg").write_bytes(b"x")
    yard.touch(dead, workshop.clock.at - ATTEMPT_DEAD_AFTER)
    yard.prune()
    workshop.clock.move(WEEK)
    job: PruneJob = pickle.loads(pickle.dumps(yard.job()))
    workshop.book.close()

    def copy(number: int) -> tuple[Path, MovableClock]:
        base = tmp_path / str(number)
        for name in ("state", "stores"):
            shutil.copytree(workshop.base / name, base / name)
        return base, MovableClock(workshop.clock.at, mono_ns=workshop.clock.mono_ns)

    base, clock = copy(0)
    code, boundaries = fragile(base, job, clock, 0)
    assert code == 0
    assert boundaries >= 20, "two records, a set of six files and its folder, an attempt and its folder"
    for fatal in range(1, boundaries + 1):
        base, clock = copy(fatal)
        assert fragile(base, job, clock, fatal)[0] == -signal.SIGKILL
        store = DirectoryStore("local", base / "stores/local")
        listed = survey(store, HOME)
        whole = names(base / "stores/local" / HOME / made[-1])
        assert all(set(objects) == whole for objects in listed.complete.values()), f"boundary {fatal}"
        assert set(made[1:]) <= set(listed.complete), f"boundary {fatal}"
        with Book.open(base / "state", clock) as book:
            if fatal % 5 == 1:  # whatever was broken off, nobody is told that a set was stolen
                assert look_again(base, workshop, book, clock).faulty == 0, f"boundary {fatal}"
            clock.move(timedelta(hours=1))
            prune(job, context(base, book, clock), Journal(book, clock))
            gone = [each.set for fact in book.facts("prune.completed", asset="site") for each in fact.data.sets]
        assert sorted(gone) == sorted({made[0], dead.name}), f"boundary {fatal}: each is recorded once"
        assert names(base / "stores/local" / HOME) == set(made[1:]), f"boundary {fatal}"
        shutil.rmtree(base)
