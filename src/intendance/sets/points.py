"""Recovery points: the instants that the sets in the stores reach, and the choice among them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from intendance.model.errors.sets import NoPointReachable, PointFaulty, PointUnknown
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact
from intendance.sets.manifest import Base, Manifest

LATEST_PER_STORE = 4
"""Inspections to read per store so that the latest of each is among them: stores are inspected in turn."""

_STAMP = re.compile(r"\.(\d{8}T\d{6}Z)\.\d+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInStore:
    """A set as one store holds it. `fault` is empty, or says in English why it cannot be used.

    `doubt` is empty, or what the latest inspection of that store found wrong with it: nobody takes it unasked.
    """

    store: str
    manifest: Manifest
    manifest_sha256: str
    fault: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPoint:
    """A reachable instant. `stores` hold the set without a fault, and without a doubt where there are such; `fault` and
    `doubt` are empty while there is one.

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
    doubt: str = ""
    base: str | None = None

    @property
    def complaint(self) -> str:
        """Why nobody takes it unasked, if so."""
        return self.fault or self.doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """A nearer set that is not taken; `recovers_to` is what its name says when its manifest cannot be trusted."""

    set: str
    recovers_to: datetime
    reason: str


def findings(inspections: Iterable[Fact[InspectionCompleted]]) -> Mapping[str, Mapping[str, str]]:
    """What the latest inspection of each store found wrong with sets that it saw, by store and set.

    An inspection looks again at all that the one before found damaged, so the latest has the last word.
    """
    latest: dict[str, Fact[InspectionCompleted]] = {}
    for fact in inspections:
        known = latest.get(fact.data.store)
        if known is None or fact.seq > known.seq:
            latest[fact.data.store] = fact
    return {
        store: {seen.set: seen.fault for seen in fact.data.damaged if seen.stored_bytes}
        for store, fact in latest.items()
    }


def doubted(sets: Iterable[SetInStore], found: Mapping[str, Mapping[str, str]]) -> tuple[SetInStore, ...]:
    """The same sets with what `findings` tells of them."""
    return tuple(replace(each, doubt=found.get(each.store, {}).get(each.manifest.set, "")) for each in sets)


def points(sets: Iterable[SetInStore]) -> tuple[RecoveryPoint, ...]:
    """One point per set, newest first; copies of a set in several stores are one point."""
    copies: dict[str, list[SetInStore]] = {}
    for each in with_bases(tuple(sets)):
        copies.setdefault(each.manifest.set, []).append(each)
    found = [_point(group) for group in copies.values()]
    return tuple(sorted(found, key=_age_key, reverse=True))


def with_bases(sets: Sequence[SetInStore]) -> tuple[SetInStore, ...]:
    """The same sets; one whose base does not lie beside it in the same store, whole, is faulty; a doubt about the base
    is one about the set."""
    held = {(each.store, each.manifest.set): each for each in sets}

    def judged(each: SetInStore) -> SetInStore:
        base = each.manifest.base
        if base is None or each.fault:
            return each
        found = held.get((each.store, base.set))
        same = found is not None and found.manifest_sha256 == base.sha256
        fault = base_fault(base, found.fault if found and same else None)
        return replace(each, fault=fault, doubt=each.doubt or base_fault(base, found.doubt if found else ""))

    return tuple(map(judged, sets))


def base_fault(base: Base, fault: str | None) -> str:
    """What is wrong with a differential whose base has that fault (None: it is not there, or another one)."""
    if fault is None:
        return f"the set that it builds on is not there: {base.set}"
    return f"the set that it builds on is faulty: {base.set}: {fault}" if fault else ""


def choose(
    candidates: Sequence[RecoveryPoint], asset: str, target: datetime | None, zone: str = "UTC"
) -> RecoveryPoint:
    """The newest point that nobody found faulty, at or before `target` when one is given.

    Raises NoPointReachable, whose times are those of a zone.
    """
    good = [point for point in candidates if not point.complaint]
    reached = [point for point in good if target is None or point.recovers_to <= target]
    if not reached:
        wanted = "any time" if target is None else _written(target, zone)
        raise NoPointReachable(asset=asset, target=wanted, nearest=_nearest(good, candidates, zone))
    return max(reached, key=_age_key)


def passed_over(
    candidates: Sequence[RecoveryPoint], unreadable: Mapping[str, str], chosen: RecoveryPoint, target: datetime | None
) -> tuple[PassedOver, ...]:
    """The sets nearer than the chosen one that were not taken, and why; newest first."""
    refused = [
        PassedOver(set=point.set, recovers_to=point.recovers_to, reason=point.complaint)
        for point in candidates
        if point.complaint
    ]
    known = {point.set for point in candidates}
    refused += [
        PassedOver(set=name, recovers_to=at, reason=reason.rstrip("."))
        for name, reason in unreadable.items()
        if name not in known and (at := _named_instant(name)) is not None
    ]
    nearer = [each for each in refused if chosen.recovers_to < each.recovers_to <= (target or each.recovers_to)]
    return tuple(sorted(nearer, key=lambda each: (each.recovers_to, each.set), reverse=True))


def named(candidates: Sequence[RecoveryPoint], asset: str, point: str) -> RecoveryPoint:
    """The point of that set id, whatever an inspection found. Raises PointUnknown, or PointFaulty when no store holds
    it whole."""
    for each in candidates:
        if each.set == point:
            if each.fault:
                raise PointFaulty(asset=asset, point=point, fault=each.fault)
            return each
    raise PointUnknown(asset=asset, point=point)


def _point(copies: Sequence[SetInStore]) -> RecoveryPoint:
    usable = [copy for copy in copies if not copy.fault]
    good = [copy for copy in usable if not copy.doubt] or usable
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
        doubt=shown.doubt,
        base=manifest.base.set if manifest.base is not None else None,
    )


def _named_instant(set_id: str) -> datetime | None:
    """The instant in a set's name, for one whose manifest cannot be trusted."""
    found = _STAMP.search(set_id)
    try:
        return None if found is None else datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _age_key(point: RecoveryPoint) -> tuple[datetime, datetime, str]:
    return (point.recovers_to, point.completed_at, point.set)


def _nearest(good: Sequence[RecoveryPoint], candidates: Sequence[RecoveryPoint], zone: str) -> str:
    if good:
        after = sorted(good, key=_age_key)[:2]
        named_points = " and ".join(f"{point.set} ({_local(point.recovers_to, zone)})" for point in after)
        return f"the nearest is {named_points}" if len(after) == 1 else f"the nearest are {named_points}"
    if not candidates:
        return "there is no set yet"
    newest = max(candidates, key=_age_key)
    if len(candidates) == 1:
        return f"the only set, {newest.set}, is faulty: {newest.complaint}"
    return f"all {len(candidates)} sets are faulty; of the newest, {newest.set}: {newest.complaint}"


def _written(at: datetime, zone: str) -> str:
    """`2026-11-21 08:30:00 CET (2026-11-21T07:30:00Z)`."""
    utc = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return utc if zone == "UTC" else f"{_local(at, zone)} ({utc})"


def _local(at: datetime, zone: str) -> str:
    """`2026-11-21 08:30:00 CET`."""
    return _written(at, zone) if zone == "UTC" else f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %Z}"
