"""The figures of a manager as metrics: names with units, instants rather than ages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from intendance.api.exposition import Family, Labels
from intendance.catalogue.rule import Rulebook
from intendance.fleet.reading.figures import ALERT_STATES, NODE_STATES, OUTBOX_STATES, Figures, NodeFigures, Watching
from intendance.model.alerting import Urgency
from intendance.model.verdict import State

_ANSWERS = ("holds", "broken", "unknown")
_TOLD_OF_RULES = (State.FAIL, State.ERROR, State.UNKNOWN, State.PENDING, State.WAIVED, State.PASS)


def families(found: Figures, book: Rulebook, version: str) -> Iterator[Family]:
    """Every metric of a manager and its fleet."""
    build = (("fleet", found.fleet), ("version", version))
    told = "The version that the manager runs, and the fleet that it keeps."
    yield Family(name="intendance_build", kind="info", told=told, samples=((build, 1),))
    told = "Whether all blocking rules hold everywhere: 1 beside the answer that is true."
    answers = (((("answer", each),), float(found.answer == each)) for each in _ANSWERS)
    yield _gauge("intendance_answer", told, answers)
    yield from _of_manager(found)
    yield from _of_nodes(found.nodes)
    yield from _of_rules(found, book)
    yield from _of_trouble(found)


def _of_manager(found: Figures) -> Iterator[Family]:
    judged, written = found.judged_at.timestamp(), found.flushed_at.timestamp()
    yield _one("intendance_manager_working", "1 unless something keeps the manager from its work.", found.works)
    yield _one("intendance_manager_leader", "1 on the one of several managers that judges and alerts.", found.leads)
    yield _one("intendance_manager_judged_timestamp_seconds", "When nodes were last looked at, to be judged.", judged)
    told = "When heartbeats were last written to the database."
    yield _one("intendance_manager_heartbeats_written_timestamp_seconds", told, written)
    counted = (((("result", "counted"),), found.heard), ((("result", "refused"),), found.refused))
    yield from _of_watching(found.watching)
    told = "Heartbeats since this process began, counted or refused."
    yield Family(name="intendance_heartbeats", kind="counter", told=told, samples=counted)


def _of_watching(found: Watching) -> Iterator[Family]:
    """One metric for each instant that there is."""
    for name, told, at in (
        ("manager_ticked", "When the leader looked for silent nodes last.", found.ticked_at),
        ("canary_begun", "When the daily proof that alerts arrive began last.", found.canary_begun_at),
        ("canary_done", "When the daily proof that alerts arrive came through last.", found.canary_done_at),
        ("observer_answered", "When the observer elsewhere took what it was told last.", found.observer_answered_at),
        ("observer_failing", "Since when the observer elsewhere fails.", found.observer_failing_since),
    ):
        if at is not None:
            yield _one(f"intendance_{name}_timestamp_seconds", told, at.timestamp())


def _of_nodes(nodes: tuple[NodeFigures, ...]) -> Iterator[Family]:
    told = "How a node is heard: 1 beside its state."
    states = (
        ((("node", each.node), ("state", state)), float(each.state == state)) for each in nodes for state in NODE_STATES
    )
    yield _gauge("intendance_node_state", told, states)
    for name, told, values in (
        (
            "last_heartbeat_timestamp_seconds",
            "When a node was heard last.",
            [each.last_seen_at.timestamp() for each in nodes],
        ),
        ("clock_skew_seconds", "A node's clock minus the manager's.", [each.skew_ms / 1000 for each in nodes]),
        ("spooled_heartbeats", "Heartbeats that a node keeps: nobody heard them.", [each.spooled for each in nodes]),
        ("evidence_records", "Ledger records of a node that are here.", [each.records for each in nodes]),
        ("evidence_signed_records", "Those that a head which it signed covers.", [each.signed for each in nodes]),
    ):
        singly = (((("node", each.node),), value) for each, value in zip(nodes, values, strict=True))
        yield _gauge(f"intendance_node_{name}", told, singly)
    told = "Verdicts on a node and what is maintained there, by state."
    verdicts = (
        ((("node", each.node), ("state", state.value)), each.verdicts[state]) for each in nodes for state in State
    )
    yield _gauge("intendance_node_verdicts", told, verdicts)


def _of_rules(found: Figures, book: Rulebook) -> Iterator[Family]:
    told = "Verdicts of a rule in the whole fleet, by state."
    verdicts = (
        (
            (("rule", rule.id), ("severity", rule.severity.value), ("state", state.value)),
            found.rules.get(rule.id, {}).get(state.value, 0),
        )
        for rule in book.rules.values()
        if rule.performed
        for state in _TOLD_OF_RULES
    )
    yield _gauge("intendance_rule_verdicts", told, verdicts)


def _of_trouble(found: Figures) -> Iterator[Family]:
    told = "What no sound node does, seen and not settled, by kind."
    findings = (((("kind", kind),), count) for kind, count in sorted(found.findings.items()))
    yield _gauge("intendance_findings", told, findings)
    alerts = (
        ((("severity", urgency), ("state", state)), found.alerts.get((state, urgency), 0))
        for state in ALERT_STATES
        for urgency in get_args(Urgency)
    )
    yield _gauge("intendance_alerts", "Alerts that are open, by state and urgency.", alerts)
    messages = (((("state", state),), found.messages.get(state, 0)) for state in OUTBOX_STATES)
    yield _gauge("intendance_outbox_messages", "Messages about alerts that were not delivered, by state.", messages)
    if found.oldest_message_at is not None:
        told = "Since when the oldest message waits."
        yield _one("intendance_outbox_oldest_timestamp_seconds", told, found.oldest_message_at.timestamp())


def _gauge(name: str, told: str, samples: Iterable[tuple[Labels, float]]) -> Family:
    return Family(name=name, kind="gauge", told=told, samples=tuple(samples))


def _one(name: str, told: str, value: float) -> Family:
    return _gauge(name, told, [((), float(value))])
