"""What an adoption did, drawn for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from intendance.agent.adoption import Adoption
from intendance.cli.plan_diff import change_json
from intendance.language.spoken import message_of
from intendance.language.texts import Translator
from intendance.model.errors import IntendanceError


def lines(_: Translator, adoption: Adoption, file: str) -> Iterator[str]:
    """`plan adopt` for people: what changed, the ledger record, the next command."""
    names = {"file": file, "seq": adoption.seq, "node": adoption.node}
    if not adoption.recorded:
        yield _("{file} is in force already: record {seq} of the ledger of {node}. Nothing was changed.").format(
            **names
        )
    else:
        if adoption.begun:
            yield _("A ledger begins for {node}; its backups are signed by {fingerprint}.").format(
                node=adoption.node, fingerprint=adoption.openpgp_fingerprint
            )
        yield _("{file} is in force: record {seq} of the ledger of {node}.").format(**names)
        if adoption.changes:
            yield _("What changes:")
        for change in adoption.changes:
            yield f"  - {change.said.write(_)}"
    yield f"  → {_next(_, adoption)}"


def stores_not_ready(_: Translator, refused: Iterable[IntendanceError], file: str) -> Iterator[str]:
    """What keeps stores from taking backups yet; the plan is in force all the same."""
    for error in refused:
        yield _("warning: {message}").format(message=message_of(error, _.language))
        yield "  → " + _("No backup can be stored there yet. Mend that, then: {command}").format(
            command=f"`intendance plan adopt {file}`"
        )


def _next(_: Translator, adoption: Adoption) -> str:
    if adoption.agent_told:
        return _("The agent follows it from now on: {command}").format(command="`intendance status`")
    agent = "`intendance up`" if adoption.plan.alerts is not None else "`intendance agent`"  # a manager tells people
    first = next((name for name, asset in adoption.plan.assets.items() if asset.backup is not None), None)
    if adoption.begun and first is not None:
        return _("Make the first backup: {command}; then let the agent do it: {agent}").format(
            command=f"`intendance backup run {first}`", agent=agent
        )
    return _("No agent is running here: {agent}").format(agent=agent)


def answer(adoption: Adoption) -> dict[str, Any]:
    """`plan adopt --json`."""
    return {
        "schema": "intendance.adoption/1",
        "adopted": adoption.recorded,
        "evidence": {"node": adoption.node, "seq": adoption.seq},
        "source_sha256": adoption.source_sha256,
        "openpgp_fingerprint": adoption.openpgp_fingerprint,
        "changes": [change_json(change) for change in adoption.changes],
        "declared": list(adoption.plan.declared),
        "agent_told": adoption.agent_told,
    }
