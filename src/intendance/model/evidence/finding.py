"""Evidence about findings: that a person looked into what a node's ledger must never do."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingSettled:
    """A finding about a node's ledger was looked into by the record's actor, who says why its node is believed again.
    It is kept as it was found: `finding` is its kind, `exhibit_sha256` of the signed text that showed it."""

    node: str
    incarnation: int
    finding: str
    subject: str
    detail: str
    found_at: str
    exhibit_sha256: str
    reason: str
