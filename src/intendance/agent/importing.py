"""Taking another machine's ledger into view: verified whole, compared with what was in view, believed by the plan."""

from __future__ import annotations

from pathlib import Path

from intendance.agent.compose import open_node
from intendance.ledger.taking import Believed, Imported, take_bundle
from intendance.system import lock
from intendance.system.clock import Clock

_IMPORTING = "import"


def import_bundle(state: Path, clock: Clock, bundle: Path, *, actor: str) -> Imported:
    """Take the ledger of a bundle into view. Nothing is taken of one that is refused.

    Raises what `take_bundle` and opening a ledger raise.
    """
    with open_node(state, clock) as node:
        node.book.expect_writable()
        hosts = {name: host.ledger_key for name, host in node.plan.hosts.items()}
        believed = Believed(fleet=node.plan.fleet, hosts=hosts, own=frozenset({node.plan.node.id}))
        with lock.held(node.layout.asset_lock(_IMPORTING), purpose="Importing a ledger"):
            taken = take_bundle(node.book, believed, bundle, actor=actor)
        zone = node.plan.organisation.timezone
        return Imported(evidence=taken.evidence, node=node.book.node, seq=taken.seq, zone=zone)
