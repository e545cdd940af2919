"""A drill: one set, back by the product and back by hand, in a sandbox; compared, timed, thrown away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from intendance.activities.drill import by_hand, decide, predict
from intendance.activities.drill.job import DrillContext, DrillJob
from intendance.activities.drill.metered import MeteredStore
from intendance.activities.drill.scratch import require_room, scratch
from intendance.engines import Replays, StreamInSet
from intendance.engines.rehearsing import Rehearsal, rehearse
from intendance.model.errors import IntendanceError
from intendance.model.errors.drill import DrillDiffers, QuestionRefused
from intendance.model.errors.runs import RunSuperseded
from intendance.model.errors.sets import ManifestInvalid, PointFaulty, SetDamaged
from intendance.model.evidence.drill import DrillCompleted, DrillFailed, Hardware, Leg, LegName, Link, Unusable
from intendance.model.evidence.restore import Check, Phases
from intendance.model.frozen import dataclass
from intendance.runs import Progress, ProgressSink, Steps
from intendance.sets import assertions
from intendance.sets.assertions import Assertions
from intendance.sets.fetch import OpenedManifest, altered_papers, key, open_manifest, read_sets
from intendance.sets.manifest import Manifest
from intendance.sets.points import points
from intendance.sets.unpipe import LoadedStream, StreamSource, load_stream
from intendance.system.clock import monotonic_seconds
from intendance.system.machine import cpu_name, file_system, memory_bytes
from intendance.system.sandbox import Sandbox, open_sandbox

STEP = "drill"
_ROOM = 1.5
"""Scratch for one leg at a time, with what a server makes beside its data, for each byte before compression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The set, after the one that it builds on, what the plan asserts of it, and earlier drills, newest first."""

    manifests: tuple[Manifest, ...]
    signers: tuple[str, ...]
    sha256: str
    asserted: Assertions
    passed_over: tuple[Unusable, ...]
    history: tuple[DrillCompleted, ...]

    @property
    def manifest(self) -> Manifest:
        return self.manifests[-1]

    @property
    def stored_bytes(self) -> int:
        return sum(each.stored_bytes for each in self.manifests)

    @property
    def first_bytes(self) -> int:
        streams = [stream for each in self.manifests for stream in each.streams]
        return sum(stream.parts[0].cipher_bytes for stream in streams if stream.parts)

    @property
    def source_bytes(self) -> int:
        return sum(each.source_bytes for each in self.manifests)


def perform(job: DrillJob, context: DrillContext, steps: Steps, progress: ProgressSink) -> DrillCompleted:
    """Drill; `drill.completed` is committed when this returns, and `drill.failed` for each newer set passed over.

    On a failure `drill.failed` is committed and the error raised; a drill that could not run counts as failed. Nothing
    of what was restored is left either way.
    """
    return _Drill(job, context, steps, progress).run()


class _Drill:
    """One drill; `step` says how far it is: `choose`, `lock`, `prepare`, `load`, `replay`, `check`, `fetch`,
    `compare`."""

    def __init__(self, job: DrillJob, context: DrillContext, steps: Steps, progress: ProgressSink) -> None:
        self._job = job
        self._context = context
        self._steps = steps
        self._progress = progress
        self._step = "choose"
        self._leg: LegName | None = None
        self._chosen: _Chosen | None = None
        self._checks: tuple[Check, ...] = ()

    def run(self) -> DrillCompleted:
        try:
            evidence = self._drill()
        except RunSuperseded:
            raise
        except IntendanceError as error:
            self._record_passed_over()
            self._record(error)
            raise
        self._record_passed_over()
        self._steps.commit(STEP, {"set": evidence.set}, evidence)
        return evidence

    def _drill(self) -> DrillCompleted:
        started_at = self._context.clock.read().at
        chosen = self._chosen = self._choose()
        script = [by_hand.require_released(each) for each in chosen.manifests][-1]
        self._step = "lock"
        with scratch(self._context.parent) as folder:
            require_room(folder, round(_ROOM * chosen.source_bytes) + chosen.stored_bytes)
            sandbox = open_sandbox(folder / "in")
            hardware = _hardware(folder)
            restored, content = self._restore(chosen, sandbox)
            self._leg = "by_hand"
            opened, same, link = self._by_hand(chosen, sandbox, folder)
            self._leg = None
            self._step = "compare"
            both = decide.compared(content, same)
            self._require("both legs", (both,))
        manifest = chosen.manifest
        return DrillCompleted(
            set=manifest.set,
            kind=manifest.kind,
            engine=manifest.engine,
            store=self._context.store.name,
            store_kind=self._context.store_kind,
            by=self._context.by,
            fleet=manifest.fleet,
            node=manifest.node,
            node_fingerprint=self._context.fingerprint,
            signed_by="" if chosen.signers[-1] == self._context.fingerprint else chosen.signers[-1],
            ledger=manifest.ledger,
            trust=self._context.trust,
            sequence=manifest.sequence,
            manifest_sha256=chosen.sha256,
            legs=(restored, replace(opened, checks=(*opened.checks, both))),
            recovers_to=manifest.recovers_to,
            rpo_seconds=decide.rpo_seconds(started_at, manifest.recovery_instant),
            rto_ms=restored.phases.total_ms,
            source_bytes=chosen.source_bytes,
            stored_bytes=chosen.stored_bytes,
            hardware=hardware,
            link=link,
            sandbox=sandbox.means,
            restore_sh_sha256=script,
            base=manifest.base.set if manifest.base else None,
            first_bytes=chosen.first_bytes,
            predicted_ms=_predicted_ms(chosen, hardware, link),
            passed_over=chosen.passed_over,
        )

    def _choose(self) -> _Chosen:
        job, context = self._job, self._context
        shelf = read_sets(context.store, job.prefix, context.trusted, context.manifests)
        decide.expect_no_rollback(job.asset, context.store.name, shelf.sets, shelf.unreadable, context.seen)
        history = tuple(
            fact.data
            for fact in context.book.facts("drill.completed", asset=job.asset)
            if (fact.data.fleet, fact.data.node) == (job.fleet, job.node)
        )
        point, over = decide.select(job.asset, points(shelf.sets), shelf.unreadable, history, job.point)
        opened = self._verified(point.set)
        base = opened.manifest.base
        built = (opened,) if base is None else (self._verified(base.set, base.sha256), opened)
        try:
            asserted = assertions.read(opened.manifest.source)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ManifestInvalid(set=point.set, detail="what the plan asserts of it cannot be read") from error
        return _Chosen(
            manifests=tuple(each.manifest for each in built),
            signers=tuple(each.signed_by for each in built),
            sha256=point.manifest_sha256,
            asserted=asserted,
            passed_over=over,
            history=history,
        )

    def _verified(self, name: str, sha256: str | None = None) -> OpenedManifest:
        """The manifest by its signature, whatever a ledger says of it. Raises SetDamaged and what reading it does."""
        store, prefix = self._context.store, self._job.prefix
        opened = open_manifest(store, prefix, name, self._context.trusted)
        known = sha256 or self._context.manifests.get(name, opened.sha256)
        fault = altered_papers(store, prefix, opened.manifest)
        if opened.sha256 != known:
            fault = "its manifest was replaced"
        if fault:
            raise SetDamaged(set=name, store=store.name, detail=fault)
        return opened

    def _restore(self, chosen: _Chosen, sandbox: Sandbox) -> tuple[Leg, dict[str, str]]:
        """The product's own leg: straight from the store, verified, decrypted outside, loaded inside."""
        self._leg = "restore"
        started = monotonic_seconds()
        store = MeteredStore(self._context.store)
        with self._session(chosen, sandbox, by_hand=False) as session:
            session.prepare()
            self._step = "load"
            loaded = self._load(session, store, chosen, sandbox.folder.parent)
            checks, replay_ms, check_ms = self._look(chosen, session)
            total_ms = _ms(started)  # what follows compares both legs, which nobody does who has lost something
            content = dict(session.content())
        phases = Phases(
            fetch_ms=round(1000 * sum(each.fetch_seconds for each in loaded)),
            decrypt_ms=round(1000 * sum(each.decrypt_seconds for each in loaded)),
            load_ms=round(1000 * sum(each.load_seconds for each in loaded)),
            replay_ms=replay_ms,
            check_ms=check_ms,
            total_ms=total_ms,
        )
        restored = sum(each.restored_bytes for each in loaded)
        leg = Leg(name="restore", phases=phases, checks=decide.kept(checks), restored_bytes=restored,
                  read_bytes=store.read_bytes)  # fmt: skip
        return leg, content

    def _by_hand(self, chosen: _Chosen, sandbox: Sandbox, folder: Path) -> tuple[Leg, dict[str, str], Link]:
        self._step = "fetch"
        started = monotonic_seconds()
        link, folders = self._fetch(chosen, folder)
        for (place, manifest), signer in zip(folders, chosen.signers, strict=True):
            by_hand.check(place, manifest, signer)
        self._step = "prepare"
        with self._session(chosen, sandbox, by_hand=True) as session:
            session.prepare()
            self._step = "load"
            moved = self._telling("by_hand", chosen.source_bytes)
            opened = by_hand.open_streams(folders, session, chosen.manifest.recipients, moved)
            checks, replay_ms, check_ms = self._look(chosen, session)
            total_ms = _ms(started)
            content = dict(session.content())
        phases = Phases(
            fetch_ms=link.fetch_ms,
            decrypt_ms=round(1000 * opened.decrypt_seconds),
            load_ms=round(1000 * opened.load_seconds),
            replay_ms=replay_ms,
            check_ms=check_ms,
            total_ms=total_ms,
        )
        leg = Leg(name="by_hand", phases=phases, checks=decide.kept(checks), restored_bytes=chosen.source_bytes,
                  read_bytes=link.fetched_bytes)  # fmt: skip
        return leg, content, link

    def _fetch(self, chosen: _Chosen, folder: Path) -> tuple[Link, list[tuple[Path, Manifest]]]:
        place = folder / "sets"
        place.mkdir(mode=0o700)
        moved = self._telling("fetch", chosen.stored_bytes)
        started = monotonic_seconds()
        folders, store = [], MeteredStore(self._context.store)
        for manifest in chosen.manifests:
            by_hand.fetch(store, self._job.prefix, manifest, place / manifest.set, moved)
            folders.append((place / manifest.set, manifest))
        return Link(fetched_bytes=store.read_bytes, fetch_ms=max(1, _ms(started))), folders

    def _telling(self, phase: str, total_bytes: int) -> Callable[[int], None]:
        """Tells whoever looks on how many bytes have passed in all."""
        done = 0

        def moved(count: int) -> None:
            nonlocal done
            done += count
            self._progress(Progress(phase=phase, done_bytes=done, total_bytes=total_bytes))

        moved(0)
        return moved

    @contextmanager
    def _session(self, chosen: _Chosen, sandbox: Sandbox, *, by_hand: bool) -> Iterator[Rehearsal]:
        """A rehearsal in the sandbox, taken away at the end, whatever happens."""
        self._step = "prepare"
        streams = [
            StreamInSet(name=stream.name, media=stream.media, details=stream.details)
            for each in chosen.manifests
            for stream in each.streams
        ]
        manifest = chosen.manifest
        place = str(sandbox.folder / ("by-hand" if by_hand else "restored"))
        with ExitStack() as cleanup:
            session = rehearse(manifest.engine)(streams, manifest.source, place, sandbox, by_hand=by_hand)
            cleanup.callback(session.close)
            cleanup.callback(session.discard)
            yield session

    def _load(self, session: Rehearsal, store: MeteredStore, chosen: _Chosen, spool: Path) -> list[LoadedStream]:
        held = {stream.name: (each, stream) for each in chosen.manifests for stream in each.streams}
        loaded: list[LoadedStream] = []
        for consumer in session.consumers():
            manifest, stream = held[consumer.stream]
            source = StreamSource(
                store=store,
                folder=key(self._job.prefix, manifest.set),
                parts=stream.parts,
                recipients=manifest.recipients,
                source_bytes=stream.source_bytes,
                spool=spool,
            )
            done = sum(each.restored_bytes for each in loaded)
            total = chosen.source_bytes
            loaded.append(load_stream(source, consumer, progress=self._progress, done_bytes=done, total_bytes=total))
        return loaded

    def _look(self, chosen: _Chosen, session: Rehearsal) -> tuple[tuple[Check, ...], int, int]:
        """Replay, then everything that must be true; milliseconds of both. Raises DrillDiffers."""
        self._step = "replay"
        started = monotonic_seconds()
        if isinstance(session, Replays):
            session.replay()
        replay_ms = _ms(started)
        self._step = "check"
        started = monotonic_seconds()
        checks = [*session.check(), *self._asserted(chosen, session)]
        check_ms = _ms(started)
        self._require(str(self._leg), checks)
        return tuple(checks), replay_ms, check_ms

    def _asserted(self, chosen: _Chosen, session: Rehearsal) -> Iterator[Check]:
        for name in chosen.asserted.holds:
            yield session.holds(name)
        for question in chosen.asserted.questions:
            check = question.check
            try:
                found = session.ask(check.sql, chosen.manifest.recovers_to, check.deadline_seconds)
            except QuestionRefused as refused:
                yield Check(name=check.name or check.sql, ok=False, found=str(refused.params["detail"]))
                continue
            yield decide.judged(question, found)

    def _require(self, leg: str, checks: Sequence[Check]) -> None:
        differing = [f"{check.name}: {check.found}" for check in checks if not check.ok]
        if differing:
            self._checks = decide.kept(checks)
            name = leg.replace("_", " ")
            raise DrillDiffers(set=self._set, leg=name, detail="; ".join(differing)[:1000])

    @property
    def _set(self) -> str:
        return self._chosen.manifest.set if self._chosen is not None else self._job.point or ""

    def _record_passed_over(self) -> None:
        """Each newer set that nobody can use has failed, whatever became of the older one."""
        for each in self._chosen.passed_over if self._chosen is not None else ():
            error = PointFaulty(asset=self._job.asset, point=each.set, fault=each.fault)
            self._steps.commit(f"passed_over.{each.set}", {}, self._failed(error, each.set, "choose"))

    def _record(self, error: IntendanceError) -> None:
        evidence = self._failed(error, self._set, self._step)
        self._steps.commit(f"failed.{self._steps.attempt}", {"error": error.code}, evidence)

    def _failed(self, error: IntendanceError, set_id: str, step: str) -> DrillFailed:
        manifest = self._chosen.manifest if self._chosen is not None else None
        return DrillFailed(
            set=set_id,
            kind=manifest.kind if manifest else "",
            engine=manifest.engine if manifest else "",
            store=self._context.store.name,
            store_kind=self._context.store_kind,
            by=self._context.by,
            fleet=self._job.fleet,
            node=self._job.node,
            leg=(self._leg or "") if set_id == self._set else "",
            step=step,
            error=error.code,
            message=error.message,
            next_step=error.advice,
            checks=self._checks if set_id == self._set else (),
        )


def _predicted_ms(chosen: _Chosen, hardware: Hardware, link: Link) -> int | None:
    load = predict.Load(
        source_bytes=chosen.source_bytes,
        stored_bytes=chosen.stored_bytes,
        first_bytes=chosen.first_bytes,
        link_bytes_per_second=link.fetched_bytes * 1000 / link.fetch_ms,
    )
    seconds = predict.rto_seconds(load, predict.alike(chosen.history, chosen.manifest.kind, hardware))
    return None if seconds is None else round(1000 * seconds)


def _ms(started: float) -> int:
    return round(1000 * (monotonic_seconds() - started))


def _hardware(folder: Path) -> Hardware:
    room = os.statvfs(folder)
    return Hardware(
        cpus=len(os.sched_getaffinity(0)),
        cpu=cpu_name(),
        memory_bytes=memory_bytes(),
        scratch=file_system(folder),
        scratch_free_bytes=room.f_bavail * room.f_frsize,
    )
