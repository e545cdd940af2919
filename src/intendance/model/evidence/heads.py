"""Evidence of how far the ledgers of others had grown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadsBound:
    """How far ledgers of nodes had grown, as their nodes signed it and the manager verified it.

    The record's attachment names each with its signed checkpoint; `logs` is how many. Whoever cosigns the fleet log
    thereby vouches for them too.
    """

    logs: int
