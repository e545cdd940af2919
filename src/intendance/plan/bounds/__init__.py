"""The least retention that each catalogue demands, in days; a plan below it is refused. Pure.

Figures: MAINT_013 (90 days), ASBL_010 (databases, 30 days), ASBL_011 (files, 4 weeks); a test compares them with the
catalogue's own data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Floor:
    """A rule's lower bound on retention, in days."""

    rule: str
    days: int


RETENTION_FLOORS: Mapping[tuple[str, str], Floor] = MappingProxyType(
    {
        ("maint", "mariadb"): Floor("MAINT_013", 90),
        ("maint", "files"): Floor("MAINT_013", 90),
        ("maint", "sqlite"): Floor("MAINT_013", 90),
        ("asbl", "mariadb"): Floor("ASBL_010", 30),
        ("asbl", "sqlite"): Floor("ASBL_010", 30),
        ("asbl", "files"): Floor("ASBL_011", 28),
    }
)


def retention_floor(catalogues: Collection[str], kind: str) -> Floor | None:
    """The strictest lower bound that the chosen catalogues set for a kind of asset."""
    floors = [RETENTION_FLOORS[name, kind] for name in catalogues if (name, kind) in RETENTION_FLOORS]
    return max(floors, key=lambda floor: floor.days, default=None)
