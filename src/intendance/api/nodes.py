"""Who belongs to the fleet, what is maintained there, and what no sound node does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from intendance.api import cursor
from intendance.api.operation import PAGE, Call, Operation, Parameter
from intendance.api.shapes import NodeShown, instant, node_shown
from intendance.fleet.reading.service import AssetHeld, Finding
from intendance.fleet.tokens.decide import Scope
from intendance.language import dates
from intendance.model.evidence.lifecycle import ScheduleEntry
from intendance.model.frozen import dataclass

NODE = Parameter(name="node", where="path", summary="The node's name.")
OF_NODE = Parameter(name="node", summary="Only of this node.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Nodes by name, those that left the fleet too. `next` is the `cursor` of the next page."""

    schema: Literal["intendance.nodes/1"] = "intendance.nodes/1"
    fleet: str
    nodes: tuple[NodeShown, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node."""

    schema: Literal["intendance.node/1"] = "intendance.node/1"
    fleet: str
    node: NodeShown


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetShown:
    """Something maintained on a node. `engine` and what follows are null where its declaration has not arrived;
    `verdicts` counts those on it by state."""

    node: str
    asset: str
    engine: str | None
    subject: str | None
    first_declared_at: str | None
    schedules: tuple[ScheduleEntry, ...]
    stores: tuple[str, ...]
    databases: tuple[str, ...]
    retention_days: int | None
    verdicts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """Assets by node and name."""

    schema: Literal["intendance.assets/1"] = "intendance.assets/1"
    assets: tuple[AssetShown, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingShown:
    """What no sound node does: `kind` is one of docs/fleet.md's table; it stands until somebody settled it."""

    id: int
    node: str
    incarnation: int
    kind: str
    subject: str
    detail: str
    found_at: str
    settled_at: str | None
    settled_by: str
    settled_why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Findings, newest first."""

    schema: Literal["intendance.findings/1"] = "intendance.findings/1"
    findings: tuple[FindingShown, ...]
    next: str | None


def nodes(call: Call) -> Nodes:
    """A page of nodes."""
    (after,) = call.after(str) or ("",)
    found = call.services.reading.nodes.listed(after=after, limit=call.limit)
    more = cursor.write(found[-1].node) if len(found) == call.limit else None
    return Nodes(fleet=call.services.fleet, nodes=tuple(map(node_shown, found)), next=more)


def node(call: Call) -> Node:
    """One node. Raises NodeNotEnrolled."""
    return Node(fleet=call.services.fleet, node=node_shown(call.services.reading.nodes.one(call.text("node"))))


def assets(call: Call) -> Assets:
    """A page of assets."""
    after = call.after(str, str) or ("", "")
    found = call.services.reading.page_of_assets(call.text("node"), (after[0], after[1]), call.limit)
    more = cursor.write(found[-1].node, found[-1].asset) if len(found) == call.limit else None
    return Assets(assets=tuple(map(_asset, found)), next=more)


def _asset(held: AssetHeld) -> AssetShown:
    told = held.declared
    return AssetShown(
        node=held.node,
        asset=held.asset,
        engine=None if told is None else told.engine,
        subject=None if told is None else told.subject,
        first_declared_at=None if told is None else told.first_declared_at,
        schedules=() if told is None else told.schedules,
        stores=() if told is None else told.stores,
        databases=() if told is None else told.databases,
        retention_days=None if told is None else told.retention_days,
        verdicts=held.states,
    )


def findings(call: Call) -> Findings:
    """A page of findings."""
    (before,) = call.after(int) or (None,)
    settled = {"": None, "yes": True, "no": False}[call.text("settled")]
    found = call.services.reading.page_of_findings(call.text("node"), before, call.limit, settled=settled)
    more = cursor.write(found[-1].id) if len(found) == call.limit else None
    return Findings(findings=tuple(map(_finding, found)), next=more)


def _finding(found: Finding) -> FindingShown:
    return FindingShown(
        id=found.id,
        node=found.node,
        incarnation=found.incarnation,
        kind=found.kind,
        subject=found.subject,
        detail=found.detail,
        found_at=dates.iso(found.found_at),
        settled_at=instant(found.settled_at),
        settled_by=found.settled_by,
        settled_why=found.settled_why,
    )


OPERATIONS = (
    Operation(
        name="nodes",
        path="/api/v1/nodes",
        summary="The nodes of the fleet, by name",
        scope=Scope.READ,
        answered=nodes,
        answer=Nodes,
        parameters=PAGE,
    ),
    Operation(
        name="node",
        path="/api/v1/nodes/{node}",
        summary="One node",
        scope=Scope.READ,
        answered=node,
        answer=Node,
        parameters=(NODE,),
    ),
    Operation(
        name="assets",
        path="/api/v1/assets",
        summary="What is maintained, by node and name",
        scope=Scope.READ,
        answered=assets,
        answer=Assets,
        parameters=(OF_NODE, *PAGE),
    ),
    Operation(
        name="findings",
        path="/api/v1/findings",
        summary="What no sound node does, newest first",
        scope=Scope.READ,
        answered=findings,
        answer=Findings,
        parameters=(
            OF_NODE,
            Parameter(name="settled", summary="Only those (not) settled.", kind="choice", choices=("yes", "no")),
            *PAGE,
        ),
    ),
)
