"""A physical set is a backup of a database to the rules, as a logical one is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from intendance.model.verdict import Fact, State
from tests.support.evidence import Log
from tests.unit.catalogue.judged import verdict_of
from tests.unit.catalogue.samples import NIGHT


def _physical(fact: Fact[Any]) -> Fact[Any]:
    if fact.kind == "backup.completed":
        return replace(fact, data=replace(fact.data, kind="physical"))
    if fact.kind == "inspection.completed":
        newest = tuple(replace(each, kind="physical") for each in fact.data.newest)
        return replace(fact, data=replace(fact.data, newest=newest))
    return fact


@pytest.mark.parametrize("rule", ["MAINT_010", "ASBL_010"])
def test_a_physical_set_counts(rule: str) -> None:
    log = Log()
    log.begin()
    now = log.nights(NIGHT, 3)
    logical = verdict_of(rule, log, now)
    log.facts[:] = [_physical(fact) for fact in log.facts]
    assert {fact.data.kind for fact in log.facts if fact.kind == "backup.completed"} == {"physical"}
    physical = verdict_of(rule, log, now)
    assert (physical.state, physical.cites) == (logical.state, logical.cites)
    log.facts[:] = [fact for fact in log.facts if not fact.kind.startswith(("backup.", "inspection."))]
    assert verdict_of(rule, log, now) != physical, "it is these sets that count"
    if rule == "ASBL_010":
        assert physical.state == State.PASS
