"""Evidence about deliveries that passed the gate."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """A verdict as the gate saw it; `reason` is the code of its reason."""

    rule: str
    asset: str | None
    state: str
    severity: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePassed:
    """A repair was let through although the rule that it mends was broken; every other blocking rule held.

    `judged` are all verdicts of that instant on rules that this version performs, worst first; `let_through` are those
    among them that would have closed the gate.
    """

    rule: str
    ticket: str
    judged_at: str
    catalogues: tuple[str, ...]
    let_through: tuple[GateVerdict, ...]
    judged: tuple[GateVerdict, ...]
    not_performed: tuple[str, ...] = ()
