"""Probing a store of the plan in force, and recording what it let us do."""

from __future__ import annotations

from pathlib import Path

from intendance.agent.compose import open_node
from intendance.model.errors.store import NoSuchStore
from intendance.model.evidence.probe import StoreProbed
from intendance.model.frozen import dataclass
from intendance.stores import probe_store
from intendance.system.clock import Clock

FOLDER = "probes"
"""Beside the assets' folders in a store; a set lies two folders deeper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRecorded:
    """What a probe found, and where it stands in the ledger."""

    probed: StoreProbed
    node: str
    seq: int
    zone: str


def probe(state: Path, clock: Clock, name: str, *, actor: str) -> ProbeRecorded:
    """Try what a store lets us do. Raises NoState, NoSuchStore, StoreNotProbed and the errors of stores."""
    with open_node(state, clock) as node:
        declared = node.plan.stores.get(name)
        if declared is None:
            raise NoSuchStore(store=name, known=", ".join(node.plan.stores))
        found = probe_store(declared, f"{node.plan.fleet}/{node.plan.node.id}/{FOLDER}")
        evidence = StoreProbed(
            store=name,
            by="self",
            kind=declared.kind,
            place=declared.place,
            region_declared=getattr(declared, "region", None) or "",
            node_region=node.plan.node.region or "",
            attempts=found.attempts,
            endpoint=found.endpoint,
            region_located=found.region_located,
            region_headed=found.region_headed,
            versions=found.versions,
            locks=found.locks,
            lock_until=found.lock_until,
        )
        record = node.book.append(evidence, actor=actor)
        return ProbeRecorded(probed=evidence, node=node.book.node, seq=record.seq, zone=node.plan.organisation.timezone)
