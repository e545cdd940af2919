"""What the plan in force wants of an asset: whether it is backed up, and where to."""

from __future__ import annotations

from pathlib import Path

from intendance.agent.compose import Node
from intendance.model.errors.runs import AssetUnknown, NotBackedUp
from intendance.model.plan import Asset
from intendance.stores import Store, Use, open_store


def planned(node: Node, name: str) -> Asset:
    """An asset that the plan in force backs up: it may have changed since the run was queued.

    Raises AssetUnknown, NotBackedUp.
    """
    asset = node.plan.assets.get(name)
    if asset is None:
        raise AssetUnknown(asset=name, suggestion=".", known=", ".join(node.plan.assets))
    if asset.backup is None:
        raise NotBackedUp(asset=name)
    return asset


def stores_of(node: Node, asset: Asset, *, spool: Path | None = None) -> tuple[Store, ...]:
    """The stores of an asset's backups, in the plan's order; `spool` is where ciphertext may wait on its way there."""
    if asset.backup is None:
        return ()
    use = Use(spool=spool, keep_days=asset.backup.retention_days)
    return tuple(open_store(node.plan.stores[name], use) for name in asset.backup.stores)
