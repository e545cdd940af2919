"""Whether a node is alone: no manager hears it, or none ever did."""

from __future__ import annotations

from pathlib import Path

from intendance.agent import membership
from intendance.agent.fallback import decide
from intendance.agent.heartbeat import SPOOLED, Spool
from intendance.model.plan import Plan


def silent_since_us(state: Path, now_us: int) -> int | None:
    """Since when no manager hears the node; None where one does, or there is none."""
    if membership.mark(state) is None:
        return None
    beats = Spool(state / "agent" / "beats.spool").oldest(SPOOLED)
    return decide.silent_since_us([beat.sent_at for beat in beats], now_us)


def must_look(state: Path, plan: Plan, now_us: int) -> bool:
    """Whether nobody else would tell people: the manager is silent for too long, or there never was one."""
    if plan.alerts is None or plan.alerts.email is None:
        return False
    if membership.mark(state) is None:
        return True
    return decide.is_alone(silent_since_us(state, now_us), plan.node.id, now_us)
