"""From encrypted parts in a store to a consumer's input.

store -> gpg, one per part -> SHA-256 -> zstd, one for the stream -> head -> consumer

The ciphertext of each part is read once and hashed before gpg gets it, at most two parts ahead, so that a changed part
stops the restore before any byte of it reaches the consumer. The consumer sees the end of its input only when every
part, every hash and every program was right; else it is killed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path

from intendance.engines import Consumer
from intendance.model.errors import InternalError
from intendance.model.errors.openpgp import DecryptionFailed, NoSecretKey
from intendance.model.errors.pipe import StreamIncomplete
from intendance.model.errors.sets import PartDamaged
from intendance.model.frozen import dataclass
from intendance.runs import Progress, ProgressSink
from intendance.sets.fetched import FetchedPart, fetch_part
from intendance.sets.manifest import Part
from intendance.sets.pipeline import PIECE_BYTES, Pipeline
from intendance.stores import Store
from intendance.system import process
from intendance.system.clock import monotonic_seconds
from intendance.system.openpgp import decrypt_argv
from intendance.system.process import Child

HEAD_BYTES = 65536
_Report = Callable[[int], None]
_AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedStream:
    """A stream that its consumer took whole. The seconds overlap: each is the life of the programs that did it."""

    restored_bytes: int
    fetch_seconds: float
    decrypt_seconds: float
    load_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSource:
    """Where a stream's parts lie: in `store` under `folder` (`<fleet>/<node>/<asset>/<set>`). `recipients` names who
    can decrypt, for messages; `source_bytes` is what must come out, when it is known. `spool` is a folder where
    *ciphertext* may wait that came over a line (None: `/var/tmp`)."""

    store: Store
    folder: str
    parts: Sequence[Part]
    recipients: Sequence[str] = ()
    source_bytes: int | None = None
    spool: Path | None = None


def load_stream(
    source: StreamSource,
    consumer: Consumer,
    *,
    progress: ProgressSink,
    stall_seconds: float = 900.0,
    done_bytes: int = 0,
    total_bytes: int | None = None,
) -> LoadedStream:
    """Decrypt, unpack and hand a stream to the consumer; call it from the main thread, with the caller's GNUPGHOME.

    `done_bytes` were restored by earlier streams, `total_bytes` are expected in all: both only for `progress` (bytes
    before compression). On any failure every child is ended and the first cause raised: what `consumer.finish` raises,
    PartDamaged, NoSecretKey, DecryptionFailed, StreamIncomplete, ProgramFailed, PipeStalled, SpoolFull, and the errors
    of stores.
    """
    if not source.parts:
        raise InternalError(detail=f"the stream {consumer.stream} of {source.folder} has no parts")
    pipeline = Pipeline(consumer.stream, max(stall_seconds, consumer.stall_seconds))
    with closing(_Unpacking(pipeline, source, consumer)) as unpacking, pipeline:
        return unpacking.run(
            lambda moved: progress(Progress(phase="load", done_bytes=done_bytes + moved, total_bytes=total_bytes))
        )


@dataclass(slots=True)
class _PartUnderWay:
    part: Part
    gpg: Child
    started: float
    fed: Callable[[], bool]


class _Unpacking:
    """One stream on its way back; the main thread carries gpg's output to zstd and starts the programs."""

    def __init__(self, pipeline: Pipeline, source: StreamSource, consumer: Consumer) -> None:
        self._pipeline = pipeline
        self._source = source
        self._consumer = consumer
        self._verified = self._begun = 0
        self._fetched: dict[int, FetchedPart] = {}
        self._next: _PartUnderWay | None = None
        self._restored_bytes = 0
        self._fetch_seconds = self._decrypt_seconds = 0.0

    def close(self) -> None:
        """Let go of what was fetched and is not needed any more."""
        for fetched in self._fetched.values():
            fetched.close()

    def run(self, progress: _Report) -> LoadedStream:
        started = monotonic_seconds()
        zstd, target = self._start_programs()
        loaded = self._pipeline.run(lambda: self._load(zstd, target), f"{self._consumer.stream} load")
        self._pipeline.run(self._verify, f"{self._consumer.stream} verify")
        buffer = memoryview(bytearray(PIECE_BYTES))
        for index in range(len(self._source.parts)):
            if self._next is None:
                self._pipeline.wait_until(partial(self._is_verified, index))
                self._next = self._begin(index)
            under_way, self._next = self._next, None
            self._decrypt(under_way, zstd, buffer, progress)
        zstd.stdin.close()
        self._pipeline.wait_until(loaded)
        progress(self._restored_bytes)
        return LoadedStream(
            restored_bytes=self._restored_bytes,
            fetch_seconds=self._fetch_seconds,
            decrypt_seconds=self._decrypt_seconds,
            load_seconds=monotonic_seconds() - started,
        )

    def _start_programs(self) -> tuple[Child, Child]:
        consumer = self._consumer
        target = self._pipeline.add(
            lambda: process.start(
                consumer.argv,
                stdin=subprocess.PIPE,
                extra_environment=consumer.environment,
                pass_fds=consumer.pass_fds,
                cwd=consumer.cwd,
            ),
            consumer.finish,
        )
        unpack = ("zstd", "-q", "-d", "-c")
        zstd = self._pipeline.add(lambda: process.start(unpack, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return zstd, target

    def _verify(self) -> None:
        """Fetch each part and hash its ciphertext, never more than two ahead of what gpg was given."""
        source = self._source
        for index, part in enumerate(source.parts):
            self._pipeline.wait_until(partial(self._may_verify, index))
            started = monotonic_seconds()
            self._fetched[index] = fetch_part(source.store, source.folder, part, self._alive, source.spool)
            self._fetch_seconds += monotonic_seconds() - started
            self._verified = index + 1
            self._pipeline.tell()

    def _alive(self) -> None:
        self._pipeline.moved()
        self._pipeline.check()

    def _is_verified(self, index: int) -> bool:
        return index < self._verified

    def _may_verify(self, index: int) -> bool:
        return index < self._begun + _AHEAD

    def _begin(self, index: int) -> _PartUnderWay:
        """Start gpg for a part whose ciphertext was verified; it fills its pipes until its turn comes."""
        part = self._source.parts[index]
        gpg = self._pipeline.add(
            lambda: process.start(decrypt_argv(), stdin=subprocess.PIPE, stdout=subprocess.PIPE),
            lambda code, stderr: self._explain(part, code, stderr),
        )
        fetched = self._fetched.pop(index)
        fed = self._pipeline.run(lambda: self._feed(fetched, gpg), f"{part.name} feed")
        self._begun = index + 1
        self._pipeline.tell()
        return _PartUnderWay(part=part, gpg=gpg, started=monotonic_seconds(), fed=fed)

    def _feed(self, fetched: FetchedPart, gpg: Child) -> None:
        with closing(fetched):
            for chunk in fetched.chunks():
                self._pipeline.check()
                self._pipeline.write(gpg, chunk)
        gpg.stdin.close()

    def _decrypt(self, under_way: _PartUnderWay, zstd: Child, buffer: memoryview, progress: _Report) -> None:
        """Carry one part's frame to zstd; the next part's gpg starts as soon as its ciphertext is verified."""
        part, gpg = under_way.part, under_way.gpg
        hashed, seen = sha256(), 0
        while count := os.readv(gpg.stdout.fileno(), [buffer]):
            piece = buffer[:count]
            hashed.update(piece)
            seen += count
            self._pipeline.write(zstd, piece)
            progress(self._restored_bytes)
            if self._next is None and self._begun < self._verified:
                self._next = self._begin(self._begun)
        self._pipeline.require_success(gpg)
        self._pipeline.wait_until(under_way.fed)
        if seen != part.plain_bytes or hashed.hexdigest() != part.sha256_plain:
            detail = "it was decrypted, but is not what its manifest lists"
            set_id = self._source.folder.rpartition("/")[2]
            raise PartDamaged(part=part.name, set=set_id, store=self._source.store.name, detail=detail)
        self._decrypt_seconds += monotonic_seconds() - under_way.started
        self._pipeline.release(gpg)

    def _load(self, zstd: Child, target: Child) -> None:
        """zstd's output to the consumer, its head rewritten; the consumer sees the end only when all went well."""
        self._send_head(zstd, target)
        while count := self._splice(zstd, target):
            self._restored_bytes += count
            self._pipeline.moved()
        self._pipeline.require_success(zstd)
        expected = self._source.source_bytes
        if expected is not None and self._restored_bytes != expected:
            raise StreamIncomplete(stream=self._consumer.stream)
        target.stdin.close()
        self._pipeline.require_success(target)

    def _send_head(self, zstd: Child, target: Child) -> None:
        rewrite = self._consumer.head
        if rewrite is None:
            return
        head = bytearray()
        while len(head) < HEAD_BYTES and (more := os.read(zstd.stdout.fileno(), HEAD_BYTES - len(head))):
            head += more
        self._restored_bytes += len(head)
        self._pipeline.check()
        self._pipeline.write(target, rewrite(bytes(head)))

    def _splice(self, zstd: Child, target: Child) -> int:
        try:
            return os.splice(zstd.stdout.fileno(), target.stdin.fileno(), PIECE_BYTES)
        except BrokenPipeError:
            # Linux looks for a reader before it looks for the end: tar may have met its archive's end mark and be gone.
            if os.read(zstd.stdout.fileno(), 1):
                self._pipeline.blame(target)
            return 0

    def _explain(self, part: Part, code: int, stderr: str) -> None:
        if code <= 0:  # a gpg that was killed is told as any killed program: what it said before is not why
            return
        said = [line.removeprefix("gpg: ") for line in stderr.splitlines() if not line.startswith("[GNUPG:]")]
        if any("No secret key" in line for line in said):
            raise NoSecretKey(recipients=", ".join(self._source.recipients) or "other keys")
        raise DecryptionFailed(part=part.name, detail="; ".join(said) or f"gpg ended with code {code}")
