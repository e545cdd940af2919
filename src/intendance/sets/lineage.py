"""Which keys a node had before it was rebuilt, for a machine beside it that knows the present one."""

from __future__ import annotations

from intendance.model.errors.sets import ManifestForged, ManifestInvalid, ManifestVersionUnknown, SetDamaged, SetMissing
from intendance.sets import rebuilding
from intendance.sets.fetch import open_manifest, survey
from intendance.stores import Store

_SETS_ASKED = 8
"""Of the newest sets: who may write into the store can put some there that the present key did not sign."""


def former_keys(store: Store, prefix: str, fingerprint: str) -> tuple[str, ...]:
    """The former keys that the newest set names which `fingerprint` signed; empty where there is no such set.

    The node's ledger took them out of a set of the lost one, when a person had vouched for its key (`ledger restart`):
    whoever trusts the present key trusts these by its word. Raises the errors of stores.
    """
    found = survey(store, prefix).complete
    newest = sorted(found, key=lambda name: max(each.stored_at for each in found[name].values()), reverse=True)
    for name in newest[:_SETS_ASKED]:
        try:
            carried = rebuilding.read(open_manifest(store, prefix, name, fingerprint).manifest.source)
        except (SetMissing, SetDamaged, ManifestForged, ManifestInvalid, ManifestVersionUnknown, ValueError):
            continue
        if carried is not None:
            return carried.keys
    return ()
