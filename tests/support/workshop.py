"""A node's activities without an agent: a real ledger and journal, real keys, real stores, a clock that tests move."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.activities.backup.job import BackupContext, BackupJob
from intendance.activities.backup.perform import perform as back_up
from intendance.activities.drill.decide import Known
from intendance.activities.drill.job import DrillContext, DrillJob
from intendance.activities.drill.perform import perform as drill
from intendance.activities.inspect.perform import InspectContext, InspectJob
from intendance.activities.inspect.perform import perform as inspect
from intendance.activities.restore.decide import Wish
from intendance.activities.restore.perform import RestoreContext, RestoreJob
from intendance.activities.restore.perform import perform as restore
from intendance.engines import Engine, open_engine
from intendance.ledger.book import Book
from intendance.model.errors import IntendanceError
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.drill import DrillCompleted
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.evidence.restore import RestoreCompleted
from intendance.model.plan import (
    Asset,
    BackupPlan,
    DirectoryStore,
    FilesAsset,
    Node,
    Organisation,
    Plan,
)
from intendance.model.plan import Store as PlannedStore
from intendance.runs import Progress
from intendance.runs.journal import Journal, RunSteps
from intendance.runs.rows import Submission
from intendance.sets.pipe import PipeLimits
from intendance.stores import Store, Use, open_store
from intendance.stores.directory import adopt_store
from tests.support.clock import MovableClock
from tests.support.gnupg import Keys

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SMALL_PARTS = PipeLimits(level=1, threads=1, part_bytes=256 << 10, fed_bytes=2 << 20)
"""Small trees have several parts, however far zstd reads ahead."""


@dataclass
class Workshop:
    """One node with the assets it is given. Each activity is one run of the journal at the clock's time."""

    base: Path
    keys: Keys
    clock: MovableClock = field(default_factory=lambda: MovableClock(NOON))
    assets: dict[str, Asset] = field(default_factory=dict)
    stores: tuple[str, ...] = ("local",)
    further: dict[str, PlannedStore] = field(default_factory=dict)
    progress: list[Progress] = field(default_factory=list)
    opened_by: Callable[[PlannedStore, Use], Store] = open_store

    def __post_init__(self) -> None:
        state = self.base / "state"
        self.book = Book.create(
            state,
            fleet="testing",
            node="web-01",
            openpgp_fingerprint=self.keys.node.fingerprint,
            software="intendance 0",
            clock=self.clock,
        )
        self.journal = Journal(self.book, self.clock)
        self.declare(FilesAsset(name="site", path=str(self.tree), backup=self.backup_plan("full")))
        for name in ("local", "second"):
            adopt_store(self._declared_store(name))

    @property
    def tree(self) -> Path:
        return self.base / "www"

    def declare(self, asset: Asset) -> None:
        self.assets[asset.name] = asset

    def backup_plan(self, kind: str) -> BackupPlan:
        return BackupPlan(kinds={kind: None}, stores=self.stores, retention_days=90)  # type: ignore[dict-item]

    @property
    def plan(self) -> Plan:
        return Plan(
            version=1,
            fleet="testing",
            organisation=Organisation(name="ASBL Exemple", timezone="Europe/Brussels", language="fr"),
            catalogues=("asbl",),
            node=Node(id="web-01"),
            recipients=self.keys.recipients[:2],
            stores={**{name: self._declared_store(name) for name in ("local", "second")}, **self.further},
            assets=self.assets,
            contacts={},
        )

    def open_stores(self, names: Sequence[str] | None = None) -> tuple[Store, ...]:
        stores, use = self.plan.stores, Use(spool=self.base, keep_days=90)
        return tuple(self.opened_by(stores[name], use) for name in names or self.stores)

    def engine(self, asset: str) -> Engine:
        return open_engine(self.assets[asset])

    @contextmanager
    def run(self, asset: str, activity: str, *, again: str | None = None) -> Iterator[RunSteps]:
        """A run under way; on an error it is left as a dead worker leaves it when `again` names it, else failed."""
        if again is None:
            submission = Submission(asset=asset, activity=activity, occurrence=self.clock.at, actor="person:test")
            self.journal.submit(submission)
            name = submission.id
        else:
            name = again
        assert self.journal.claim(name) is not None
        run = self.journal.get(name)
        try:
            yield self.journal.steps(run)
        except IntendanceError as error:
            self.journal.fail(run, error, outcome=None)
            raise
        self.journal.succeed(run)

    def back_up(
        self,
        asset: str = "site",
        kind: str = "full",
        *,
        limits: PipeLimits = SMALL_PARTS,
        later: timedelta | None = None,
    ) -> BackupCompleted:
        """One backup; the clock moves on by a day afterwards (or `later`)."""
        try:
            with self.run(asset, f"backup.{kind}") as steps:
                return back_up(
                    BackupJob(plan=self.plan, asset=asset, kind=kind),  # type: ignore[arg-type]
                    self.backup_context(asset, steps.run),
                    steps,
                    self.progress.append,
                    limits,
                )
        finally:
            self.clock.move(later or timedelta(days=1))

    def backup_context(self, asset: str, run: str) -> BackupContext:
        return BackupContext(
            engine=self.engine(asset),
            stores=self.open_stores(),
            book=self.book,
            gnupg=self.keys.node.home,
            scratch=self.base / "scratch" / run,
            snapshots=self.base / "state" / "agent" / "snapshots" / asset,
            clock=self.clock,
        )

    def inspect(
        self, asset: str = "site", *, deep: bool = False, budget_bytes: int | None = None
    ) -> tuple[InspectionCompleted, ...]:
        """One inspection of all the asset's stores."""
        self.clock.move(timedelta(minutes=1))
        with self.run(asset, "inspect") as steps:
            return inspect(
                InspectJob(plan=self.plan, asset=asset, deep=deep, budget_bytes=budget_bytes),
                InspectContext(stores=self.open_stores(), book=self.book, clock=self.clock),
                steps,
                self.progress.append,
            )

    def restore(self, wish: Wish, *, stores: Sequence[str] | None = None) -> RestoreCompleted:
        """One restore, with the keyring that GNUPGHOME names."""
        self.clock.move(timedelta(minutes=1))
        with self.run(wish.asset, "restore") as steps:
            return restore(RestoreJob(plan=self.plan, wish=wish), self.restore_context(wish.asset, stores), steps,
                           self.progress.append)  # fmt: skip

    def restore_context(self, asset: str, stores: Sequence[str] | None = None) -> RestoreContext:
        return RestoreContext(
            engine=self.engine(asset),
            stores=self.open_stores(stores),
            book=self.book,
            scratch=self.base / "scratch" / "restore",
            clock=self.clock,
            asset_lock=self.base / "state" / "agent" / "locks" / asset,
        )

    def drill(
        self,
        asset: str = "site",
        *,
        point: str | None = None,
        seen: Mapping[int, Known] | None = None,
        store: Store | None = None,
    ) -> DrillCompleted:
        """One drill from the first store, as another host does it that trusts the node's key; below `base/drills`."""
        self.clock.move(timedelta(minutes=1))
        with self.run(asset, "drill") as steps:
            job = DrillJob(fleet="testing", node="web-01", asset=asset, point=point)
            return drill(job, self.drill_context(seen, store), steps, self.progress.append)

    def drill_context(self, seen: Mapping[int, Known] | None = None, store: Store | None = None) -> DrillContext:
        parent = self.base / "drills"
        parent.mkdir(exist_ok=True)
        return DrillContext(
            store=store or self.open_stores()[0],
            store_kind="directory",
            book=self.book,
            by="laptop",
            fingerprint=self.keys.node.fingerprint,
            trust="given",
            manifests={},
            seen=seen or {},
            parent=parent,
            clock=self.clock,
        )

    def folder(self, set_id: str, asset: str = "site", store: str = "local") -> Path:
        """Where a set lies."""
        return self.base / "stores" / store / "testing" / "web-01" / asset / set_id

    def _declared_store(self, name: str) -> DirectoryStore:
        path = self.base / "stores" / name
        path.parent.mkdir(exist_ok=True)
        return DirectoryStore(name=name, path=str(path))


@pytest.fixture
def workshop(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """A workshop in a short folder of its own, with the owner's keyring as the caller's."""
    base = Path(tempfile.mkdtemp(prefix="iw-", dir="/tmp"))
    monkeypatch.setenv("GNUPGHOME", str(keys.owner.home))
    made = Workshop(base=base, keys=keys)
    try:
        yield made
    finally:
        made.book.close()
        shutil.rmtree(base, ignore_errors=True)
