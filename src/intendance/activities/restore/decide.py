"""What a restore will bring back, from where, and how long it may take. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from types import MappingProxyType

from intendance.model.errors.sets import PointFaulty, StreamUnknown
from intendance.model.evidence.restore import Phases, RestoreCompleted
from intendance.model.frozen import dataclass
from intendance.model.plan import BackupKind
from intendance.sets.manifest import Manifest, Stream
from intendance.sets.points import PassedOver, RecoveryPoint, choose, named, passed_over

LOOKED_BACK_UPON = 5
"""Restores of this asset from which the next one's time is predicted: the median of their rates."""


PHYSICAL: BackupKind = "physical"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """One stream to restore; bytes of ciphertext, and before compression."""

    name: str
    set: str
    media: str
    parts: int
    stored_bytes: int
    source_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """What `restore plan` shows and `restore run` does. `target` is None for the newest point.

    `predicted` are milliseconds per phase, None while no restore of this asset has been measured. `base` is the full
    set that is restored first when `set` is a differential; `streams` and sizes are those of both.
    """

    asset: str
    set: str
    kind: str
    engine: str
    engine_version: str
    store: str
    destination: str
    target: datetime | None
    reached: datetime
    streams: tuple[StreamPlan, ...]
    stored_bytes: int
    source_bytes: int
    recipients: tuple[str, ...]
    manifest_sha256: str
    predicted: Phases | None
    warnings: tuple[str, ...]
    base: str | None = None
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for: a point by its id, or the newest one at or before `target`.

    `streams` names those of the set to bring back; empty: all. `together`: the point was chosen by us, as one of a
    site, so that nearer ones that cannot be used are named as if no point had been asked for. A refusal is
    written in the times of `zone`.
    """

    asset: str
    into: str
    point: str | None = None
    target: datetime | None = None
    streams: tuple[str, ...] = ()
    together: bool = False
    zone: str = "UTC"


def select(wish: Wish, points: Sequence[RecoveryPoint], unreadable: Mapping[str, str]) -> RecoveryPoint:
    """The point that answers the wish. Raises NoPointReachable, PointUnknown, PointFaulty."""
    if wish.point is None:
        return choose(fitting(wish, points), wish.asset, wish.target, wish.zone)
    if wish.point in unreadable and all(point.set != wish.point for point in points):
        raise PointFaulty(asset=wish.asset, point=wish.point, fault=unreadable[wish.point].rstrip("."))
    return named(points, wish.asset, wish.point)


def fitting(wish: Wish, points: Sequence[RecoveryPoint]) -> Sequence[RecoveryPoint]:
    """The points to choose from: a physical set holds a whole server and goes into a folder only; where there is
    nothing else, the engine says so."""
    return [point for point in points if point.kind != PHYSICAL or "/" in wish.into] or points


def plan(
    wish: Wish,
    point: RecoveryPoint,
    manifest: Manifest,
    points: Sequence[RecoveryPoint],
    history: Sequence[RestoreCompleted],
    warnings: Sequence[str] = (),
    base: Manifest | None = None,
    unreadable: Mapping[str, str] = MappingProxyType({}),
) -> RestorePlan:
    """The plan for a selected point, from the first of its stores; `history`: this asset's restores, newest first.

    `warnings` are what the caller has to say beside ours; `unreadable`, sets without a trustworthy manifest. Raises
    StreamUnknown.
    """
    ours = wish.point is None or wish.together
    over = passed_over(fitting(wish, points), unreadable, point, wish.target) if ours else ()
    streams = choose_streams(manifest, wish.streams, base)
    source_bytes = sum(stream.source_bytes for stream in streams)
    return RestorePlan(
        asset=point.asset,
        set=point.set,
        kind=point.kind,
        engine=point.engine,
        engine_version=manifest.engine_version,
        store=point.stores[0],
        destination=wish.into,
        target=wish.target,
        reached=point.recovers_to,
        streams=streams,
        stored_bytes=sum(stream.stored_bytes for stream in streams),
        source_bytes=source_bytes,
        recipients=point.recipients,
        manifest_sha256=point.manifest_sha256,
        predicted=predict(source_bytes, [restore for restore in history if restore.kind == point.kind]),
        warnings=(
            *warnings,
            *map(_not_used, over),
            *((f"the latest inspection found it faulty: {point.doubt}",) if point.doubt else ()),
            *(base.warnings if base else ()),
            *manifest.warnings,
        ),
        base=point.base,
        passed_over=over,
    )


def choose_streams(manifest: Manifest, names: Sequence[str], base: Manifest | None = None) -> tuple[StreamPlan, ...]:
    """The streams of that name, those of the base first; all when none is named. Raises StreamUnknown."""
    sets = (manifest,) if base is None else (base, manifest)
    known = [stream.name for each in sets for stream in each.streams]
    for name in names:
        if name not in known:
            raise StreamUnknown(set=manifest.set, stream=name, streams=", ".join(sorted(known)))
    return tuple(
        _stream_plan(each, stream) for each in sets for stream in each.streams if not names or stream.name in names
    )


def predict(source_bytes: int, history: Sequence[RestoreCompleted]) -> Phases | None:
    """Milliseconds per phase for so many bytes, at the median rate of the latest measured restores of its kind."""
    measured = [restore for restore in history if restore.restored_bytes > 0][:LOOKED_BACK_UPON]
    if not measured:
        return None

    def expected(phase: str) -> int:
        rates: list[float] = [getattr(restore.phases, phase) / restore.restored_bytes for restore in measured]
        return round(median(rates) * source_bytes)

    return Phases(
        fetch_ms=expected("fetch_ms"),
        decrypt_ms=expected("decrypt_ms"),
        load_ms=expected("load_ms"),
        replay_ms=expected("replay_ms"),
        check_ms=expected("check_ms"),
        total_ms=expected("total_ms"),
    )


def _stream_plan(manifest: Manifest, stream: Stream) -> StreamPlan:
    return StreamPlan(
        name=stream.name,
        set=manifest.set,
        media=stream.media,
        parts=len(stream.parts),
        stored_bytes=sum(part.cipher_bytes for part in stream.parts),
        source_bytes=stream.source_bytes,
    )


def _not_used(over: PassedOver) -> str:
    return f"{over.set} ({over.recovers_to.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}) is nearer and not used: {over.reason}"
