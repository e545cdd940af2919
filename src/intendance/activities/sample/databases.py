"""What looks at database servers mean: rolled up, and what reaches its limit told at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from intendance.model.evidence.sample import DatabaseExcursion, DatabaseRolledUp
from intendance.model.frozen import dataclass
from intendance.model.plan import Catalogue, Threshold

# The bounds of the catalogues' rules: ASBL_032 (connections, 5 s) and ASBL_023 (60 s).
_BOUNDS: Mapping[Catalogue, Mapping[str, tuple[int, ...]]] = {
    "asbl": {"connections": (100,), "query_ms": (5_000, 60_000)},
}
_PLANNED = {"connections": "connections", "query_ms": "slow_query"}
_BACK_PERCENT = 95
"""So far below its limit a number of connections is back, so that one that hovers there does not fill the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSeen:
    """One look at a server. `query_ms` is how long the longest statement has run (None: those of others are hidden).

    `deadlocks` is the server's own count since it started `uptime_seconds` ago (None: it does not count them). `folder`
    is where its data lies, by its own word.
    """

    asset: str
    connections: int
    connections_allowed: int
    query_ms: int | None
    deadlocks: int | None
    uptime_seconds: int
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strain:
    """A figure of a server that is at or above its limit now."""

    began_at: datetime
    peak: int


Key = tuple[str, str, int]
"""The asset, the quantity and the limit."""


def limits(catalogues: Sequence[Catalogue], thresholds: Mapping[str, Threshold]) -> Mapping[str, tuple[int, ...]]:
    """The limits of each quantity: the rules' own, and the plan's."""
    found: dict[str, set[int]] = {}
    for catalogue in catalogues:
        for quantity, bounds in _BOUNDS.get(catalogue, {}).items():
            found.setdefault(quantity, set()).update(bounds)
    for quantity, name in _PLANNED.items():
        if name in thresholds:
            found.setdefault(quantity, set()).add(thresholds[name].above)
    return {quantity: tuple(sorted(values)) for quantity, values in found.items()}


def strains(
    open_now: Mapping[Key, Strain],
    seen: Iterable[DatabaseSeen],
    at: datetime,
    limits_now: Mapping[str, tuple[int, ...]],
) -> tuple[Mapping[Key, Strain], tuple[tuple[str, DatabaseExcursion], ...]]:
    """What is at its limit after these looks, and what there is to record, each with its asset.

    A server that was not seen this time neither begins nor ends anything.
    """
    found = dict(open_now)
    events: list[tuple[str, DatabaseExcursion]] = []
    for key, value in _figures(seen, limits_now):
        running = found.get(key)
        if running is None:
            if not _reached(key, value):
                continue
            running = Strain(began_at=at, peak=value)
            events.append((key[0], _event(key, running, "began", value)))
        running = found[key] = replace(running, peak=max(running.peak, value))
        if _is_back(key, value):
            events.append((key[0], _event(key, running, "ended", value)))
            del found[key]
    return found, tuple(events)


def still_open(recorded: Iterable[tuple[str | None, DatabaseExcursion]]) -> Mapping[Key, Strain]:
    """What has not ended, from what was recorded, newest first."""
    newest: dict[Key, DatabaseExcursion] = {}
    for asset, each in recorded:
        newest.setdefault((asset or "", each.quantity, each.limit), each)
    return {
        key: Strain(began_at=datetime.fromisoformat(each.began_at), peak=each.peak)
        for key, each in newest.items()
        if each.state == "began"
    }


def deadlocks_since(before: DatabaseSeen | None, after: DatabaseSeen) -> int:
    """How many deadlocks the server counted between two looks; a server that restarted counts anew."""
    if before is None or before.deadlocks is None or after.deadlocks is None:
        return 0
    restarted = after.uptime_seconds < before.uptime_seconds or after.deadlocks < before.deadlocks
    return after.deadlocks - (0 if restarted else before.deadlocks)


def roll_up(looks: Sequence[tuple[DatabaseSeen, int]], unanswered: Sequence[str]) -> tuple[DatabaseRolledUp, ...]:
    """The evidence of looks, each with the deadlocks since the one before; `unanswered` names an asset for each look
    in vain."""
    assets = {seen.asset for seen, _ in looks} | set(unanswered)
    return tuple(
        _rolled_up(asset, [each for each in looks if each[0].asset == asset], list(unanswered).count(asset))
        for asset in sorted(assets)
    )


def _rolled_up(asset: str, looks: Sequence[tuple[DatabaseSeen, int]], unanswered: int) -> DatabaseRolledUp:
    if not looks:
        return DatabaseRolledUp(asset=asset, looks=0, unanswered=unanswered)
    seen = [each for each, _ in looks]
    longest = max(each.query_ms or 0 for each in seen)
    return DatabaseRolledUp(
        asset=asset,
        looks=len(looks),
        unanswered=unanswered,
        connections_highest=max(each.connections for each in seen),
        connections_allowed=seen[-1].connections_allowed,
        query_seconds_highest=-(-longest // 1000),
        deadlocks=sum(count for _, count in looks),
        counts_deadlocks=all(each.deadlocks is not None for each in seen),
        sees_queries=all(each.query_ms is not None for each in seen),
    )


def _figures(seen: Iterable[DatabaseSeen], limits_now: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[Key, int]]:
    for each in seen:
        for limit in limits_now.get("connections", ()):
            yield (each.asset, "connections", limit), each.connections
        for limit in limits_now.get("query_ms", ()) if each.query_ms is not None else ():
            yield (each.asset, "query_ms", limit), each.query_ms or 0


def _reached(key: Key, value: int) -> bool:
    """Fewer connections than the limit hold it; a statement may take as long as it says."""
    return value >= key[2] if key[1] == "connections" else value > key[2]


def _is_back(key: Key, value: int) -> bool:
    return value * 100 < key[2] * _BACK_PERCENT if key[1] == "connections" else value <= key[2]


def _event(key: Key, running: Strain, state: str, seen: int) -> DatabaseExcursion:
    _, quantity, limit = key
    return DatabaseExcursion(
        quantity=quantity,
        state=state,
        began_at=running.began_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        limit=limit,
        seen=seen,
        peak=max(running.peak, seen),
    )
