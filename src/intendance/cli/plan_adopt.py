"""What an adoption did, drawn for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from intendance.agent.adoption import Adoption
from intendance.model.errors import IntendanceError


def lines(adoption: Adoption, file: str) -> Iterator[str]:
    """`plan adopt` for people: what changed, the ledger record, the next command."""
    record = f"record {adoption.seq} of the ledger of {adoption.node}"
    if not adoption.recorded:
        yield f"{file} is in force already: {record}. Nothing was changed."
    else:
        if adoption.begun:
            yield f"A ledger begins for {adoption.node}; its backups are signed by {adoption.openpgp_fingerprint}."
        yield f"{file} is in force: {record}."
        if adoption.changes:
            yield "What changes:"
        for change in adoption.changes:
            yield f"  - {change.sentence}"
    yield _next(adoption)


def stores_not_ready(refused: Iterable[IntendanceError], file: str) -> Iterator[str]:
    """What keeps stores from taking backups yet; the plan is in force all the same."""
    for error in refused:
        yield f"warning: {error.message}"
        yield f"  → No backup can be stored there yet. Mend that, then: `intendance plan adopt {file}`"


def _next(adoption: Adoption) -> str:
    if adoption.agent_told:
        return "  → The agent follows it from now on: `intendance status`"
    first = next((name for name, asset in adoption.plan.assets.items() if asset.backup is not None), None)
    if adoption.begun and first is not None:
        return (
            f"  → Make the first backup: `intendance backup run {first}`; then let the agent do it: `intendance agent`"
        )
    return "  → No agent is running here: `intendance agent`"


def answer(adoption: Adoption) -> dict[str, Any]:
    """`plan adopt --json`."""
    return {
        "schema": "intendance.adoption/1",
        "adopted": adoption.recorded,
        "evidence": {"node": adoption.node, "seq": adoption.seq},
        "source_sha256": adoption.source_sha256,
        "openpgp_fingerprint": adoption.openpgp_fingerprint,
        "changes": [
            {"name": change.name, "sentence": change.sentence, "severe": change.severe} for change in adoption.changes
        ],
        "agent_told": adoption.agent_told,
    }
