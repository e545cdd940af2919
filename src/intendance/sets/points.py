"""Recovery points: the instants that the sets in the stores reach, and the choice among them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from intendance.model.errors.sets import NoPointReachable, PointFaulty, PointUnknown
from intendance.sets.manifest import Base, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInStore:
    """A set as one store holds it. `fault` is empty, or says in English why it cannot be relied upon."""

    store: str
    manifest: Manifest
    manifest_sha256: str
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPoint:
    """A reachable instant. `stores` hold the set without a fault; `fault` is empty while there is one.

    `stored_bytes` and `source_bytes` are the set's ciphertext and its size before compression. `base` is the set that
    a restore needs besides, in the same store.
    """

    set: str
    asset: str
    engine: str
    kind: str
    started_at: datetime
    completed_at: datetime
    recovers_to: datetime
    stores: tuple[str, ...]
    parts: int
    stored_bytes: int
    source_bytes: int
    recipients: tuple[str, ...]
    manifest_sha256: str
    fault: str = ""
    base: str | None = None


def points(sets: Iterable[SetInStore]) -> tuple[RecoveryPoint, ...]:
    """One point per set, newest first; copies of a set in several stores are one point."""
    copies: dict[str, list[SetInStore]] = {}
    for each in with_bases(tuple(sets)):
        copies.setdefault(each.manifest.set, []).append(each)
    found = [_point(group) for group in copies.values()]
    return tuple(sorted(found, key=_age_key, reverse=True))


def with_bases(sets: Sequence[SetInStore]) -> tuple[SetInStore, ...]:
    """The same sets; one whose base does not lie beside it in the same store, whole, is faulty."""
    held = {(each.store, each.manifest.set): each for each in sets}

    def judged(each: SetInStore) -> SetInStore:
        base = each.manifest.base
        if base is None or each.fault:
            return each
        found = held.get((each.store, base.set))
        same = found is not None and found.manifest_sha256 == base.sha256
        return replace(each, fault=base_fault(base, found.fault if found and same else None))

    return tuple(map(judged, sets))


def base_fault(base: Base, fault: str | None) -> str:
    """What is wrong with a differential whose base has that fault (None: it is not there, or another one)."""
    if fault is None:
        return f"the set that it builds on is not there: {base.set}"
    return f"the set that it builds on is faulty: {base.set}: {fault}" if fault else ""


def choose(candidates: Sequence[RecoveryPoint], asset: str, target: datetime | None) -> RecoveryPoint:
    """The newest faultless point, at or before `target` when one is given. Raises NoPointReachable."""
    good = [point for point in candidates if not point.fault]
    reached = [point for point in good if target is None or point.recovers_to <= target]
    if not reached:
        wanted = "any time" if target is None else _utc(target)
        raise NoPointReachable(asset=asset, target=wanted, nearest=_nearest(good, candidates))
    return max(reached, key=_age_key)


def named(candidates: Sequence[RecoveryPoint], asset: str, point: str) -> RecoveryPoint:
    """The point of that set id. Raises PointUnknown, or PointFaulty when no store holds it whole."""
    for each in candidates:
        if each.set == point:
            if each.fault:
                raise PointFaulty(asset=asset, point=point, fault=each.fault)
            return each
    raise PointUnknown(asset=asset, point=point)


def _point(copies: Sequence[SetInStore]) -> RecoveryPoint:
    good = [copy for copy in copies if not copy.fault]
    shown = (good or copies)[0]
    manifest = shown.manifest
    return RecoveryPoint(
        set=manifest.set,
        asset=manifest.asset,
        engine=manifest.engine,
        kind=manifest.kind,
        started_at=datetime.fromisoformat(manifest.started_at),
        completed_at=datetime.fromisoformat(manifest.completed_at),
        recovers_to=manifest.recovery_instant,
        stores=tuple(copy.store for copy in good),
        parts=len(manifest.parts),
        stored_bytes=manifest.stored_bytes,
        source_bytes=manifest.source_bytes,
        recipients=manifest.recipients,
        manifest_sha256=shown.manifest_sha256,
        fault=shown.fault,
        base=manifest.base.set if manifest.base is not None else None,
    )


def _age_key(point: RecoveryPoint) -> tuple[datetime, datetime, str]:
    return (point.recovers_to, point.completed_at, point.set)


def _nearest(good: Sequence[RecoveryPoint], candidates: Sequence[RecoveryPoint]) -> str:
    if good:
        after = sorted(good, key=_age_key)[:2]
        named_points = " and ".join(f"{point.set} ({_utc(point.recovers_to)})" for point in after)
        return f"the nearest is {named_points}" if len(after) == 1 else f"the nearest are {named_points}"
    return f"all {len(candidates)} sets are faulty" if candidates else "there is no set yet"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
