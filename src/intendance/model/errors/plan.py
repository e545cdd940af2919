"""Errors of plans: reading, checking and adopting them."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class PlanMissing(IntendanceError):
    """There is no plan in {looked}."""

    next_step = "Name the file: `intendance plan check FILE`, or `--plan FILE` for every command."
    exit_code = Exit.USAGE


class PlanUnreadable(IntendanceError):
    """The plan {plan} cannot be read: {detail}."""

    next_step = "See that it is a file and that you may read it."
    exit_code = Exit.USAGE


class PlanInvalid(IntendanceError):
    """{plan} is not a valid plan: {count} to correct."""

    next_step = "See each with its line and what to write instead: `intendance plan check {plan}`. Nothing was changed."
    exit_code = Exit.USAGE


class NodeUnnamed(IntendanceError):
    """{plan} is the plan of several nodes: {nodes}."""

    next_step = "Say which one is meant: `--node NAME`."
    exit_code = Exit.USAGE


class NodeUnknown(IntendanceError):
    """{plan} says nothing of the node {node}; it is the plan of {nodes}."""

    next_step = "Name one of these with `--node`, or add `{node}: {{}}` under `nodes` in the plan. Nothing was changed."
    exit_code = Exit.USAGE


class FleetImmutable(IntendanceError):
    """The plan says {option} `{written}`, but the ledger in {state} is that of {option} `{recorded}`."""

    next_step = "Write `{recorded}` in the plan, or name another folder with `--state` to begin a new ledger."
    exit_code = Exit.USAGE


class NotConfirmed(IntendanceError):
    """This plan takes protection away, or does what cannot be undone: {changes}."""

    next_step = "If that is meant, say so by name: `intendance plan adopt {plan} {confirm}`. Nothing was changed."
    exit_code = Exit.USAGE


class NothingToConfirm(IntendanceError):
    """`--confirm {name}` names nothing that this plan takes away."""

    next_step = "{remedy} Nothing was changed."
    exit_code = Exit.USAGE


class PlanAltered(IntendanceError):
    """The adopted plan in {state} is not the one that the ledger records: {detail}."""

    next_step = "Adopt the plan again from its source: `intendance plan adopt FILE`. Nothing is performed until then."


class PlanOfOtherVersion(IntendanceError):
    """Another version of Intendance wrote the adopted plan in {state}, and this one cannot read it: {detail}."""

    next_step = (
        "Install the version that adopted it, or adopt the plan again with this one: `intendance plan adopt FILE`. "
        "Nothing is performed until then."
    )
