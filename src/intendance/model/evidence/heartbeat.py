"""Evidence of what a manager heard."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatsSummed:
    """The heartbeats of a day (UTC), by the manager's clock. The record's attachment names every minute of each node.

    `heard` are the minutes, of all nodes together, in which a beat came; `told_later` those that nodes told of
    afterwards; `gaps` the times in which the manager could hear nobody.
    """

    day: str
    nodes: int
    heard: int
    told_later: int
    gaps: int
