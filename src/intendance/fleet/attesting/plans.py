"""The plans of nodes as the manager was started with them: it looks into the stores that these name."""

from __future__ import annotations

from pathlib import Path

from intendance.model.errors.attesting import NodeNotInPlan
from intendance.model.errors.plan import PlanOfOtherVersion
from intendance.model.plan import Plan
from intendance.plan.adopted import decode


def plan_of(node: str, folder: Path, common: Path) -> Plan:
    """The plan of a node: its own file in a folder, else the one plan of the manager, where it is this node's.

    Raises NodeNotInPlan, PlanOfOtherVersion.
    """
    for path in (folder / f"{node}.json", common):
        try:
            plan = decode(path.read_bytes())
        except OSError:
            continue
        except ValueError as error:
            raise PlanOfOtherVersion(state=path.parent, detail=str(error)) from error
        if plan.node.id == node:
            return plan
    raise NodeNotInPlan(node=node)
