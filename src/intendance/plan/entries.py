"""What a node's entry of a fleet's plan asks less of than the rest of the file does: allowed by the rules, and told.

Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from intendance.catalogue.rule import Rulebook
from intendance.plan.fleet import NodePlan, common
from intendance.plan.forms import FORMS
from intendance.plan.problems import Fault
from intendance.plan.reading import value_at
from intendance.plan.saying import say
from intendance.plan.weighing import ABSENT, Difference, differences, is_looser
from intendance.plan.writing import flow


def warnings(data: Any, node: NodePlan, rulebook: Rulebook, now: datetime) -> Iterator[Fault]:
    """Every value of the node's plan that is looser than the common one, and all that it leaves out besides."""
    zone = value_at(node.data, "organisation", "timezone")
    if not isinstance(zone, str) or FORMS["timezone"](zone) is not None:
        return
    for found in differences(common(data), node.data):
        if is_looser(found, rulebook, zone, now):
            said = say(
                "{value} asks less of this node than `{shared}`, which the file says for all",
                value=f"`{flow(found.after)}`",
                shared=flow(found.before),
            )
            fix = say("remove it if that is not meant")
            yield Fault(path=found.path, code="looser-on-node", message=said, fix=fix)
        elif _leaves_out(found):
            said = say("this node leaves out `{pattern}`, which the others keep", pattern=str(found.after))
            fix = say("remove it if that is not meant")
            yield Fault(path=found.path, code="left-out-on-node", message=said, fix=fix)


def _leaves_out(found: Difference) -> bool:
    """Whether a tree that all nodes keep is kept by this one with less in it."""
    place = (found.path[:1], found.path[2:3], found.path[3:])
    return found.before is ABSENT and place[:2] == (("assets",), ("exclude",)) and len(place[2]) <= 1
