"""What a drill is told and what it works with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from intendance.activities.drill.decide import Known
from intendance.ledger.book import Book
from intendance.model.evidence.drill import Trust
from intendance.model.frozen import dataclass
from intendance.sets.fetch import asset_folder
from intendance.stores import Store
from intendance.system.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillJob:
    """Drill one asset of a node, from what lies in a store. `point` is the set; None: the one whose turn it is."""

    fleet: str
    node: str
    asset: str
    point: str | None = None

    @property
    def prefix(self) -> str:
        """The asset's folder in every store."""
        return asset_folder(self.fleet, self.node, self.asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillContext:
    """The adapters for one drill. Decrypting takes the caller's own keyring.

    `book` is the ledger of whoever drills, `by` its name there (`self` on the node itself). `fingerprint` is the key
    whose signature is trusted, and `trust` why; `former_keys` are those of the node before it was rebuilt. `manifests`
    are the hashes of the sets that the node's own ledger knows, where it is at hand; `seen`, by number, those that this
    store held before. `parent` is where the scratch folder is made.
    """

    store: Store
    store_kind: str
    book: Book
    by: str
    fingerprint: str
    trust: Trust
    manifests: Mapping[str, str]
    seen: Mapping[int, Known]
    parent: Path
    clock: Clock
    former_keys: tuple[str, ...] = ()

    @property
    def trusted(self) -> tuple[str, ...]:
        """Whose manifests are the node's: the present key first."""
        return (self.fingerprint, *self.former_keys)
