"""A fresh set in the first store: its streams, its papers, its signed manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from intendance import __version__
from intendance.activities.backup import bases, decide
from intendance.activities.backup.asserting import Asserting
from intendance.activities.backup.carrying import Carrying, carry
from intendance.activities.backup.job import BackupContext, BackupJob
from intendance.engines import BackupSession, KeepsSnapshot, Source
from intendance.engines.naming import TellsNames, written
from intendance.ledger.canonical import clean
from intendance.ledger.keys import load_library
from intendance.model.errors.openpgp import KeyUnreadable, NodeKeyMissing, SigningFailed
from intendance.model.errors.process import ProgramFailed
from intendance.model.evidence.backup import BackupCompleted, PacketCheck
from intendance.model.frozen import dataclass
from intendance.runs import ProgressSink, Steps
from intendance.sets import publication
from intendance.sets.fetch import OpenedManifest, key
from intendance.sets.manifest import Base, Manifest, Part, Stream, digest, encode
from intendance.sets.pipe import Beside, PipeLimits, Share, StoredStream, store_stream
from intendance.system import openpgp
from intendance.system.clock import rfc3339
from intendance.system.machine_mark import machine_mark
from intendance.system.openpgp import RecipientHome
from intendance.system.openpgp_signer import Signer
from intendance.system.publish import publish
from intendance.system.redaction import redact


@dataclass(frozen=True, slots=True)
class _Times:
    started_at: str
    recovers_to: str


class Making:
    """One attempt. `step` says how far it is: `look`, `read`, `sign`, `publish`.

    A differential that has no whole base at hand becomes a full backup, and says so in a warning.
    """

    def __init__(self, job: BackupJob, context: BackupContext, steps: Steps, progress: ProgressSink) -> None:
        self.step = "look"
        self._job = job
        self._context = context
        self._steps = steps
        self._progress = progress
        self._store = context.stores[0]
        self._set = decide.set_id(steps.run, steps.attempt)
        self._folder = key(job.prefix, self._set)
        self._kind = job.kind
        self._base: Base | None = None
        self._remark: tuple[str, ...] = ()
        self._node_key = b""
        self._carried = Carrying()
        self._signer: Signer | None = None

    def make(self, home: RecipientHome, limits: PipeLimits) -> tuple[OpenedManifest, PacketCheck]:
        """Everything up to the manifest in the first store. Raises NoRoom, the errors of engines, pipe and stores."""
        started_at = self._now()
        facts = self._context.book.facts("backup.completed", asset=self._job.asset)
        history = [fact.data for fact in facts]
        self._context.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        session, instead = self._open(history)
        try:
            self._require_room(instead or session.source.estimated_bytes, history)
            times = _Times(started_at=started_at, recovers_to=self._now())
            asserted = Asserting(job=self._job, engine=self._context.engine, point_time=times.recovers_to)
            streams = self._read(session, home, limits)
            source = self._carried.added_to(asserted.added_to(session.source))
        finally:
            session.close()
            self._keep_names(session)
        self.step = "sign"
        if self._kind == "full" and isinstance(session, KeepsSnapshot):
            bases.keep(self._context, self._set, session.snapshot)
        made = self._publish(source, streams, decide.next_link(history), times)
        kept = [each.set for each in decide.bases(history, self._store.name)]
        bases.prune(self._context, ([self._set, *kept] if self._kind == "full" else kept)[: bases.KEPT])
        return made

    def _keep_names(self, session: BackupSession) -> None:
        """What is said of single names, in this machine's own file only: it belongs in no record and no manifest."""
        path = self._context.names
        if isinstance(session, TellsNames) and session.told_apart:
            with suppress(OSError):  # no room for names is no reason to lose the set
                publish(path, written(self._set, session.told_apart), mode=0o600, replace=True)
        else:
            path.unlink(missing_ok=True)

    def _open(self, history: Sequence[BackupCompleted]) -> tuple[BackupSession, int]:
        """The session, and for a differential the bytes to expect when none was made before."""
        if self._kind == "differential":
            begun = bases.begin(self._job, self._context, history)
            if isinstance(begun, bases.Begun):
                self._base = begun.base
                return begun.session, begun.base_bytes
            self._kind = "full"
            self._remark = (f"a full backup in place of a differential, which had nothing to build on: {begun}",)
        expected = decide.expected_bytes(self._kind, history)
        return self._context.engine.back_up(self._kind, self._context.scratch, expected), 0

    def _exported(self) -> bytes:
        """The key that will sign, asked for before hours of reading. Raises NodeKeyMissing."""
        context = self._context
        try:
            return openpgp.export_public(context.gnupg, context.fingerprint).encode("ascii")
        except (KeyUnreadable, ProgramFailed):
            raise NodeKeyMissing(fingerprint=context.fingerprint, home=context.gnupg) from None

    def _now(self) -> str:
        return rfc3339(self._context.clock.read().at)

    def _require_room(self, estimated_bytes: int, history: Sequence[BackupCompleted]) -> None:
        projected = decide.projected_bytes(self._kind, history, estimated_bytes)
        free_bytes = self._store.free_bytes()
        decide.require_room(self._job.asset, self._kind, projected, self._store.name, free_bytes)

    def _read(self, session: BackupSession, home: RecipientHome, limits: PipeLimits) -> list[StoredStream]:
        def begun() -> None:
            """While the engine begins: the keys it is encrypted to, what it carries, the key that signs, what signing
            imports."""
            if self.step == "look":
                home.prepare()
                self._carried = carry(self._job.plan, self._context.book, home)
                self._node_key = self._exported()
                load_library()
                self.step = "read"

        streams: list[StoredStream] = []
        while (producer := session.next_producer()) is not None:
            stored = store_stream(
                producer,
                store=self._store,
                prefix=self._folder,
                home=home,
                progress=self._progress,
                limits=limits,
                share=Share(
                    done_bytes=sum(stream.source_bytes for stream in streams),
                    total_bytes=session.source.estimated_bytes or None,
                ),
                beside=Beside(begun=begun, ended=self._prepare_signature if producer.last else lambda: None),
            )
            streams.append(stored)
        return streams

    def _prepare_signature(self) -> None:
        """While the last bytes are compressed, encrypted and stored."""
        with suppress(SigningFailed):  # said when it is signed
            self._signer = Signer(self._context.gnupg, self._context.fingerprint)

    def close(self) -> None:
        """End what waits to sign."""
        if self._signer is not None:
            self._signer.close()

    def _publish(
        self, source: Source, streams: Sequence[StoredStream], link: decide.Link, times: _Times
    ) -> tuple[OpenedManifest, PacketCheck]:
        fingerprint = self._context.fingerprint
        parts = [part for stream in streams for part in stream.parts]
        papers = publication.papers(parts, self._node_key)
        manifest = self._manifest(source, streams, papers, link, times)
        content = encode(manifest)
        signer = self._signer or Signer(self._context.gnupg, fingerprint)
        signature = publication.armored_signature(signer.sign(content), fingerprint)
        self.step = "publish"
        publication.place_papers(self._store, self._folder, papers)
        publication.complete(self._store, self._folder, content, signature)
        return OpenedManifest(manifest=manifest, sha256=digest(content)), _packets(parts, streams)

    def _manifest(
        self,
        source: Source,
        streams: Sequence[StoredStream],
        papers: Mapping[str, bytes],
        link: decide.Link,
        times: _Times,
    ) -> Manifest:
        job, declared = self._job, self._job.declared
        warnings = [
            *self._remark,
            *source.warnings,
            *(warning for stream in streams for warning in stream.finished.warnings),
        ]
        return Manifest(
            fleet=job.plan.fleet,
            node=job.plan.node.id,
            ledger=self._context.book.origin,
            asset=job.asset,
            engine=source.engine,
            engine_version=clean(source.version),
            identity=source.identity,
            first_seen=self._first_seen(times.started_at),
            set=self._set,
            run=self._steps.run,
            attempt=self._steps.attempt,
            kind=self._kind,
            sequence=link.sequence,
            previous=link.previous,
            started_at=times.started_at,
            completed_at=self._now(),
            recovers_to=times.recovers_to,
            source=decide.canonical({**source.details, "machine": machine_mark(job.plan.fleet)}),
            streams=tuple(_stream(stream) for stream in streams),
            files=publication.paper_entries(papers),
            recipients=tuple(recipient.fingerprint for recipient in job.recipients),
            retention_days=declared.backup.retention_days if declared.backup is not None else 0,
            software=f"intendance {__version__}",
            warnings=tuple(clean(redact(warning)) for warning in warnings),
            base=self._base,
        )

    def _first_seen(self, otherwise: str) -> str:
        declared = self._context.book.facts("asset.declared", asset=self._job.asset, latest=1)
        return declared[0].data.first_declared_at if declared else otherwise


def _stream(stored: StoredStream) -> Stream:
    return Stream(
        name=stored.name,
        media=stored.media,
        source_bytes=stored.source_bytes,
        argv=tuple(clean(redact(word)) for word in stored.argv),
        parts=stored.parts,
        details=decide.canonical(stored.finished.details),
    )


def _packets(parts: Sequence[Part], streams: Sequence[StoredStream]) -> PacketCheck:
    """What every part of every stream is encrypted to."""
    common = set.intersection(*(set(stream.recipients) for stream in streams))
    return PacketCheck(parts=len(parts), recipients=tuple(sorted(common)), integrity_protected=True)
