"""The gate: a broken blocking rule can be mended under a ticket, only its breakage passes, and that is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from intendance.agent.gating import TICKET_LIMIT_CHARACTERS, Passage, gate
from intendance.ledger.book import Book
from intendance.model.errors import Exit, IntendanceError
from intendance.model.errors.catalogue import RuleNotJudged, RuleUnknown
from intendance.model.errors.gate import NothingToLetThrough, TicketAlone, TicketMissing, TicketUnusable
from intendance.model.errors.state import NoState
from intendance.model.verdict import Severity, State
from tests.golden.lives import live
from tests.support.clock import MovableClock
from tests.support.evidence import START


def _ask(state: Path, clock: MovableClock, fixes: str | None = None, ticket: str | None = None) -> Passage:
    return gate(state, clock, fixes=fixes, ticket=ticket, actor="person:ada")


def _passed(state: Path, clock: MovableClock) -> int:
    with Book.open(state, clock) as book:
        return len(book.facts("gate.passed"))


def test_a_repair_is_let_through_and_recorded_with_what_was_judged(tmp_path: Path) -> None:
    clock = live("late-inspection", tmp_path)
    shut = _ask(tmp_path, clock)
    assert shut.exit_code is Exit.BROKEN
    assert {each.rule for each in shut.closing} == {"ASBL_012"}
    passage = _ask(tmp_path, clock, "asbl-012", " OPS-118 ")
    assert (passage.exit_code, passage.closing) == (Exit.DONE, ())
    assert passage.let_through == shut.closing
    assert passage.record is not None
    with Book.open(tmp_path, clock) as book:
        (fact,) = book.facts("gate.passed")
        assert book.record(fact.seq).actor == "person:ada"
    assert fact.seq == passage.record.seq
    assert (fact.data.rule, fact.data.ticket) == ("ASBL_012", "OPS-118")
    assert [(each.rule, each.state) for each in fact.data.let_through] == [("ASBL_012", "fail")] * 2
    assert [(each.rule, each.asset, each.state) for each in fact.data.judged] == [
        (each.rule, each.asset, each.state.value) for each in shut.judgement.verdicts
    ]
    assert set(fact.data.not_performed) == {each.rule for each in shut.judgement.not_performed}


def test_the_record_changes_no_verdict_and_opens_the_gate_once(tmp_path: Path) -> None:
    clock = live("late-inspection", tmp_path)
    _ask(tmp_path, clock, "ASBL_012", "OPS-118")
    assert _ask(tmp_path, clock).exit_code is Exit.BROKEN


def test_only_that_rules_breakage_is_let_through(tmp_path: Path) -> None:
    clock = live("trouble", tmp_path)
    shut = _ask(tmp_path, clock)
    passage = _ask(tmp_path, clock, "MAINT_010", "OPS-118")
    assert passage.exit_code is Exit.BROKEN
    assert {(each.rule, each.state) for each in passage.let_through} == {("MAINT_010", State.FAIL)}
    assert len(passage.closing) + len(passage.let_through) == len(shut.closing)
    assert passage.record is None
    assert _passed(tmp_path, clock) == 0


def test_what_is_unknown_keeps_the_gate_shut(tmp_path: Path) -> None:
    passage = _ask(tmp_path, live("alone-under-maint", tmp_path))
    assert passage.exit_code is Exit.UNKNOWN
    assert all(each.severity is Severity.BLOCKING and each.state is State.UNKNOWN for each in passage.closing)


@pytest.mark.parametrize(
    ("life", "fixes", "ticket", "error"),
    [
        ("all-well", "ASBL_010", "OPS-118", NothingToLetThrough),  # it holds
        ("alone-under-maint", "MAINT_010", "OPS-118", NothingToLetThrough),  # it is unknown
        ("no-database", "ASBL_020", "OPS-118", NothingToLetThrough),  # this version does not perform it
        ("no-database", "MAINT_010", "OPS-118", RuleNotJudged),
        ("no-database", "ASBL_999", "OPS-118", RuleUnknown),
        ("no-database", "ASBL_012", None, TicketMissing),
        ("no-database", "ASBL_012", "  ", TicketUnusable),
        ("no-database", "ASBL_012", "OPS\n118", TicketUnusable),
        ("no-database", "ASBL_012", "x" * (TICKET_LIMIT_CHARACTERS + 1), TicketUnusable),
        ("no-database", None, "OPS-118", TicketAlone),
    ],
)
def test_what_is_refused_leaves_no_record(
    tmp_path: Path, life: str, fixes: str | None, ticket: str | None, error: type[IntendanceError]
) -> None:
    clock = live(life, tmp_path)
    with pytest.raises(error) as refused:
        _ask(tmp_path, clock, fixes, ticket)
    assert refused.value.exit_code is Exit.USAGE
    assert _passed(tmp_path, clock) == 0


def test_without_a_plan_there_is_no_gate(tmp_path: Path) -> None:
    with pytest.raises(NoState):
        _ask(tmp_path / "nowhere", MovableClock(START))
