"""What is backed up. An engine says what it would read, and gives and takes streams; it knows neither stores nor
encryption.

Adding one: one file here, one line in `ENGINES`, one page in `docs/engines/`; `tests/contract/test_engines.py` runs
on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, cast, runtime_checkable

from intendance.model.errors import InternalError
from intendance.model.evidence.restore import Check
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, BackupKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What stands behind an asset now. `identity` stays the same when the asset is renamed in the plan.

    `estimated_bytes` is the size before compression; `details` goes into the manifest as it is (canonical JSON values
    only).
    """

    engine: str
    version: str
    identity: str
    estimated_bytes: int
    details: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a producer ended: what the set's manifest should list beside the bytes."""

    details: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """A program whose standard output is one stream of a set.

    `stream` names it (`[a-z0-9-]{1,48}`); `media` is `tar`, `sql`, `mbstream` or `sqlite`. `end_marker`, when given,
    must stand in the last 256 bytes of output. After the end, `finish(exit_code, stderr)` returns what to list, or
    raises an error of the engine. `on_stderr` gets each raw line. `last`: no other stream follows, or only a short one.
    """

    stream: str
    media: str
    argv: tuple[str, ...]
    finish: Callable[[int, str], Finished]
    environment: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    cwd: str | None = None
    end_marker: bytes | None = None
    on_stderr: Callable[[bytes], None] | None = None
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A program that takes one restored stream on standard input.

    `head(first_bytes)`, when given, receives the first 64 KiB of the stream (less if it is shorter) and returns what
    to send instead:
    for a dump's own header. `finish(exit_code, stderr)` raises when the load failed. `stall_seconds` is how long it may
    take nothing while it works, where that is longer than the pipe's own bound.
    """

    stream: str
    argv: tuple[str, ...]
    finish: Callable[[int, str], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    cwd: str | None = None
    head: Callable[[bytes], bytes] | None = None
    stall_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInSet:
    """A stream as a set's manifest lists it: what a restore has to work with."""

    name: str
    media: str
    details: dict[str, Any]


class BackupSession(Protocol):
    """One backup in the making; its descriptors and temporary files end with `close`."""

    source: Source

    def next_producer(self) -> Producer | None:
        """The next stream to store, or None when there is nothing more. Asked again only after the last one
        finished."""

    def close(self) -> None: ...


@runtime_checkable
class KeepsSnapshot(Protocol):
    """A backup session that leaves notes for differentials: `snapshot` is a small file, complete once the last producer
    finished. The caller keeps it, under the set's name, as long as the set may be a base."""

    snapshot: Path


class RestoreSession(Protocol):
    """One restore beside the original.

    `prepare` begins it, under a name or with a mark by which nobody can take it for complete (`unfinished` says where),
    and raises DestinationTaken when something stands at the destination. `check` compares what was loaded with the
    manifest's details. `publish`, the last act, makes it durable and gives it its name. `discard` removes what this
    session created (after a failure). Killed at any instant, a restore is either not there or whole under its name.
    """

    destination: str
    unfinished: str

    def prepare(self) -> None: ...
    def consumers(self) -> Sequence[Consumer]: ...
    def check(self) -> tuple[Check, ...]: ...
    def publish(self) -> None: ...
    def discard(self) -> None: ...
    def close(self) -> None: ...


@runtime_checkable
class Replays(Protocol):
    """A restore session whose streams, once loaded, still have to be brought to one instant before `check`."""

    def replay(self) -> None: ...


class Engine(Protocol):
    """Reads and loads one kind of asset. Raises the errors of `model/errors/engine.py`."""

    def look(self) -> Source:
        """What stands there now, without reading its content. Raises SourceUnreachable, SourceMissing, AccessDenied."""

    def back_up(self, kind: BackupKind, scratch: Path, expected_bytes: int | None = None) -> BackupSession:
        """Open a backup of the given kind; `scratch` is an empty private folder for small working files.

        `expected_bytes` is what the last backup of this kind read, when there was one: an engine that could estimate
        only by looking at everything takes that instead.
        """

    def restore(
        self, streams: Sequence[StreamInSet], details: Mapping[str, Any], into: str, scratch: Path
    ) -> RestoreSession:
        """Open a restore of a set's streams into `into`. Raises DestinationUnusable for a destination that it cannot
        take."""


@runtime_checkable
class DifferentialEngine(Protocol):
    """An engine that can store what changed since a full backup. Its streams have names of their own, so that a restore
    is given those of both sets and lays one over the other."""

    def back_up_changes(self, base: Path, scratch: Path, expected_bytes: int) -> BackupSession:
        """Open a differential against the snapshot that a full backup left; `expected_bytes` as for `back_up`, 0 when
        there was none before. Raises BaseUnusable when a full backup has to be made instead."""


@runtime_checkable
class AnswersQuestions(Protocol):
    """An engine that a plan can ask about what stands there now."""

    def ask(self, sql: str, point_time: str, deadline_seconds: int) -> str | None:
        """The one value that a question gives, None for NULL; it only reads. Raises QuestionRefused, and what reaching
        the source raises."""


ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "mariadb": "intendance.engines.mariadb:open_engine",
        "files": "intendance.engines.files:open_engine",
        "sqlite": "intendance.engines.sqlite:open_engine",
    }
)


def open_engine(asset: Asset) -> Engine:
    """The adapter for an asset of the plan; its module is imported only now."""
    path = ENGINES.get(asset.kind)
    if path is None:
        raise InternalError(detail=f"asset kind {asset.kind!r}")
    module, _, function = path.partition(":")
    return cast(Engine, getattr(import_module(module), function)(asset))
