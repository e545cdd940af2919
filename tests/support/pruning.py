"""Stores to prune: real sets whose files are as old as the workshop's clock says, drills, and marks a week old."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from intendance.activities.prune.decide import Looked
from intendance.activities.prune.perform import Place, PruneContext, PruneJob, look, perform
from intendance.ledger.book import Book
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.drill import DrillCompleted, Hardware, Link
from intendance.model.evidence.prune import PruneCompleted
from intendance.runs.journal import Journal
from intendance.runs.rows import Submission
from intendance.sets.retention import Retention
from intendance.stores.directory import DirectoryStore
from intendance.stores.directory_pruning import DirectoryPruner
from tests.support.clock import MovableClock
from tests.support.workshop import Workshop

WEEK = timedelta(days=7, minutes=1)


class ClockedPruner(DirectoryPruner):
    """The real one, on a disk whose time is the tests'."""

    def __init__(self, name: str, root: Path, clock: MovableClock) -> None:
        super().__init__(name, root)
        self._clock = clock

    def now(self) -> datetime:
        super().now()
        return self._clock.at


@dataclass
class Yard:
    """A workshop whose store is pruned: a few days of sets, all read again, the newest drilled."""

    workshop: Workshop
    retention: Retention

    def fill(self, count: int) -> list[BackupCompleted]:
        """One set a day, the last of them a few minutes old, then a deep look and a drill of the newest."""
        made = [self.back_up() for _ in range(count)]
        self.workshop.clock.move(timedelta(days=-1, minutes=5))
        self.workshop.inspect(deep=True)
        self.drill(made[-1])
        return made

    def back_up(self) -> BackupCompleted:
        now = self.workshop.clock.at
        backup = self.workshop.back_up()
        self.touch(self.workshop.folder(backup.set), now)
        return backup

    def touch(self, folder: Path, at: datetime) -> None:
        """Give all files of a folder one time."""
        for path in folder.iterdir():
            os.utime(path, (at.timestamp(), at.timestamp()))

    def drill(self, backup: BackupCompleted) -> None:
        self.workshop.book.append(drill_of(backup), actor="person:test", asset="site")

    def job(self, **changes: object) -> PruneJob:
        (genesis,) = self.workshop.book.facts("genesis", latest=1)
        given: dict[str, object] = {
            "plan": self.workshop.plan,
            "asset": "site",
            "retention": self.retention,
            "trusted": genesis.data.trusted_keys,
            "drills": self.workshop.book.facts("drill.completed", asset="site"),
        }
        return PruneJob(**{**given, **changes})  # type: ignore[arg-type]

    def context(self) -> PruneContext:
        return context(self.workshop.base, self.workshop.book, self.workshop.clock)

    def look(self, **changes: object) -> Looked:
        made = self.context()
        return look(self.job(**changes), made, made.places[0])

    def prune(self, **changes: object) -> PruneCompleted:
        (done,) = prune(self.job(**changes), self.context(), self.workshop.journal)
        return done


def context(base: Path, book: Book, clock: MovableClock) -> PruneContext:
    root = base / "stores" / "local"
    place = Place(store=DirectoryStore("local", root), pruner=ClockedPruner("local", root, clock))
    return PruneContext(places=(place,), book=book, clock=clock)


def prune(job: PruneJob, made: PruneContext, journal: Journal) -> tuple[PruneCompleted, ...]:
    """One run of the journal, as a person at a terminal begins one."""
    clock = made.clock
    assert isinstance(clock, MovableClock)
    clock.move(timedelta(seconds=1))
    submission = Submission(asset="site", activity="prune", occurrence=clock.at, actor="person:test")
    run = journal.begin(submission)
    done = perform(job, made, journal.steps(run), lambda _: None)
    journal.succeed(run)
    return done


def drill_of(backup: BackupCompleted, store: str = "local") -> DrillCompleted:
    """A drill that passed; what it measured does not matter here."""
    return DrillCompleted(
        set=backup.set,
        kind=backup.kind,
        engine=backup.engine,
        store=store,
        store_kind="directory",
        by="laptop",
        fleet="testing",
        node="web-01",
        node_fingerprint="A" * 40,
        trust="ledger",
        sequence=backup.sequence,
        manifest_sha256=backup.manifest_sha256,
        legs=(),
        recovers_to=backup.recovers_to,
        rpo_seconds=60,
        rto_ms=1000,
        source_bytes=backup.source_bytes,
        stored_bytes=backup.stored_bytes,
        hardware=Hardware(cpus=2, cpu="any", memory_bytes=1, scratch="ext4", scratch_free_bytes=1),
        link=Link(fetched_bytes=1, fetch_ms=1),
        sandbox=(),
        restore_sh_sha256="0" * 64,
    )
