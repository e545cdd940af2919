"""Errors of the manager that looks into stores itself."""

from __future__ import annotations

from intendance.model.errors import IntendanceError


class NodeNotInPlan(IntendanceError):
    """The manager's plan does not name {node}, so the manager knows neither its stores nor how to read them."""

    next_step = "Name it in the plan that the manager is started with, under `nodes:`, and start the manager again."


class NodeNotHeard(IntendanceError):
    """No heartbeat of {node} was heard yet: it may run on the manager's own machine, whose word would be its own."""

    next_step = "See that its agent runs and reaches the manager: `intendance node list`."


class NodeOnThisMachine(IntendanceError):
    """{node} runs on the manager's own machine: what the manager sees there is no other's word than the node's."""

    next_step = (
        "Run the manager on another machine, or let a host of the plan look: `intendance backup inspect --host`."
    )


class NodeKeyNotHeld(IntendanceError):
    """The key that {node} signs its sets with is not known here: the first record of its ledger has not arrived."""

    next_step = "See that its agent runs and reaches the manager: `intendance node list`."


class NothingInReach(IntendanceError):
    """No store of {asset} can be meant on the manager's machine: they are folders of the node."""

    next_step = "Give the asset a store that other machines reach, or mount the folder at the same path here."


class LookEnded(IntendanceError):
    """The look into the stores of {asset} ended before it was done: {detail}."""

    next_step = "See the manager's journal; it looks again within the hour."
