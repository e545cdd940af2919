"""What programs ask of a manager: every list by keys, so that a page costs what it holds, wherever it begins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, case, func, or_, select, tuple_

from intendance.fleet.database.connect import Database, from_us
from intendance.fleet.database.tables import evidence_head, evidence_record, finding, node, verdict
from intendance.fleet.ledgers.service import open_doubts
from intendance.fleet.nodes.service import Nodes, NodeSeen
from intendance.fleet.reading import decide
from intendance.fleet.reading.decide import Answer, EndedRun
from intendance.fleet.reading.proving import ProvedRecord, Proving
from intendance.fleet.verdicts import rows
from intendance.fleet.verdicts.records import HeldRecord
from intendance.fleet.verdicts.service import Verdicts
from intendance.fleet.verdicts.source import NodeLedger
from intendance.fleet.verdicts.standing import BELIEVED_NO_MORE, Standing, contradicted, disbelieved, rank
from intendance.ledger import envelope
from intendance.model.errors.accounts import PageUnknown
from intendance.model.errors.api import NodeLeft
from intendance.model.errors.fleet import NodeNotEnrolled
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.evidence.lifecycle import AssetDeclared, PlanAdopted
from intendance.model.evidence.run import ENDS
from intendance.model.frozen import dataclass
from intendance.model.verdict import State, Verdict

_HEARD = ("up", "late", "silenced")
"""The states of a node whose last word is an answer for now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStanding:
    """How one node stands: the plan that it follows, if one arrived, and every verdict on it, worst first."""

    node: NodeSeen
    standing: Standing
    plan: PlanAdopted | None
    verdicts: tuple[Verdict, ...]
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetHeld:
    """Something maintained on a node: how it was declared last, if that arrived, and how many verdicts on it are in
    which state."""

    node: str
    asset: str
    declared: AssetDeclared | None
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What no sound node does, seen of one."""

    id: int
    node: str
    incarnation: int
    kind: str
    subject: str
    detail: str
    found_at: datetime
    settled_at: datetime | None
    settled_by: str
    settled_why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which verdicts are asked for; empty: all."""

    node: str = ""
    rule: str = ""
    asset: str = ""
    state: str = ""
    severity: str = ""


class Reading:
    """Reads a manager's database for programs. Every method is one transaction, and raises DatabaseUnreachable."""

    def __init__(self, database: Database, nodes: Nodes, verdicts: Verdicts) -> None:
        self._database = database
        self._proving = Proving(database)
        self.nodes = nodes
        self.verdicts = verdicts

    def fleet(self) -> tuple[Standing, Answer]:
        """How the whole fleet stands."""
        standing = self.verdicts.standing()
        deaf = bool(standing.stopped or standing.silent or standing.unjudged or standing.doubts or not standing.nodes)
        found = decide.answer(map(standing.believed, standing.verdicts), deaf=deaf)
        return standing, "broken" if standing.doubted else found

    def of_node(self, name: str) -> NodeStanding:
        """How one node of the fleet stands. Raises NodeNotEnrolled, NodeLeft."""
        seen = self.nodes.one(name)
        if seen.decommissioned_at is not None:
            raise NodeLeft(node=name)
        standing = self.verdicts.standing()
        with self._database.read() as connection:
            plan = _latest(NodeLedger(connection, name), "plan.adopted")
        found = tuple(sorted(map(standing.believed, self.verdicts.of_node(name)), key=rank))
        doubts = any(each.node == name for each in standing.doubts)
        answer = decide.answer(found, deaf=standing.stopped or seen.state not in _HEARD or not found or doubts)
        return NodeStanding(
            node=seen,
            standing=standing,
            plan=plan,
            verdicts=found,
            answer="broken" if name in standing.doubted else answer,
        )

    def page_of_verdicts(self, wanted: Wanted, after: tuple[str, str, str], limit: int) -> tuple[Verdict, ...]:
        """Verdicts by node, rule and asset, those that come after such a key."""
        key = tuple_(verdict.c.node, verdict.c.rule, verdict.c.asset)
        known = verdict.c.rule.in_(sorted(self.verdicts.rulebook.rules))  # others are of another version
        asked = select(verdict).where(key > tuple_(*after), _belongs(verdict.c.node), known)
        asked = asked.order_by(verdict.c.node, verdict.c.rule, verdict.c.asset).limit(limit)
        with self._database.read() as connection:
            doubted = contradicted(open_doubts(connection))
            columns = {each.name: each for each in verdict.c} | {"state": _told_state(doubted)}
            for name in ("node", "rule", "asset", "state", "severity"):
                value = getattr(wanted, name)
                if value:
                    asked = asked.where(columns[name] == value)
            found = tuple(map(rows.to_verdict, connection.execute(asked)))
        return tuple(disbelieved(each) if each.node in doubted else each for each in found)

    def counts_by_rule(self) -> Mapping[str, Mapping[str, int]]:
        """How many verdicts of each rule are in each state."""
        counts: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            state = _told_state(contradicted(open_doubts(connection)))
            asked = select(verdict.c.rule, state.label("state"), func.count().label("found"))
            asked = asked.where(_belongs(verdict.c.node)).group_by(verdict.c.rule, state)
            for row in connection.execute(asked):
                counts.setdefault(row.rule, {})[row.state] = row.found
        return counts

    def page_of_assets(self, name: str, after: tuple[str, str], limit: int) -> tuple[AssetHeld, ...]:
        """Assets by node and name, of one node or (with an empty name) of all."""
        column = verdict.c
        here = (column.asset != "") & _belongs(column.node)
        if name:
            here &= column.node == name
        key = tuple_(column.node, column.asset)
        asked = select(column.node, column.asset).where(here, key > tuple_(*after)).distinct()
        asked = asked.order_by(column.node, column.asset).limit(limit)
        with self._database.read() as connection:
            found = [(row.node, row.asset) for row in connection.execute(asked)]
            states = _states(connection, found)
            return tuple(
                AssetHeld(
                    node=on,
                    asset=asset,
                    declared=_latest(NodeLedger(connection, on), "asset.declared", asset),
                    states=states.get((on, asset), {}),
                )
                for on, asset in found
            )

    def page_of_records(
        self, name: str, before: int | None, limit: int, *, kind: str = "", asset: str = ""
    ) -> tuple[HeldRecord, ...]:
        """Records of a node's present ledger, newest first: those below a number. Raises NodeNotEnrolled."""
        kinds = (kind,) if kind else ()
        with self._database.read() as connection:
            return tuple(_records(connection, name, kinds, asset, before, limit))

    def record(self, name: str, seq: int) -> ProvedRecord:
        """One record of a node's present ledger, proved. Raises PageUnknown, LedgerCopyDiffers."""
        found = self._proving.record(name, seq)
        if found is None:
            raise PageUnknown(name=f"{name} {seq}")
        return found

    def page_of_runs(
        self, name: str, before: int | None, limit: int, *, asset: str = ""
    ) -> tuple[tuple[EndedRun, ...], int | None]:
        """Attempts of runs that ended on a node, newest first, and where the next page begins (None: there is none).
        Only what the node has signed for. Raises NodeNotEnrolled."""
        with self._database.read() as connection:
            found = list(_records(connection, name, ENDS, asset, before, limit))
        told = (decide.ended_run(msgspec.json.decode(each.content)) for each in found if each.covered)
        return tuple(each for each in told if each is not None), found[-1].seq if len(found) == limit else None

    def page_of_findings(
        self, name: str, before: int | None, limit: int, *, settled: bool | None = None
    ) -> tuple[Finding, ...]:
        """Findings, newest first: those below a number, of one node or (with an empty name) of all."""
        asked = select(finding).order_by(finding.c.id.desc()).limit(limit)
        if name:
            asked = asked.where(finding.c.node == name)
        if before is not None:
            asked = asked.where(finding.c.id < before)
        if settled is not None:
            ended = finding.c.settled_us
            asked = asked.where(ended.is_not(None) if settled else ended.is_(None))
        with self._database.read() as connection:
            return tuple(map(_finding, connection.execute(asked)))


def _told_state(doubted: frozenset[str]) -> ColumnElement[str]:
    """The state of a verdict as it may be told: what rests on a ledger that contradicts itself is unknown."""
    well = verdict.c.node.in_(doubted) & verdict.c.state.in_([state.value for state in BELIEVED_NO_MORE])
    return case((well, State.UNKNOWN.value), else_=verdict.c.state)


def _belongs(column: ColumnElement[str]) -> ColumnElement[bool]:
    """Of a node of the fleet, or (empty) of the fleet itself: who left it is judged no more."""
    return or_(column == "", column.in_(select(node.c.node).where(node.c.decommissioned_us.is_(None))))


def _latest(ledger: NodeLedger, kind: str, asset: str | None = None) -> Any:
    """The latest evidence of a kind; None where there is none that this version can read."""
    try:
        found = ledger.facts(kind, asset=asset, latest=1)
    except RecordUnreadable:
        return None
    return found[0].data if found else None


def _states(connection: Connection, assets: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, int]]:
    column = verdict.c
    state = _told_state(contradicted(open_doubts(connection)))
    asked = select(column.node, column.asset, state.label("state"), func.count().label("found"))
    asked = asked.where(tuple_(column.node, column.asset).in_(assets))
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in connection.execute(asked.group_by(column.node, column.asset, state)):
        counts.setdefault((row.node, row.asset), dict.fromkeys(State, 0))[State(row.state)] = row.found
    return counts


def _records(
    connection: Connection, name: str, kinds: tuple[str, ...], asset: str, before: int | None, limit: int
) -> list[HeldRecord]:
    head, record = evidence_head.c, evidence_record.c
    newest = select(head.incarnation, head.signed_size).where(head.node == name)
    here = connection.execute(newest.order_by(head.incarnation.desc()).limit(1)).one_or_none()
    if here is None:
        raise NodeNotEnrolled(node=name, suggestion=".")
    wanted = (record.node == name) & (record.incarnation == here.incarnation)
    if kinds:
        wanted &= record.kind.in_(kinds)
    if asset:
        wanted &= record.asset == asset
    if before is not None:
        wanted &= record.seq < before
    found = connection.execute(select(evidence_record).where(wanted).order_by(record.seq.desc()).limit(limit))
    return [
        HeldRecord(
            node=name,
            incarnation=row.incarnation,
            seq=row.seq,
            kind=row.kind,
            at=row.ts,
            content=bytes(row.content),
            digest=envelope.digest(bytes(row.content)),
            covered=row.seq < here.signed_size,
        )
        for row in found
    ]


def _finding(row: Any) -> Finding:
    return Finding(
        id=row.id,
        node=row.node,
        incarnation=row.incarnation,
        kind=row.kind,
        subject=row.subject,
        detail=row.detail,
        found_at=from_us(row.found_us),
        settled_at=None if row.settled_us is None else from_us(row.settled_us),
        settled_by=row.settled_by,
        settled_why=row.settled_why,
    )
