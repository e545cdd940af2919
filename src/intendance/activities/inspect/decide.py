"""What to re-read, and what the sets seen in a store mean: faults, gaps, days that are covered. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from intendance.activities.inspect.found import Found, Memory, Recorded
from intendance.activities.inspect.turns import clock_off_seconds, thirtieth, yearly
from intendance.model.evidence.inspection import InspectionCompleted, SetSeen, StorePlace
from intendance.model.frozen import dataclass
from intendance.sets.manifest import Manifest, Part
from intendance.sets.points import base_fault

NEWEST_LISTED = 20
DAMAGED_LISTED = 30
HASHED_LISTED = 60
DAYS_COVERED = 400
FAULT_CHARACTERS = 160
VERSION_CHARACTERS = 64
YEARLY_LISTED = 20
"""Of ten years, two sets each. With the six limits above, the largest inspection fits a record (60 KiB): see
`tests/unit`."""

MEMORY = 120
"""Inspections that are looked back upon to know which sets were re-read last."""

PLAUSIBILITY_WINDOW = 7
"""A shrunken backup is compared with the median of that many sets of its kind before it, so that a size that is meant
to be smaller stops alarming after half of them."""

SMALLEST_SHARE = 2
"""A set below one half of the usual size is a fault (research on backups, §4.8: median ± 50 %)."""

LASTING_KINDS = frozenset({"logical", "full"})
"""The kinds that can be read in ten years: a physical set needs its engine, a differential its base."""

NOTHING_BY_BUDGET = -1
_ROLLING_SHARE = 30
_ROLLING_LEAST_BYTES = 2**30
_SET_ID = re.compile(r".*\.backup-(?P<kind>[a-z]+)\.(?P<at>\d{8}T\d{6}Z)\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that an inspection of one store saw, and what it was compared with.

    `expected` are the sets of the asset that must be in this store by id: the ledger's, or those that were seen there
    before; `sequences` the chain numbers that are known, in whatever store; `pruned` the hashes of the manifests that a
    pruning took away; `drilled` the sets that passed a drill, as far as is known. `fleet` to `thirtieths` are as in
    `InspectionCompleted`.
    """

    store: str
    by: str
    zone: str
    now: datetime
    deep: bool
    ledger: str
    found: Sequence[Found]
    incomplete: int
    incomplete_bytes: int
    expected: Mapping[str, Recorded]
    sequences: frozenset[int]
    pruned: frozenset[str] = frozenset()
    fleet: str = ""
    node: str = ""
    node_fingerprint: str = ""
    trust: str = ""
    place: StorePlace | None = None
    thirtieths: tuple[int, ...] = ()
    drilled: frozenset[str] = frozenset()


def rolling_budget(stored_bytes: int) -> int:
    """Bytes of older sets to re-read in one inspection: a thirtieth of the store, at least 1 GiB."""
    return max(_ROLLING_LEAST_BYTES, stored_bytes // _ROLLING_SHARE)


def to_hash(found: Sequence[Found], memory: Memory, *, deep: bool, budget_bytes: int) -> tuple[str, ...]:
    """The sets to re-read whole: the newest, those damaged before, then those re-read longest ago within the budget.

    The first of the latter is taken whatever its size, so that no set is for ever too large; with NOTHING_BY_BUDGET,
    none of them is.
    """
    readable = [each for each in found if each.manifest is not None and not each.fault]
    if deep:
        return tuple(each.set for each in readable)
    newest = max(readable, key=_recovery_key, default=None)
    chosen = [each.set for each in readable if each is newest or each.set in memory.damaged]
    rest = sorted((each for each in readable if each.set not in chosen), key=lambda each: _turn(each, memory))
    left = budget_bytes
    for index, each in enumerate(rest):
        left -= each.listed_bytes
        if budget_bytes == NOTHING_BY_BUDGET or (left < 0 and index > 0):
            break
        chosen.append(each.set)
    return tuple(chosen)


def conclude(view: View) -> InspectionCompleted:
    """The evidence: every set with its first fault, the sets that are missing, the days that are covered."""
    judged = _judge(view)
    seen = sorted((*map(_seen, judged), *_missing(view, judged)), key=lambda each: each.recovers_to, reverse=True)
    damaged = [each for each in seen if each.fault]
    good = sorted(datetime.fromisoformat(each.recovers_to) for each in seen if not each.fault)
    hashed = [each for each in judged if each.hashed_bytes]
    return InspectionCompleted(
        store=view.store,
        by=view.by,
        sets=len(judged),
        faulty=len(damaged),
        incomplete=view.incomplete,
        incomplete_bytes=view.incomplete_bytes,
        stored_bytes=sum(each.listed_bytes for each in judged),
        hashed_bytes=sum(each.hashed_bytes for each in hashed),
        newest=tuple(seen[:NEWEST_LISTED]),
        days=_days(good, view.zone, view.now),
        oldest_recovers_to=_text(good[0]) if good else None,
        zone=view.zone,
        deep=view.deep,
        hashed_sets=tuple(each.set for each in hashed if each.whole)[:HASHED_LISTED],
        damaged=tuple(damaged[:DAMAGED_LISTED]),
        fleet=view.fleet,
        node=view.node,
        node_fingerprint=view.node_fingerprint,
        trust=view.trust,
        place=view.place,
        thirtieths=view.thirtieths,
        yearly=yearly(seen, LASTING_KINDS, view.drilled)[-YEARLY_LISTED:],
        clock_off_s=clock_off_seconds(_stored(judged), view.now),
    )


def _stored(judged: Iterable[Found]) -> list[tuple[datetime, datetime]]:
    """Each set by the store's time and by its own."""
    return [
        (each.stored_at, datetime.fromisoformat(each.manifest.completed_at))
        for each in judged
        if each.stored_at is not None and each.manifest is not None
    ]


def due_parts(found: Found, thirtieths: Collection[int]) -> tuple[Part, ...]:
    """The parts of a set whose turn it is."""
    parts = found.manifest.parts if found.manifest is not None and not found.fault else ()
    return tuple(part for part in parts if thirtieth(found.set, part.name) in thirtieths)


def to_describe(view: View) -> tuple[str, ...]:
    """The sets whose versions and locks the store is asked for: of those without fault, the newest, and the first
    lasting one of each year."""
    seen = sorted(map(_seen, _judge(view)), key=lambda each: each.recovers_to, reverse=True)
    chosen = [each.set for each in seen if not each.fault][:1]
    chosen += [each.set for each in yearly(seen, LASTING_KINDS, view.drilled)[-YEARLY_LISTED:]]
    return tuple(dict.fromkeys(chosen))


def _judge(view: View) -> list[Found]:
    against_ledger = [_against_ledger(each, view.expected) for each in view.found]
    return _against_bases(_against_history(_against_chain(against_ledger)))


def _against_ledger(found: Found, expected: Mapping[str, Recorded]) -> Found:
    recorded = expected.get(found.set)
    known = recorded.manifest_sha256 if recorded is not None else ""
    if found.fault or known in ("", found.manifest_sha256):
        return found
    return replace(found, fault="its manifest is not the one in the ledger: it was replaced")


def _against_chain(sets: Sequence[Found]) -> list[Found]:
    """A manifest must follow one of those that stand before it in its ledger, where any of these is to be seen."""
    before: dict[tuple[str, int], set[str]] = {}
    for each in sets:
        if each.manifest is not None and not each.fault:
            before.setdefault((each.manifest.ledger, each.manifest.sequence), set()).add(each.manifest_sha256)
    judged = []
    for each in sets:
        candidates = before.get((each.manifest.ledger, each.manifest.sequence - 1)) if each.manifest else None
        broken = candidates and each.manifest is not None and each.manifest.previous not in candidates
        judged.append(
            replace(each, fault="it does not follow the set before it") if broken and not each.fault else each
        )
    return judged


def _against_bases(sets: Sequence[Found]) -> list[Found]:
    """A differential is worth no more than the set that it builds on."""
    held = {(each.set, each.manifest_sha256): each.fault for each in sets}
    judged = []
    for each in sets:
        base = each.manifest.base if each.manifest is not None else None
        fault = base_fault(base, held.get((base.set, base.sha256))) if base is not None else ""
        judged.append(replace(each, fault=fault) if fault and not each.fault else each)
    return judged


def _against_history(sets: Sequence[Found]) -> list[Found]:
    """An empty or shrunken set is a fault; sets are compared with those of their kind before them. What a differential
    holds shrinks with each new base."""
    earlier: dict[str, list[int]] = {}
    judged: dict[str, Found] = {}
    for each in sorted((each for each in sets if each.manifest is not None), key=_recovery_key):
        assert each.manifest is not None  # noqa: S101 -- filtered just above
        history = earlier.setdefault(each.manifest.kind, [])
        usual = history[-PLAUSIBILITY_WINDOW:] if each.manifest.base is None else ()
        fault = _implausible(each.manifest.source_bytes, usual)
        judged[each.set] = replace(each, fault=fault) if fault and not each.fault else each
        history.append(each.manifest.source_bytes)
    return [judged.get(each.set, each) for each in sets]


def _implausible(size: int, history: Sequence[int]) -> str:
    if size == 0:
        return "it is empty"
    usual = int(median(history)) if history else 0
    if size * SMALLEST_SHARE < usual:
        return f"it is shrunken: {size} bytes before compression, where {usual} are usual"
    return ""


def _missing(view: View, judged: Sequence[Found]) -> list[SetSeen]:
    """Sets of the ledger that the store does not list, and gaps that the ledger cannot explain."""
    present = {each.set for each in judged}
    gone = (
        "it is in the ledger and not in the store"
        if view.by == "self"
        else "it was in the store when this host looked before, and is not there any more"
    )
    missing = [
        SetSeen(
            set=backup.set,
            kind=backup.kind,
            recovers_to=backup.recovers_to,
            completed_at=backup.completed_at,
            stored_bytes=0,
            hashed_bytes=0,
            manifest_sha256=backup.manifest_sha256,
            fault=gone,
        )
        for name, backup in view.expected.items()
        if name not in present
    ]
    return missing + _gaps(view, [each.manifest for each in judged if each.manifest is not None])


def _gaps(view: View, manifests: Sequence[Manifest]) -> list[SetSeen]:
    chains: dict[str, dict[int, Manifest]] = {}
    for manifest in manifests:
        chains.setdefault(manifest.ledger, {})[manifest.sequence] = manifest
    gaps: list[SetSeen] = []
    for ledger, chain in chains.items():
        known: Collection[int] = view.sequences if ledger == view.ledger else ()
        followers = [chain[number] for number in sorted(chain)[1:] if number - 1 not in chain]
        gaps += [
            _gap(manifest)
            for manifest in followers
            if manifest.sequence - 1 not in known and manifest.previous not in view.pruned
        ]
    return gaps


def _gap(after: Manifest) -> SetSeen:
    return SetSeen(
        set=f"{after.asset}, number {after.sequence - 1}",
        kind=after.kind,
        recovers_to=after.recovers_to,
        completed_at=after.completed_at,
        stored_bytes=0,
        hashed_bytes=0,
        manifest_sha256=after.previous or "",
        fault=f"a set was taken away: {after.set} follows one that is not there",
    )


def _seen(found: Found) -> SetSeen:
    manifest = found.manifest
    if manifest is None:
        kind, at = _by_name(found.set)
        recovers_to = completed_at = at
    else:
        kind, recovers_to, completed_at = manifest.kind, manifest.recovers_to, manifest.completed_at
    return SetSeen(
        set=found.set,
        kind=kind,
        recovers_to=recovers_to,
        completed_at=completed_at,
        stored_bytes=found.listed_bytes,
        hashed_bytes=found.hashed_bytes,
        manifest_sha256=found.manifest_sha256,
        fault=found.fault[:FAULT_CHARACTERS],
        version=found.version[:VERSION_CHARACTERS],
        lock_until=found.lock_until,
    )


def _by_name(set_id: str) -> tuple[str, str]:
    """Kind and instant as a set's name gives them, for one whose manifest cannot be trusted."""
    named = _SET_ID.fullmatch(set_id)
    if named is not None:
        try:
            return named["kind"], _text(datetime.strptime(named["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
        except ValueError:
            pass
    return "", "1970-01-01T00:00:00.000000Z"


def _days(good: Sequence[datetime], zone: str, now: datetime) -> tuple[str, ...]:
    local = ZoneInfo(zone)
    first = now.astimezone(local).date() - timedelta(days=DAYS_COVERED - 1)
    days = {at.astimezone(local).date() for at in good}
    return tuple(day.isoformat() for day in sorted(days) if day >= first)


def _turn(found: Found, memory: Memory) -> tuple[datetime, datetime, str]:
    return (memory.last_hashed(found), _recovery_key(found)[0], found.set)


def _recovery_key(found: Found) -> tuple[datetime, datetime, str]:
    assert found.manifest is not None  # noqa: S101 -- callers pass readable sets only
    return (found.manifest.recovery_instant, datetime.fromisoformat(found.manifest.completed_at), found.set)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
