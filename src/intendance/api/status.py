"""Do the rules hold, and may a delivery go ahead: for the fleet, or one node of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from intendance.api.nodes import OF_NODE
from intendance.api.operation import Call, Operation
from intendance.api.shapes import VerdictShown, verdict_shown
from intendance.fleet.beats.presence import Presence
from intendance.fleet.reading import decide
from intendance.fleet.reading.decide import Answer
from intendance.fleet.tokens.decide import Scope
from intendance.fleet.verdicts.standing import Standing
from intendance.language import dates
from intendance.model.frozen import dataclass
from intendance.model.verdict import State, Verdict

_KEEPS_SILENT = (Presence.MISSING, Presence.UNOBSERVABLE, Presence.NEVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """How many nodes there are, and of how many the manager knows too little: `silent` ones, named in `missing`, and
    those of which nothing could be judged. While there is one, `answer` is never `holds`. The ledgers of
    `contradicting` nodes hold two histories: what such a node says well of itself is `unknown`."""

    total: int
    heard: int
    silent: int
    unjudged: int
    missing: tuple[str, ...]
    contradicting: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Do the rules hold? `answer`: `broken` when a blocking rule is, or a node's ledger contradicts itself; else
    `unknown` when a rule is, a node is silent, or the manager has not judged for two minutes (`stopped`); else
    `holds`.

    Of a whole fleet (`node` null), `verdicts` are those that do not hold or soon may not; of one node all. Worst first.
    """

    schema: Literal["intendance.fleet-status/1"] = "intendance.fleet-status/1"
    fleet: str
    organisation: str
    node: str | None
    zone: str
    answer: Answer
    judged_at: str
    stopped: bool
    hearing: Hearing
    catalogues: tuple[str, ...]
    assets: tuple[str, ...]
    summary: Mapping[str, int]
    verdicts: tuple[VerdictShown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoped:
    """What was judged."""

    nodes: int
    catalogues: tuple[str, ...]
    assets: tuple[str, ...]
    performed: tuple[str, ...]
    not_performed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """May a delivery go ahead? `open` when `answer` is `holds`; `closed_by` are the verdicts that keep it shut."""

    schema: Literal["intendance.fleet-gate/1"] = "intendance.fleet-gate/1"
    open: bool
    answer: Answer
    fleet: str
    node: str | None
    zone: str
    judged_at: str
    stopped: bool
    hearing: Hearing
    scope: Scoped
    closed_by: tuple[VerdictShown, ...]
    waived: tuple[VerdictShown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """How what was asked about stands."""

    standing: Standing
    answer: Answer
    node: str | None
    zone: str
    hearing: Hearing
    catalogues: tuple[str, ...]
    assets: tuple[str, ...]
    summary: Mapping[str, int]
    verdicts: tuple[Verdict, ...]

    def shown(self, found: Iterable[Verdict]) -> tuple[VerdictShown, ...]:
        """Verdicts for machines."""
        return tuple(verdict_shown(self.standing.rulebook, each, self.zone) for each in found)


def _look(call: Call) -> _Found:
    return _of_node(call, call.text("node")) if call.text("node") else _of_fleet(call)


def _of_fleet(call: Call) -> _Found:
    standing, answer = call.services.reading.fleet()
    missing = tuple(each.node for each in standing.nodes if each.presence in _KEEPS_SILENT)
    return _Found(
        standing=standing,
        answer=answer,
        node=None,
        zone=standing.zone,
        hearing=Hearing(
            total=len(standing.nodes),
            heard=standing.heard,
            silent=standing.silent,
            unjudged=standing.unjudged,
            missing=missing,
            contradicting=tuple(sorted(standing.doubted)),
        ),
        catalogues=(),
        assets=(),
        summary={state.value: count for state, count in standing.summary.items()},
        verdicts=tuple(map(standing.believed, standing.verdicts)),
    )


def _of_node(call: Call, name: str) -> _Found:
    found = call.services.reading.of_node(name)
    heard, judged, plan = found.node.state == "up", bool(found.verdicts), found.plan
    silent = found.node.state not in ("up", "late", "silenced")
    return _Found(
        standing=found.standing,
        answer=found.answer,
        node=name,
        zone=found.standing.zone if plan is None else plan.timezone,
        hearing=Hearing(
            total=1,
            heard=int(heard),
            silent=int(silent),
            unjudged=int(not judged and not silent),
            missing=(name,) if silent else (),
            contradicting=(name,) if name in found.standing.doubted else (),
        ),
        catalogues=() if plan is None else plan.catalogues,
        assets=() if plan is None else plan.assets,
        summary={state.value: sum(each.state is state for each in found.verdicts) for state in State},
        verdicts=found.verdicts,
    )


def status(call: Call) -> Status:
    """How the fleet, or a node of it, stands. Raises NodeNotEnrolled."""
    found = _look(call)
    return Status(
        fleet=found.standing.fleet,
        organisation=found.standing.organisation,
        node=found.node,
        zone=found.zone,
        answer=found.answer,
        judged_at=dates.iso(found.standing.judged_at),
        stopped=found.standing.stopped,
        hearing=found.hearing,
        catalogues=found.catalogues,
        assets=found.assets,
        summary=found.summary,
        verdicts=found.shown(found.verdicts),
    )


def gate(call: Call) -> Gate:
    """Whether a delivery may go ahead. Raises NodeNotEnrolled."""
    found = _look(call)
    book = found.standing.rulebook
    return Gate(
        open=found.answer == "holds",
        answer=found.answer,
        fleet=found.standing.fleet,
        node=found.node,
        zone=found.zone,
        judged_at=dates.iso(found.standing.judged_at),
        stopped=found.standing.stopped,
        hearing=found.hearing,
        scope=Scoped(
            nodes=found.hearing.total,
            catalogues=found.catalogues,
            assets=found.assets,
            performed=tuple(sorted(rule.id for rule in book.rules.values() if rule.judged)),
            not_performed=tuple(sorted(rule.id for rule in book.rules.values() if not rule.judged)),
        ),
        closed_by=found.shown(decide.closing(found.verdicts)),
        waived=found.shown(each for each in found.verdicts if each.state is State.WAIVED),
    )


OPERATIONS = (
    Operation(
        name="status",
        path="/api/v1/status",
        summary="Do the rules hold?",
        scope=Scope.READ,
        answered=status,
        answer=Status,
        parameters=(OF_NODE,),
    ),
    Operation(
        name="gate",
        path="/api/v1/gate",
        summary="May a delivery go ahead?",
        scope=Scope.READ,
        answered=gate,
        answer=Gate,
        parameters=(OF_NODE,),
    ),
)
