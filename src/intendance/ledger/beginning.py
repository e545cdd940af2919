"""How a ledger begins: its own key, its name, and the ledger that it follows."""

from __future__ import annotations

from contextlib import suppress

from intendance.ledger import keys
from intendance.ledger.layout import Layout
from intendance.ledger.note import VerifierKey
from intendance.ledger.origin import FLEET_LOG, of_fleet, of_node
from intendance.model.evidence.lifecycle import Genesis
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The ledger that a new one follows: the signed note of the last head that is known of it, and the OpenPGP keys
    whose sets are still the node's."""

    head: str
    keys: tuple[str, ...]


def new_genesis(
    layout: Layout, fleet: str, node: str, fingerprint: str, software: str, clock: Clock, before: Before | None
) -> Genesis:
    """The first record of a ledger, whose signing key is made here. Raises LedgerKeyUnusable."""
    with suppress(FileExistsError):
        keys.create_key(layout.key)
    incarnation = f"{clock.read().at:%Y%m%dT%H%M%SZ}"
    origin = of_fleet(fleet) if node == FLEET_LOG else of_node(fleet, node, incarnation)
    public = keys.load_key(layout.key).public_key().public_bytes_raw()
    return Genesis(
        origin=origin,
        incarnation=incarnation,
        ledger_key=VerifierKey(origin, public).text,
        openpgp_fingerprint=fingerprint,
        software=software,
        previous_head=None if before is None else before.head,
        former_keys=() if before is None else before.keys,
    )
