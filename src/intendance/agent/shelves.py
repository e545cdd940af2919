"""What the stores hold of the plan's assets, read from them: recovery points and single sets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from intendance.agent.compose import Node, open_node
from intendance.agent.service import did_you_mean, find_asset
from intendance.ledger.imports import all_drills, all_prunings
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import SetUnknown
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset
from intendance.sets import holdings
from intendance.sets.fetch import Shelf, asset_folder, read_sets
from intendance.sets.holdings import Lag
from intendance.sets.locks import kept_for_law
from intendance.sets.manifest import Manifest
from intendance.sets.points import LATEST_PER_STORE, RecoveryPoint, SetInStore, doubted, findings, points
from intendance.stores import Store, open_store
from intendance.system.clock import Clock

__all__ = ["Lag", "ListedPoint", "Listing", "Remains", "ShownSet", "list_points", "show_set"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPoint:
    """A recovery point; per store when an inspection last saw it whole there (None: not yet); when a drill of it last
    succeeded, as far as this ledger knows (None: never)."""

    point: RecoveryPoint
    inspected_at: Mapping[str, datetime | None]
    drilled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """Attempts of an asset's backups in one store that have no manifest, and their bytes."""

    asset: str
    store: str
    attempts: int
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The recovery points of some assets, newest first within each; what could not be read is said, never left out.

    `unreadable` are sets without a trustworthy manifest, by id; `failures` are stores that could not be read;
    `remains` are what attempts without a manifest left, or are writing now. `lags` is by evidence alone how far each
    store is behind the others, whether it can be read now or not.
    """

    assets: tuple[str, ...]
    points: tuple[ListedPoint, ...]
    unreadable: Mapping[str, str]
    failures: tuple[IntendanceError, ...]
    remains: tuple[Remains, ...]
    zone: str
    lags: tuple[Lag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSet:
    """One set with its manifest and the stores that hold it."""

    listed: ListedPoint
    manifest: Manifest
    zone: str


def list_points(state: Path, clock: Clock, *, asset: str | None) -> Listing:
    """The recovery points in the stores. Raises AssetUnknown; a store that cannot be read is one of the failures."""
    with open_node(state, clock) as node:
        assets = list(node.plan.assets.values()) if asset is None else [find_asset(node, asset)]
        listed: list[ListedPoint] = []
        unreadable: dict[str, str] = {}
        failures: list[IntendanceError] = []
        remains: list[Remains] = []
        lags: list[Lag] = []
        for each in assets:
            lags += _lags(node, each)
            found = _read(node, each, failures)
            for store, shelf in found.items():
                unreadable |= shelf.unreadable
                left = shelf.incomplete
                if left:
                    remains.append(
                        Remains(asset=each.name, store=store, attempts=len(left), stored_bytes=sum(left.values()))
                    )
            listed += _listed(node, each.name, found)
        return Listing(
            assets=tuple(each.name for each in assets),
            points=tuple(listed),
            unreadable=unreadable,
            failures=tuple(failures),
            remains=tuple(remains),
            zone=node.plan.organisation.timezone,
            lags=tuple(lags),
        )


def _lags(node: Node, asset: Asset) -> tuple[Lag, ...]:
    if asset.backup is None:
        return ()
    book, stores = node.book, asset.backup.stores
    latest = LATEST_PER_STORE * max(1, len(stores))
    looks = {
        fact.data.store: fact for fact in reversed(book.facts("inspection.completed", asset=asset.name, latest=latest))
    }
    held = holdings.holdings(
        (fact.data for fact in book.facts("backup.completed", asset=asset.name)),
        looks,
        all_prunings(book, asset.name),
        (fact.data for fact in book.facts("store.filled", asset=asset.name)),
    )
    now = node.clock.read().at
    since = now - timedelta(days=asset.backup.retention_days)
    here = [each for each in held if not each.stores.isdisjoint(stores)]
    zone = node.plan.organisation.timezone
    legal = kept_for_law(here, asset.backup.legal, all_drills(book, asset.name), zone, now)
    return holdings.lags(asset.name, held, stores, looks, since, legal)


def show_set(state: Path, clock: Clock, name: str) -> ShownSet:
    """One set of the stores by its id. Raises SetUnknown, the error of its manifest, or the errors of stores."""
    with open_node(state, clock) as node:
        asset = node.plan.assets.get(name.partition(".")[0])
        if asset is None:
            raise SetUnknown(set=name, suggestion=".")
        failures: list[IntendanceError] = []
        found = _read(node, asset, failures)
        for listed in _listed(node, asset.name, found):
            if listed.point.set == name:
                return ShownSet(listed=listed, manifest=_manifest(found, name), zone=node.plan.organisation.timezone)
        if failures:
            raise failures[0]
        known = [copy.manifest.set for shelf in found.values() for copy in shelf.sets]
        raise SetUnknown(set=name, suggestion=did_you_mean(name, known))


def _read(node: Node, asset: Asset, failures: list[IntendanceError]) -> Mapping[str, Shelf]:
    """The asset's shelf in each store that can be read; the others' errors are added to `failures`."""
    if asset.backup is None:
        return {}
    (genesis,) = node.book.facts("genesis", latest=1)
    known = {fact.data.set: fact.data.manifest_sha256 for fact in node.book.facts("backup.completed", asset=asset.name)}
    prefix = asset_folder(node.plan.fleet, node.plan.node.id, asset.name)
    found = {}
    for name in asset.backup.stores:
        try:
            store: Store = open_store(node.plan.stores[name])
            found[name] = read_sets(store, prefix, genesis.data.trusted_keys, known)
        except IntendanceError as error:
            failures.append(error)
    return found


def _listed(node: Node, asset: str, found: Mapping[str, Shelf]) -> list[ListedPoint]:
    inspections = node.book.facts("inspection.completed", asset=asset, latest=LATEST_PER_STORE * max(1, len(found)))
    latest = {fact.data.store: fact for fact in reversed(inspections)}
    copies: list[SetInStore] = [copy for shelf in found.values() for copy in shelf.sets]
    drilled = _drilled(node, asset)
    listed = []
    for point in points(doubted(copies, findings(inspections))):
        seen: dict[str, datetime | None] = {}
        for store in point.stores:
            fact = latest.get(store)
            faulty = fact is not None and point.set in {damaged.set for damaged in fact.data.damaged}
            whole = fact is not None and fact.at >= point.completed_at and not faulty
            seen[store] = fact.at if fact is not None and whole else None
        listed.append(ListedPoint(point=point, inspected_at=seen, drilled_at=drilled.get(point.manifest_sha256)))
    return listed


def _drilled(node: Node, asset: str) -> Mapping[str, datetime]:
    """When each set was last drilled, by the hash of its manifest: a drill proves these bytes and no others."""
    return {fact.data.manifest_sha256: fact.at for fact in reversed(node.book.facts("drill.completed", asset=asset))}


def _manifest(found: Mapping[str, Shelf], name: str) -> Manifest:
    return next(copy.manifest for shelf in found.values() for copy in shelf.sets if copy.manifest.set == name)
