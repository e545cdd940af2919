"""Restoring a recovery point beside the original: proven before use, loaded, compared; or taken away again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from intendance.activities.restore import decide
from intendance.activities.restore.decide import RestorePlan, Wish
from intendance.engines import Engine, Replays, RestoreSession, StreamInSet
from intendance.ledger.book import Book
from intendance.model.errors import Exit, IntendanceError
from intendance.model.errors.runs import RunSuperseded
from intendance.model.errors.sets import RestoreDiffers, SetDamaged
from intendance.model.errors.store import StoreRefused, StoreUnreachable
from intendance.model.evidence.restore import Check, Phases, RestoreCompleted, RestoreFailed
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.runs import ProgressSink, Steps
from intendance.sets.fetch import Shelf, altered_papers, asset_folder, key, open_manifest, read_sets
from intendance.sets.manifest import Manifest
from intendance.sets.points import LATEST_PER_STORE, RecoveryPoint, SetInStore, doubted, findings, points
from intendance.sets.unpipe import LoadedStream, StreamSource, load_stream
from intendance.stores import Store
from intendance.system import lock
from intendance.system.clock import Clock, monotonic_seconds, rfc3339

STEP = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePart:
    """The site that an asset is restored for: it is made in the folder `made_in`, which then becomes `destination`."""

    site: str
    made_in: str
    destination: str

    def named(self, text: str) -> str:
        """A text with the places that it names as they will be."""
        return text.replace(self.made_in, self.destination)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreJob:
    """Restore what the wish says of one asset of the plan in force; `part`: for a site, which takes everything away
    again when one of its assets fails."""

    plan: Plan
    wish: Wish
    part: SitePart | None = None

    @property
    def prefix(self) -> str:
        """The asset's folder in every store."""
        return asset_folder(self.plan.fleet, self.plan.node.id, self.wish.asset)

    @property
    def destination(self) -> str:
        """Where the data will stand in the end."""
        return self.wish.into if self.part is None else self.part.named(self.wish.into)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreContext:
    """The adapters for one restore. `stores` are those to choose from, the preferred first.

    `asset_lock` is taken here for the length of `perform`; `scratch` is a private folder, made here when it does not
    exist and left to the caller to remove. Decrypting takes the caller's own keyring.
    """

    engine: Engine
    stores: tuple[Store, ...]
    book: Book
    scratch: Path
    clock: Clock
    asset_lock: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan with what it rests on: the store that it takes the set from, the manifest, and that of its base, if it
    has one."""

    plan: RestorePlan
    store: Store
    manifest: Manifest
    base: Manifest | None = None


def prepare(job: RestoreJob, context: RestoreContext) -> Prepared:
    """What a restore would do now; nothing is decrypted or created.

    Raises NoPointReachable, PointUnknown, PointFaulty, StreamUnknown, and the errors of the stores when none of them
    can be read.
    """
    sets, unreadable, silent = _shelves(job, context)
    candidates = points(sets)
    point = decide.select(job.wish, candidates, unreadable)
    chosen = next(each for each in sets if each.manifest.set == point.set and each.store == point.stores[0])
    history = [fact.data for fact in context.book.facts("restore.completed", asset=job.wish.asset, latest=50)]
    base = _base_of(chosen, sets)
    plan = decide.plan(
        job.wish, point, chosen.manifest, candidates, history, warnings=silent, base=base, unreadable=unreadable
    )
    store = next(store for store in context.stores if store.name == plan.store)
    return Prepared(plan=plan, store=store, manifest=chosen.manifest, base=base)


def candidates(job: RestoreJob, context: RestoreContext) -> Sequence[RecoveryPoint]:
    """The points that a restore into that destination can choose from. Raises the errors of the stores when none of
    them can be read."""
    sets, _, _ = _shelves(job, context)
    return decide.fitting(job.wish, points(sets))


def perform(job: RestoreJob, context: RestoreContext, steps: Steps, progress: ProgressSink) -> RestoreCompleted:
    """Restore beside; `restore.completed` is committed when this returns.

    On a failure what was created is removed, `restore.failed` is committed (not for a wish that cannot be met) and the
    error raised. Only when the data came back whole and its content is not what the manifest counted is it left in
    place, and said so: RestoreDiffers.
    """
    done = steps.memo(STEP)
    if done is not None:
        return msgspec.convert(done, RestoreCompleted)
    with lock.held(context.asset_lock, purpose=f"Restoring {job.wish.asset}"):
        return _Restore(job, context, steps, progress).run()


class _Restore:
    """One restore; `step` says how far it is: `choose`, `verify`, `prepare`, `load`, `replay`, `check`,
    `publish`."""

    def __init__(self, job: RestoreJob, context: RestoreContext, steps: Steps, progress: ProgressSink) -> None:
        self._job = job
        self._context = context
        self._steps = steps
        self._progress = progress
        self._step = "choose"
        self._prepared: Prepared | None = None
        self._left_behind = ""

    def run(self) -> RestoreCompleted:
        try:
            evidence = self._restore()
        except RunSuperseded:
            raise
        except IntendanceError as error:
            if error.exit_code != Exit.USAGE:
                self._record(error)
            raise
        self._steps.commit(STEP, msgspec.to_builtins(evidence), evidence)
        return evidence

    def _restore(self) -> RestoreCompleted:
        started = monotonic_seconds()
        prepared = self._prepared = prepare(self._job, self._context)
        self._step = "verify"
        manifests = self._verify(prepared)
        self._step = "prepare"
        names = {stream.name for stream in prepared.plan.streams}
        self._context.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        session = self._context.engine.restore(
            [
                StreamInSet(name=stream.name, media=stream.media, details=stream.details)
                for manifest in manifests
                for stream in manifest.streams
                if stream.name in names
            ],
            prepared.manifest.source,
            self._job.wish.into,
            self._context.scratch,
        )
        try:
            with self._discarding(session):
                session.prepare()
                self._step = "load"
                loaded = self._load(session, prepared.store, manifests)
                self._step = "replay"
                replaying = monotonic_seconds()
                if isinstance(session, Replays):
                    session.replay()
                replay_seconds = monotonic_seconds() - replaying
                self._step = "check"
                checking = monotonic_seconds()
                checks = session.check()
                check_seconds = monotonic_seconds() - checking
                self._step = "publish"
                session.publish()
            phases = _phases(loaded, replay_seconds, check_seconds, monotonic_seconds() - started)
            self._require(checks, session.destination)
        finally:
            session.close()
        return self._evidence(prepared.plan, session.destination, loaded, checks, phases)

    def _verify(self, prepared: Prepared) -> tuple[Manifest, ...]:
        """The manifests again, the base's first, this time whatever the ledger says of them: signature, papers, the
        plan's own hash."""
        plan, base = prepared.plan, prepared.manifest.base
        itself = self._verify_set(prepared.store, plan.set, plan.manifest_sha256)
        return (itself,) if base is None else (self._verify_set(prepared.store, base.set, base.sha256), itself)

    def _verify_set(self, store: Store, name: str, sha256: str) -> Manifest:
        (genesis,) = self._context.book.facts("genesis", latest=1)
        opened = open_manifest(store, self._job.prefix, name, genesis.data.trusted_keys)
        fault = altered_papers(store, self._job.prefix, opened.manifest)
        if opened.sha256 != sha256:
            fault = "its manifest changed while it was being read"
        if fault:
            raise SetDamaged(set=name, store=store.name, detail=fault)
        return opened.manifest

    def _load(self, session: RestoreSession, store: Store, manifests: Sequence[Manifest]) -> list[LoadedStream]:
        held = {stream.name: (manifest, stream) for manifest in manifests for stream in manifest.streams}
        consumers = session.consumers()
        total = sum(held[consumer.stream][1].source_bytes for consumer in consumers)
        loaded: list[LoadedStream] = []
        for consumer in consumers:
            manifest, stream = held[consumer.stream]
            source = StreamSource(
                store=store,
                folder=key(self._job.prefix, manifest.set),
                parts=stream.parts,
                recipients=manifest.recipients,
                source_bytes=stream.source_bytes,
                spool=self._context.scratch,
            )
            done = sum(each.restored_bytes for each in loaded)
            loaded.append(load_stream(source, consumer, progress=self._progress, done_bytes=done, total_bytes=total))
        return loaded

    @contextmanager
    def _discarding(self, session: RestoreSession) -> Iterator[None]:
        """Whatever goes wrong inside, what the session created is taken away again."""
        try:
            yield
        except BaseException:
            self._left_behind = f"{session.unfinished}, incomplete"
            session.discard()
            self._left_behind = ""
            raise

    def _require(self, checks: tuple[Check, ...], destination: str) -> None:
        differing = [f"{check.name}: {check.found}" for check in checks if not check.ok]
        if differing:
            if self._job.part is None:
                self._left_behind = f"{destination}, whole as it was stored, and not as it was counted"
            raise RestoreDiffers(destination=destination, detail="; ".join(differing))

    def _evidence(
        self,
        plan: RestorePlan,
        destination: str,
        loaded: list[LoadedStream],
        checks: tuple[Check, ...],
        phases: Phases,
    ) -> RestoreCompleted:
        return RestoreCompleted(
            set=plan.set,
            kind=plan.kind,
            engine=plan.engine,
            store=plan.store,
            destination=self._named(destination),
            target=rfc3339(plan.target) if plan.target is not None else "newest",
            reached=rfc3339(plan.reached),
            restored_bytes=sum(each.restored_bytes for each in loaded),
            phases=phases,
            checks=tuple(Check(name=each.name, ok=each.ok, found=self._named(each.found)) for each in checks),
            site=self._job.part.site if self._job.part else None,
        )

    def _named(self, text: str) -> str:
        """A text with the places that it names as they will be."""
        return text if self._job.part is None else self._job.part.named(text)

    def _record(self, error: IntendanceError) -> None:
        plan = self._prepared.plan if self._prepared is not None else None
        evidence = RestoreFailed(
            set=plan.set if plan else (self._job.wish.point or ""),
            engine=self._job.plan.assets[self._job.wish.asset].kind,
            store=plan.store if plan else "",
            destination=self._named(self._job.wish.into),
            step=self._step,
            error=error.code,
            message=self._named(error.message),
            next_step=error.advice,
            left_behind=self._left_behind,
            site=self._job.part.site if self._job.part else None,
        )
        self._steps.commit(f"failed.{self._steps.attempt}", {"error": error.code}, evidence)


def _base_of(chosen: SetInStore, sets: Sequence[SetInStore]) -> Manifest | None:
    """The base's manifest, which lies in the same store: else the point would have been faulty."""
    base = chosen.manifest.base
    if base is None:
        return None
    return next(each.manifest for each in sets if (each.store, each.manifest_sha256) == (chosen.store, base.sha256))


def _shelves(job: RestoreJob, context: RestoreContext) -> tuple[list[SetInStore], dict[str, str], list[str]]:
    """All sets of all stores that answer, what cannot be read of them, and the stores that do not answer."""
    completed = context.book.facts("backup.completed", asset=job.wish.asset)
    known = {fact.data.set: fact.data.manifest_sha256 for fact in completed}
    (genesis,) = context.book.facts("genesis", latest=1)
    shelves: list[Shelf] = []
    silent: list[IntendanceError] = []
    for store in context.stores:
        try:
            shelves.append(read_sets(store, job.prefix, genesis.data.trusted_keys, known))
        except (StoreRefused, StoreUnreachable) as error:
            silent.append(error)
    if silent and not shelves:
        raise silent[0]
    inspections = context.book.facts(
        "inspection.completed", asset=job.wish.asset, latest=LATEST_PER_STORE * len(shelves)
    )
    return (
        [*doubted((each for shelf in shelves for each in shelf.sets), findings(inspections))],
        {name: fault for shelf in shelves for name, fault in shelf.unreadable.items()},
        [error.message for error in silent],
    )


def _phases(loaded: list[LoadedStream], replay_seconds: float, check_seconds: float, total_seconds: float) -> Phases:
    return Phases(
        fetch_ms=round(1000 * sum(each.fetch_seconds for each in loaded)),
        decrypt_ms=round(1000 * sum(each.decrypt_seconds for each in loaded)),
        load_ms=round(1000 * sum(each.load_seconds for each in loaded)),
        replay_ms=round(1000 * replay_seconds),
        check_ms=round(1000 * check_seconds),
        total_ms=round(1000 * total_seconds),
    )
