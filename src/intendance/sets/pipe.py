"""From a producer's output to encrypted parts in a store; nothing unencrypted ever touches a disk.

producer -> feeder -> zstd, one per part -> SHA-256 -> gpg, one per part -> packet check, SHA-256 -> store

The feeder runs in the main thread and moves pages between pipes without copying them (splice). Each part has a thread
that carries zstd's output to gpg, and one that carries gpg's into the store. A part ends once zstd gave 64 MiB of it,
or was fed 1 GiB; what zstd still holds then belongs to it as well. It reads ahead: at level 3 with two threads up to
97 MiB while gpg stalls (zstd 1.5.4, measured), next to nothing while all flows. So parts have 64 MiB, rarely up to
160, except the last and those of data that shrinks more than sixteenfold. The next part begins while the one before
drains; never more than two are under way.
"""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256

from intendance.engines import Finished, Producer
from intendance.model.errors import InternalError
from intendance.model.errors.pipe import StreamIncomplete
from intendance.model.errors.process import ProgramFailed
from intendance.model.errors.sets import CopyDiffers
from intendance.model.frozen import dataclass
from intendance.runs import Progress, ProgressSink
from intendance.sets.manifest import Part, part_name
from intendance.sets.packets import PacketChecker
from intendance.sets.pipeline import PIECE_BYTES, Pipeline
from intendance.stores import Store
from intendance.system import process
from intendance.system.openpgp import RecipientHome
from intendance.system.process import Child

_Report = Callable[[int], None]
_Update = Callable[[memoryview], None]
_MARKER_WITHIN_BYTES = 256
_PARTS_UNDER_WAY = 2
_JOB_BYTES = 8 << 20
"""What zstd with several threads gathers at level 3 before it begins to compress: a shorter stream would wait for its
own end, and be compressed by one thread then."""
_PHASES = {"tar": "pack", "sql": "dump", "sqlite": "dump"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PipeLimits:
    """How a stream is packed: zstd's level and threads, when a part ends (`part_bytes` seen of it, compressed, or
    `fed_bytes` given to it, whichever is first), when a silence is a hang."""

    level: int = 3
    threads: int = 2
    part_bytes: int = 64 << 20
    fed_bytes: int = 1 << 30
    stall_seconds: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A stream's place in the whole: the bytes that earlier streams had, and those that are expected in all."""

    done_bytes: int = 0
    total_bytes: int | None = None

    @property
    def left_bytes(self) -> int | None:
        """What is expected from here on; None when nobody knows, or more came than was expected."""
        left = (self.total_bytes or 0) - self.done_bytes
        return left if left > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What else is done: `begun` once the producer has begun and before anything of it is encrypted, `ended` once it
    has given all of its output and the last of it is still to be compressed, encrypted and stored."""

    begun: Callable[[], None] = lambda: None
    ended: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStream:
    """A stream that is in the store whole. `source_bytes` came from the producer; `recipients` are the primary
    fingerprints of the keys that *every* part was seen to be encrypted to."""

    name: str
    media: str
    argv: tuple[str, ...]
    parts: tuple[Part, ...]
    source_bytes: int
    finished: Finished
    recipients: tuple[str, ...]


def store_stream(
    producer: Producer,
    *,
    store: Store,
    prefix: str,
    home: RecipientHome,
    progress: ProgressSink,
    limits: PipeLimits | None = None,
    share: Share | None = None,
    beside: Beside | None = None,
) -> StoredStream:
    """Run the producer and store its output as `prefix/<stream>-<index>.zst.gpg`; call it from the main thread.

    `share` is for `progress`, and says whether the stream is short. What is done `beside` may prepare `home`. On any
    failure every child is ended and the first cause raised: what `producer.finish` raises, ProgramFailed,
    StreamIncomplete, PacketsRefused, PipeStalled, and the errors of stores. Parts that were stored by then stay there,
    without a manifest.
    """
    chosen, place = limits or PipeLimits(), share or Share()
    with Pipeline(producer.stream, chosen.stall_seconds) as pipeline:
        packing = _Packing(pipeline, producer, _Target(store, prefix, home, chosen, place.left_bytes))
        return packing.run(lambda moved: progress(_progress(producer, place, moved)), beside or Beside())


def _progress(producer: Producer, share: Share, moved: int) -> Progress:
    phase = _PHASES.get(producer.media, "pack")
    return Progress(phase=phase, done_bytes=share.done_bytes + moved, total_bytes=share.total_bytes)


@dataclass(frozen=True, slots=True)
class _Target:
    store: Store
    prefix: str
    home: RecipientHome
    limits: PipeLimits
    expected_bytes: int | None = None

    def compress_argv(self, *, first: bool) -> tuple[str, ...]:
        """zstd for a part. A stream that is expected to be short is compressed while it comes; should it be long after
        all, its further parts have all threads."""
        short = first and self.expected_bytes is not None and self.expected_bytes < _JOB_BYTES
        threads = "--single-thread" if short else f"-T{self.limits.threads}"
        return ("zstd", "-q", f"-{self.limits.level}", threads, "-c")


@dataclass(slots=True)
class _PartUnderWay:
    """One part between zstd and the store; `frame_bytes` grows while zstd gives them."""

    name: str
    zstd: Child
    gpg: Child
    frame_bytes: int = 0
    frame_sha256: str = ""
    cipher_bytes: int = 0
    recipients: tuple[str, ...] = ()
    stored: Part | None = None
    encrypted: Callable[[], bool] = lambda: False
    in_store: Callable[[], bool] = lambda: False


class _Packing:
    """One stream on its way; all but the parts' own threads happens in the main thread."""

    def __init__(self, pipeline: Pipeline, producer: Producer, target: _Target) -> None:
        self._pipeline = pipeline
        self._producer = producer
        self._target = target
        self._under_way: list[_PartUnderWay] = []
        self._stored: list[Part] = []
        self._recipients: tuple[str, ...] = ()
        self._source_bytes = 0
        self._buffer = memoryview(bytearray(PIECE_BYTES if producer.end_marker is not None else 0))
        self._tail = b""

    def run(self, progress: _Report, beside: Beside) -> StoredStream:
        source = self._start_producer()
        beside.begun()
        part = self._begin_part()
        while self._fill(source, part, progress):
            part.zstd.stdin.close()
            if not self._has_more(source):
                break
            part = self._begin_part()
        beside.ended()
        finished = self._finish(source)
        part.zstd.stdin.close()
        while self._under_way:
            self._settle_oldest()
        progress(self._source_bytes)
        return StoredStream(
            name=self._producer.stream,
            media=self._producer.media,
            argv=self._producer.argv,
            parts=tuple(self._stored),
            source_bytes=self._source_bytes,
            finished=finished,
            recipients=self._recipients,
        )

    def _start_producer(self) -> Child:
        producer = self._producer
        return self._pipeline.add(
            lambda: process.start(
                producer.argv,
                stdout=subprocess.PIPE,
                extra_environment=producer.environment,
                pass_fds=producer.pass_fds,
                cwd=producer.cwd,
                on_stderr=producer.on_stderr,
            )
        )

    def _begin_part(self) -> _PartUnderWay:
        if len(self._under_way) == _PARTS_UNDER_WAY:
            self._settle_oldest()
        compress = self._target.compress_argv(first=not (self._stored or self._under_way))
        encrypt = self._target.home.encrypt_argv()
        part = _PartUnderWay(
            name=part_name(self._producer.stream, len(self._stored) + len(self._under_way)),
            zstd=self._pipeline.add(lambda: process.start(compress, stdin=subprocess.PIPE, stdout=subprocess.PIPE)),
            gpg=self._pipeline.add(lambda: process.start(encrypt, stdin=subprocess.PIPE, stdout=subprocess.PIPE)),
        )
        self._under_way.append(part)
        part.encrypted = self._pipeline.run(lambda: self._encrypt(part), f"{part.name} encrypt")
        part.in_store = self._pipeline.run(lambda: self._store(part), f"{part.name} store")
        return part

    def _settle_oldest(self) -> None:
        """Wait until the oldest part under way is in the store, and let go of what carried it."""
        part = self._under_way[0]
        self._pipeline.wait_until(lambda: part.encrypted() and part.in_store())
        self._under_way.pop(0)
        self._pipeline.release(part.zstd, part.gpg)
        if part.stored is None:
            raise InternalError(detail=f"{part.name} ended without being stored")
        self._stored.append(part.stored)
        self._recipients = part.recipients

    def _fill(self, source: Child, part: _PartUnderWay, progress: _Report) -> bool:
        """Feed a part until it is full (True) or the producer has ended (False)."""
        move = self._splice if self._producer.end_marker is None else self._copy
        told = began = self._source_bytes
        limits = self._target.limits
        while count := move(source, part.zstd):
            self._source_bytes += count
            self._pipeline.moved()
            if self._source_bytes - told >= PIECE_BYTES:
                told = self._source_bytes
                progress(told)
            if part.frame_bytes >= limits.part_bytes or self._source_bytes - began >= limits.fed_bytes:
                return True
        self._pipeline.check()
        return False

    def _splice(self, source: Child, zstd: Child) -> int:
        try:
            return os.splice(source.stdout.fileno(), zstd.stdin.fileno(), PIECE_BYTES)
        except BrokenPipeError:
            self._pipeline.blame(zstd)
            return 0

    def _copy(self, source: Child, zstd: Child) -> int:
        """As `_splice`, for a producer whose last bytes must be seen."""
        count = os.readv(source.stdout.fileno(), [self._buffer])
        piece = self._buffer[:count]
        self._tail = (self._tail + bytes(piece[-_MARKER_WITHIN_BYTES:]))[-_MARKER_WITHIN_BYTES:]
        self._pipeline.write(zstd, piece)
        return count

    def _has_more(self, source: Child) -> bool:
        """Wait until the producer gives more, or has ended: no part is begun for nothing."""
        poll = select.poll()
        poll.register(source.stdout, select.POLLIN)
        [(_, events)] = poll.poll()
        self._pipeline.check()
        return bool(events & select.POLLIN)

    def _finish(self, source: Child) -> Finished:
        """The producer has ended: judge how, before the last part is let through."""
        code = source.wait()
        self._pipeline.check()
        finished = self._producer.finish(code, source.stderr())
        if code < 0:
            raise ProgramFailed(program=source.program, code=code, detail=source.stderr() or "it was killed")
        marker = self._producer.end_marker
        if marker is not None and marker not in self._tail:
            raise StreamIncomplete(stream=self._producer.stream)
        return finished

    def _encrypt(self, part: _PartUnderWay) -> None:
        """zstd's output to gpg's input, hashed; gpg sees the end only when zstd has ended well."""
        hashed = sha256()
        buffer = memoryview(bytearray(PIECE_BYTES))
        while count := os.readv(part.zstd.stdout.fileno(), [buffer]):
            piece = buffer[:count]
            part.frame_bytes += count
            hashed.update(piece)
            self._pipeline.write(part.gpg, piece)
        self._pipeline.require_success(part.zstd)
        part.frame_sha256 = hashed.hexdigest()
        part.gpg.stdin.close()

    def _store(self, part: _PartUnderWay) -> None:
        hashed = sha256()
        key = f"{self._target.prefix}/{part.name}"
        stored = self._target.store.put(key, self._ciphertext(part, hashed.update))
        if stored.size_bytes != part.cipher_bytes:
            detail = f"the store says it has {stored.size_bytes} bytes, and {part.cipher_bytes} were given to it"
            raise CopyDiffers(part=part.name, store=self._target.store.name, detail=detail)
        part.stored = Part(
            name=part.name,
            plain_bytes=part.frame_bytes,
            cipher_bytes=part.cipher_bytes,
            sha256_plain=part.frame_sha256,
            sha256_cipher=hashed.hexdigest(),
        )

    def _ciphertext(self, part: _PartUnderWay, hashed: _Update) -> Iterator[memoryview]:
        """gpg's output once its header has passed; ends only when every stage of the part has ended well."""
        checker = PacketChecker(self._target.home.key_ids)
        buffer = memoryview(bytearray(PIECE_BYTES))
        filled = 0
        while count := os.readv(part.gpg.stdout.fileno(), [buffer[filled:]]):
            self._pipeline.moved()
            checker.feed(buffer[filled : filled + count])
            filled += count
            part.cipher_bytes += count
            if checker.accepted and filled > PIECE_BYTES // 2:
                hashed(buffer[:filled])
                yield buffer[:filled]
                filled = 0
        self._pipeline.require_success(part.gpg)
        part.recipients = checker.finish()
        hashed(buffer[:filled])
        yield buffer[:filled]
        self._pipeline.check()
