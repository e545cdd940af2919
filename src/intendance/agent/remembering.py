"""Since when assets are known: from the ledger, and, for what it has never seen, from the sets in the stores.

A state folder that was lost or wiped does not make an asset new, nor does another name for its node: what was due
before is due still. So the folders of all nodes of the fleet are looked through, for sets that this machine made under
whatever name (what another machine keeps under the same path is another asset). A manifest found in a store is believed
without its signature here, since it can only make an asset older.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from intendance.ledger.canonical import clean
from intendance.model.errors import IntendanceError
from intendance.model.plan import Plan
from intendance.plan.identity import identity
from intendance.sets.fetch import key, read_small
from intendance.sets.manifest import MANIFEST, MANIFEST_LIMIT_BYTES, Manifest, decode
from intendance.stores import Store, open_store
from intendance.system.machine_mark import machine_mark

_DEPTH = 5
"""Fleet, node, asset, set, and the file itself."""


def remembered(plan: Plan, known: Mapping[str, str]) -> Mapping[str, str]:
    """When each identity was first declared: as `known`, and for others of the plan as the oldest sets tell."""
    missing = {clean(identity(asset)) for asset in plan.assets.values()} - known.keys()
    if not missing:
        return known
    own = ("", machine_mark(plan.fleet))  # empty: a set that does not tell
    found: dict[str, str] = {}
    for name in plan.stores:
        try:
            told = list(_manifests(open_store(plan.stores[name]), plan.fleet))
        except IntendanceError:  # a store that is new, or not there now, remembers nothing
            continue
        for manifest in told:
            known_as = clean(manifest.identity)
            if known_as in missing and (manifest.node == plan.node.id or manifest.source.get("machine", "") in own):
                found[known_as] = min(found.get(known_as, manifest.first_seen), manifest.first_seen)
    return {**known, **found}


def _manifests(store: Store, folder: str) -> Iterator[Manifest]:
    """The oldest and the newest readable manifest of each asset of each node. Raises the errors of stores."""
    sets: dict[str, list[str]] = {}
    for stored in store.list(folder):
        place = stored.key.split("/")
        if len(place) == _DEPTH and place[-1] == MANIFEST:
            sets.setdefault("/".join(place[:-2]), []).append(place[-2])
    for asset, ids in sets.items():
        ordered = sorted(ids)
        yield from _readable(store, asset, ordered)
        yield from _readable(store, asset, ordered[::-1])


def _readable(store: Store, prefix: str, set_ids: list[str]) -> Iterator[Manifest]:
    """The first of these sets' manifests that can be read."""
    for set_id in set_ids:
        try:
            content = read_small(store, key(key(prefix, set_id), MANIFEST), MANIFEST_LIMIT_BYTES)
            yield decode(content, set_id)
        except IntendanceError:  # a damaged one is for the inspection to name
            continue
        return
