"""An act, written down in the very transaction that performs it."""

from __future__ import annotations

import secrets

import msgspec
from sqlalchemy import Connection, insert

from intendance.fleet.database.tables import act
from intendance.ledger import canonical, envelope
from intendance.model.evidence import KIND_OF, KINDS, Evidence


def note(connection: Connection, evidence: Evidence, actor: str, now_us: int) -> None:
    """Let the fleet log say this once the transaction is committed. Raises NotCanonical for what it could not say."""
    data = canonical.encode(envelope.evidence_data(evidence)).decode()
    row = {"key": secrets.token_hex(16), "at_us": now_us, "kind": KIND_OF[type(evidence)], "actor": actor, "data": data}
    connection.execute(insert(act).values(**row))


def noted(kind: str, data: str) -> Evidence:
    """What `note` was given."""
    found: Evidence = msgspec.json.decode(data, type=KINDS[kind])
    return found
