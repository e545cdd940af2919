"""One record of a node's ledger with all that a stranger needs: the head that the node signed, and the way up to it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial

from sqlalchemy import select

from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_head, node_key
from intendance.fleet.ledgers.copy import Copy
from intendance.fleet.verdicts.records import HeldRecord, held_record
from intendance.ledger import note
from intendance.ledger.proof import Differs, Proof, prove
from intendance.model.errors.fleet import LedgerCopyDiffers
from intendance.model.frozen import dataclass

_COPIES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedRecord:
    """A record, the origin and the verifier key of its ledger, and its proof; None: no head that was signed covers
    it."""

    record: HeldRecord
    origin: str
    key: str
    proof: Proof | None


class Proving:
    """Proves records of nodes from what the manager keeps of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._copy = lru_cache(_COPIES)(partial(Copy, database))

    def record(self, node: str, seq: int) -> ProvedRecord | None:
        """A record of a node's present ledger; None where it is not here.

        Raises DatabaseUnreachable, LedgerCopyDiffers.
        """
        found = held_record(self._database, node, seq)
        if found is None:
            return None
        key, head = node_key.c, evidence_head.c
        joined = evidence_head.join(node_key, (key.node == head.node) & (key.incarnation == head.incarnation))
        asked = select(key.origin, key.ledger_key, head.note).select_from(joined)
        asked = asked.where(head.node == node, head.incarnation == found.incarnation)
        with self._database.read() as connection:
            row = connection.execute(asked).one()
        proof = self._proof(found, row.note.encode())
        record = replace(found, covered=proof is not None)  # of the head that is told, which may have come since
        return ProvedRecord(record=record, origin=row.origin, key=row.ledger_key, proof=proof)

    def _proof(self, found: HeldRecord, signed: bytes) -> Proof | None:
        if not signed:
            return None
        head, _ = note.read_checkpoint(signed)
        if found.seq >= head.size:
            return None
        copy = self._copy(found.node, found.incarnation)
        try:
            return prove(found.seq, found.content, head, copy.tile)
        except Differs as error:
            copy.forget()
            raise LedgerCopyDiffers(node=found.node, detail=str(error)) from None
