"""A person's word on where a store stands, taken down."""

from __future__ import annotations

from pathlib import Path

from intendance.agent.compose import open_node
from intendance.model.errors.store import (
    AttestationElsewhere,
    AttestationNotConfirmed,
    AttestationOfNobody,
    NoSuchStore,
    StoreWithoutRegion,
)
from intendance.model.evidence.attested import StoreAttested
from intendance.model.frozen import dataclass
from intendance.model.plan import S3Store
from intendance.system.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationRecorded:
    """A word, and where it stands in the ledger."""

    attested: StoreAttested
    node: str
    seq: int


def attest(
    state: Path, clock: Clock, name: str, *, region: str, by: str, confirmed: str | None, actor: str
) -> AttestationRecorded:
    """Record that the contact `by` says that a store stands in `region`, which must be the plan's.

    Raises NoState, NoSuchStore, StoreWithoutRegion, AttestationElsewhere, AttestationOfNobody, AttestationNotConfirmed.
    """
    with open_node(state, clock) as node:
        declared = node.plan.stores.get(name)
        if declared is None:
            raise NoSuchStore(store=name, known=", ".join(node.plan.stores))
        if not isinstance(declared, S3Store) or declared.region is None:
            raise StoreWithoutRegion(store=name)
        if declared.region != region:
            raise AttestationElsewhere(store=name, region=region, declared=declared.region)
        if by not in node.plan.contacts:
            raise AttestationOfNobody(name=by, known=", ".join(node.plan.contacts))
        if confirmed != name:
            raise AttestationNotConfirmed(store=name, by=by, region=region)
        word = StoreAttested(store=name, place=declared.place, region=region, by=by)
        record = node.book.append(word, actor=actor)
        return AttestationRecorded(attested=word, node=node.book.node, seq=record.seq)
