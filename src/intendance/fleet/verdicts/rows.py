"""A verdict as the manager's tables hold it, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from intendance.fleet.database.instants import from_us, to_us
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Citation, Excuse, Param, Reason, Severity, State, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Why:
    """Why, and what else a row has no column for. An instant stands in a list by itself: in JSON it is text."""

    code: str
    params: dict[str, str | int | tuple[datetime]]
    at_least: bool = False
    excuse: Excuse | None = None


_decode_why = msgspec.json.Decoder(_Why).decode
_decode_cites = msgspec.json.Decoder(tuple[Citation, ...]).decode
NEVER = 0
"""A `since_us` that nobody knows: no verdict is as old as 1970."""
TOLD = ("node", "rule", "asset", "state", "severity", "since_us", "reason", "evidence", "attested_by", "next_change_us")
"""The columns that say what a verdict is."""
COLUMNS = (*TOLD, "judged_us")
"""All columns of a verdict."""


def to_row(verdict: Verdict, judged_us: int) -> dict[str, Any]:
    """The row of a verdict."""
    params = {name: (value,) if isinstance(value, datetime) else value for name, value in verdict.reason.params.items()}
    why = _Why(code=verdict.reason.code, params=params, at_least=verdict.since_at_least, excuse=verdict.excuse)
    return {
        "node": verdict.node,
        "rule": verdict.rule,
        "asset": verdict.asset or "",
        "state": verdict.state.value,
        "severity": verdict.severity.value,
        "since_us": NEVER if verdict.since is None else to_us(verdict.since),
        "reason": msgspec.json.encode(why).decode(),
        "evidence": msgspec.json.encode(verdict.cites).decode(),
        "attested_by": "" if verdict.attested_by is None else verdict.attested_by.value,
        "judged_us": judged_us,
        "next_change_us": None if verdict.next_change_at is None else to_us(verdict.next_change_at),
    }


def to_verdict(row: Any) -> Verdict:
    """The verdict of a row."""
    why = _decode_why(row.reason)
    params: dict[str, Param] = {
        name: value[0] if isinstance(value, tuple) else value for name, value in why.params.items()
    }
    return Verdict(
        rule=row.rule,
        asset=row.asset or None,
        node=row.node,
        state=State(row.state),
        severity=Severity(row.severity),
        since=None if row.since_us == NEVER else from_us(row.since_us),
        reason=Reason(code=why.code, params=params),
        cites=_decode_cites(row.evidence),
        attested_by=Attestor(row.attested_by) if row.attested_by else None,
        next_change_at=None if row.next_change_us is None else from_us(row.next_change_us),
        since_at_least=why.at_least,
        excuse=why.excuse,
    )
