"""What the ledger has seen of the assets and waivers of a plan, for the checks that need the past. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from intendance.catalogue.waivers import Grant
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`node` is whose ledger it is. `longest_backup` is how long the longest backup took, in seconds, by the asset's
    identity; `grants` are the waivers that count for the law, `revoked` the numbers of those that were taken back.
    Empty on a machine without a ledger: a plan can be checked anywhere."""

    node: str = ""
    longest_backup: Mapping[str, int] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    revoked: frozenset[int] = frozenset()


NOTHING_SEEN = Seen()
