"""Pruning an asset's stores: look, mark, delete what was marked a week ago, record each.

A deletion is recorded as begun before its first byte goes and as completed after its last. A set goes manifest first,
so that from the first moment on nobody lists it; whatever a crash leaves, the next pruning finishes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any

import msgspec

from intendance.activities.prune import decide
from intendance.activities.prune.decide import Looked
from intendance.ledger.book import Book
from intendance.model.errors import IntendanceError
from intendance.model.errors.prune import ClocksApart, PruneCountDiffers
from intendance.model.errors.runs import RunSuperseded
from intendance.model.errors.sets import (
    ManifestForged,
    ManifestInvalid,
    ManifestVersionUnknown,
    SetDamaged,
    SetMissing,
)
from intendance.model.evidence.prune import PruneBegun, PruneCompleted, SetPruned
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.model.verdict import Fact
from intendance.runs import Progress, ProgressSink, Steps
from intendance.sets.fetch import (
    REPLACED,
    Survey,
    absent_parts,
    asset_folder,
    key,
    known_manifest,
    open_manifest,
    survey,
)
from intendance.sets.manifest import MANIFEST, SIGNATURE
from intendance.sets.points import SetInStore, doubted, findings, with_bases
from intendance.sets.retention import Attempt, Retention, StoredSet, View
from intendance.stores import Prunable, Store, StoredObject
from intendance.system.clock import Clock, rfc3339

_INSPECTIONS_READ = 120
"""Inspections of each store that are looked back upon: every set is read again within a month (docs/sets.md)."""

_KINDS = ("prune.marked", "prune.begun", "prune.completed")


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneJob:
    """Prune what the stores hold of an asset. `trusted` are the keys that sign the node's manifests: its own,
    and those that it had before it was rebuilt.

    `drills` are those that any ledger at hand tells of; `holds` are sets that somebody is at work on, with who.
    `confirmed` is how many deletions, in all stores, a person allows in place of the ceiling.
    """

    plan: Plan
    asset: str
    retention: Retention
    trusted: tuple[str, ...]
    by: str = "self"
    drills: Sequence[Fact[Any]] = ()
    holds: Mapping[str, str] = field(default_factory=dict)
    confirmed: int | None = None

    @property
    def prefix(self) -> str:
        """The asset's folder in every store."""
        return asset_folder(self.plan.fleet, self.plan.node.id, self.asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A store to prune: `store` reads; `pruner` deletes, None for a look alone."""

    store: Store
    pruner: Prunable | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneContext:
    """The adapters for one pruning; the caller holds the asset's lock."""

    places: tuple[Place, ...]
    book: Book
    clock: Clock


def perform(job: PruneJob, context: PruneContext, steps: Steps, progress: ProgressSink) -> tuple[PruneCompleted, ...]:
    """Prune every store of the context, one after the other; the last record of each is returned.

    Raises ClocksApart, PruneCountDiffers, and the errors of stores; what was deleted until then is recorded.
    """
    allowed = _allowed(job, context)
    done: list[PruneCompleted] = []
    failures: list[IntendanceError] = []
    for place in context.places:
        try:
            done.append(_Pruning(job, context, place, steps, progress, allowed.get(place.store.name)).perform())
        except RunSuperseded:
            raise
        except IntendanceError as error:  # the other stores are pruned all the same
            failures.append(error)
    if failures:
        raise failures[0]
    return tuple(done)


def _allowed(job: PruneJob, context: PruneContext) -> Mapping[str, int]:
    """How many deletions a person allows in each store, if one does: the number must be that of all that are due.

    Any other number is of something else than what they saw.
    """
    if job.confirmed is None:
        return {}
    due = {place.store.name: look(job, context, place).sets.due for place in context.places}
    if sum(due.values()) != job.confirmed:
        raise PruneCountDiffers(asset=job.asset, confirmed=job.confirmed, due=sum(due.values()))
    return due


def look(job: PruneJob, context: PruneContext, place: Place, allowed: int | None = None) -> Looked:
    """What a pruning of this store would do now, `allowed` deletions in place of the ceiling; nothing is changed.

    Raises ClocksApart and the errors of stores.
    """
    now = context.clock.read().at
    if place.pruner is not None:
        theirs = place.pruner.now()
        if abs(theirs - now) > decide.CLOCKS_APART:
            raise ClocksApart(store=place.store.name, theirs=rfc3339(theirs), ours=rfc3339(now))
        now = theirs
    return _Look(job, context.book, place.store, now).decide(_cut_short(job, place), allowed)


def _cut_short(job: PruneJob, place: Place) -> Mapping[str, list[StoredObject]]:
    """All that the one who may delete sees, by folder: what a listing shows and what it does not."""
    found: dict[str, list[StoredObject]] = {}
    for stored in place.pruner.everything(job.prefix) if place.pruner is not None else ():
        name, _, rest = stored.key.removeprefix(f"{job.prefix}/").partition("/")
        if rest:
            found.setdefault(name, []).append(stored)
    return found


class _Look:
    """One store as it is now, and the ledger's words on it."""

    def __init__(self, job: PruneJob, book: Book, store: Store, now: datetime) -> None:
        self._job = job
        self._book = book
        self._store = store
        self._now = now
        self._completed = {fact.data.set: fact.data for fact in book.facts("backup.completed", asset=job.asset)}

    def decide(self, everything: Mapping[str, list[StoredObject]], allowed: int | None) -> Looked:
        surveyed = survey(self._store, self._job.prefix)
        before = decide.past(
            self._store.name, [fact for kind in _KINDS for fact in self._book.facts(kind, asset=self._job.asset)]
        )
        sets = self._sets(surveyed)
        anywhere, _ = decide.drilled(
            self._store.name, self._job.drills, {each.set: each.manifest_sha256 for each in sets}
        )
        view = View(
            sets=sets,
            retention=self._job.retention,
            now=self._now,
            zone=self._job.plan.organisation.timezone,
            drilled=anywhere,
            marks=before.marks,
            holds=self._job.holds,
            deleted_lately=before.lately(self._now, {each.set for each in sets}),
            allowed=allowed,
        )
        attempts = self._attempts(surveyed, everything)
        looked = decide.look(self._store.name, view, attempts, before, self._completed.keys())
        unkept = {each.stored.set for each in looked.sets.decisions if each.act != "keep"}
        if not unkept:
            return looked
        # Only of what may go is the store asked about locks: that is one question for each set.
        view = replace(view, sets=tuple(self._locked(each) if each.set in unkept else each for each in sets))
        return decide.look(self._store.name, view, attempts, before, self._completed.keys())

    def _locked(self, each: StoredSet) -> StoredSet:
        """With the lock of its manifest, which was stored last and so is locked longest."""
        seen = self._store.head(key(key(self._job.prefix, each.set), MANIFEST))
        return replace(each, lock_until=seen.lock_until)

    def _sets(self, surveyed: Survey) -> tuple[StoredSet, ...]:
        opened: list[SetInStore] = []
        strange: list[StoredSet] = []
        for name, objects in surveyed.complete.items():
            found = self._open(name, objects)
            if isinstance(found, StoredSet):
                strange.append(found)
            else:
                opened.append(found)
        inspections = self._book.facts(
            "inspection.completed", asset=self._job.asset, latest=_INSPECTIONS_READ * len(self._job.plan.stores)
        )
        made = {each.manifest.set: datetime.fromisoformat(each.manifest.completed_at) for each in opened}
        reread = decide.reread(self._store.name, inspections, made)
        hashes = {each.manifest.set: each.manifest_sha256 for each in opened}
        _, drilled_here = decide.drilled(self._store.name, self._job.drills, hashes)
        judged = with_bases(doubted(opened, findings(inspections)))
        return (
            *(self._stored(each, surveyed, verified=reread | drilled_here) for each in judged),
            *strange,
        )

    def _open(self, name: str, objects: Mapping[str, StoredObject]) -> SetInStore | StoredSet:
        known = self._completed.get(name)
        sha256 = None if known is None else known.manifest_sha256
        try:
            opened = known_manifest(self._store, self._job.prefix, name, sha256) or open_manifest(
                self._store, self._job.prefix, name, self._job.trusted
            )
        except (SetMissing, SetDamaged, ManifestForged, ManifestInvalid, ManifestVersionUnknown) as error:
            return _untrusted(name, objects, error.message)
        if sha256 not in (None, opened.sha256):
            return _untrusted(name, objects, REPLACED)
        fault = absent_parts(opened.manifest, objects)
        return SetInStore(store=self._store.name, manifest=opened.manifest, manifest_sha256=opened.sha256, fault=fault)

    def _stored(self, each: SetInStore, surveyed: Survey, *, verified: set[str]) -> StoredSet:
        manifest, objects = each.manifest, surveyed.complete[each.manifest.set]
        return StoredSet(
            set=manifest.set,
            kind=manifest.kind,
            recovers_to=manifest.recovery_instant,
            stored_at=objects[MANIFEST].stored_at,
            manifest_sha256=each.manifest_sha256,
            stored_bytes=sum(stored.size_bytes for stored in objects.values()),
            base=manifest.base.set if manifest.base is not None else None,
            fault=each.fault or each.doubt,
            verified=manifest.set in verified,
        )

    def _attempts(self, surveyed: Survey, everything: Mapping[str, list[StoredObject]]) -> list[Attempt]:
        folders = {name: list(objects.values()) for name, objects in surveyed.incomplete.items()}
        folders |= {name: found for name, found in everything.items() if name not in surveyed.complete}
        return [
            Attempt(
                set=name,
                newest_at=max(stored.stored_at for stored in found),
                stored_bytes=sum(stored.size_bytes for stored in found),
                objects=len(found),
            )
            for name, found in folders.items()
        ]


def _untrusted(name: str, objects: Mapping[str, StoredObject], fault: str) -> StoredSet:
    at = objects[MANIFEST].stored_at
    return StoredSet(
        set=name,
        kind="",
        recovers_to=at,
        stored_at=at,
        manifest_sha256="",
        stored_bytes=sum(stored.size_bytes for stored in objects.values()),
        fault=fault,
        trusted=False,
    )


class _Pruning:
    """One store: its plan is made anew, then marks and deletions follow."""

    def __init__(
        self,
        job: PruneJob,
        context: PruneContext,
        place: Place,
        steps: Steps,
        progress: ProgressSink,
        allowed: int | None,
    ) -> None:
        self._allowed = allowed
        self._job = job
        self._context = context
        self._place = place
        self._steps = steps
        self._progress = progress
        self._committed = 0
        self._done = self._total = 0

    def perform(self) -> PruneCompleted:
        looked = look(self._job, self._context, self._place, self._allowed)
        for evidence in decide.marked(looked, self._job.by):
            self._commit("marked", evidence)
        going = decide.going(looked)
        self._total = sum(each.stored_bytes for each in going)
        left = len(looked.sets.decisions)
        last = None
        for batch in decide.batches((*looked.finished, *going), decide.BATCH):
            for each in batch:
                if each in looked.finished:  # what may be left is an empty folder, which no listing shows
                    self._delete_folder(key(self._job.prefix, each.set))
            self._delete([each for each in batch if each not in looked.finished])
            left -= sum(bool(each.manifest_sha256) and each not in looked.finished for each in batch)
            last = decide.completed(looked, self._job.by, batch, left=left, confirmed=self._allowed)
            self._commit("completed", last)
        if last is None:
            last = decide.completed(looked, self._job.by, (), left=left, confirmed=self._allowed)
            self._commit("completed", last)
        return last

    def _commit(self, what: str, evidence: Any) -> None:
        plan = self._job.plan
        evidence = replace(evidence, fleet=plan.fleet, node=plan.node.id)
        self._committed += 1
        name = f"{what}.{self._place.store.name}.{self._steps.attempt}.{self._committed}"
        self._steps.commit(name, msgspec.to_builtins(evidence), evidence)

    def _delete(self, batch: Sequence[SetPruned]) -> None:
        if not batch:
            return
        self._commit("begun", PruneBegun(store=self._place.store.name, by=self._job.by, sets=tuple(batch)))
        for each in batch:
            self._delete_folder(key(self._job.prefix, each.set))
            self._done += each.stored_bytes
            self._progress(Progress(phase="delete", done_bytes=self._done, total_bytes=self._total))

    def _delete_folder(self, folder: str) -> None:
        """The manifest first, so that a set half deleted is none; then its signature, then the rest."""
        pruner = self._place.pruner
        assert pruner is not None  # noqa: S101 -- a look alone deletes nothing
        for stored in sorted(pruner.everything(folder), key=_manifest_first):
            pruner.delete(stored)
        pruner.tidy(folder)


def _manifest_first(stored: StoredObject) -> tuple[bool, bool, str]:
    name = stored.key.rpartition("/")[2]
    return (name != MANIFEST, name != SIGNATURE, stored.key)
