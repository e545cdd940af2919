"""What a backup is told and what it works with."""

from __future__ import annotations

from pathlib import Path

from intendance.engines import Engine
from intendance.ledger.book import Book
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, BackupKind, Plan, Recipient
from intendance.sets.fetch import asset_folder
from intendance.stores import Store
from intendance.system.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupJob:
    """Back up one asset of the plan in force, in one of its kinds."""

    plan: Plan
    asset: str
    kind: BackupKind

    @property
    def declared(self) -> Asset:
        """The asset as the plan has it."""
        return self.plan.assets[self.asset]

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        return self.plan.recipients

    @property
    def prefix(self) -> str:
        """The asset's folder in every store."""
        return asset_folder(self.plan.fleet, self.plan.node.id, self.asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupContext:
    """The adapters for one backup. The caller holds the asset's lock.

    `stores` are those of the asset, in the plan's order; `gnupg` is the node's OpenPGP home; `scratch` is a private
    folder for this attempt, made here when it does not exist and left to the caller to remove; `snapshots` the folder
    of this asset in which the notes for differentials are kept from run to run.
    """

    engine: Engine
    stores: tuple[Store, ...]
    book: Book
    gnupg: Path
    scratch: Path
    snapshots: Path
    clock: Clock

    @property
    def names(self) -> Path:
        """The file beside these notes in which names stand of which the last backup had something to say."""
        return self.snapshots.with_name(f"{self.snapshots.name}.names")

    @property
    def fingerprint(self) -> str:
        """The node's OpenPGP key, as the first record of the ledger names it."""
        (genesis,) = self.book.facts("genesis", latest=1)
        fingerprint: str = genesis.data.openpgp_fingerprint
        return fingerprint
