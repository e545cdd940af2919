"""Copies elsewhere: what does not count as another place, and whose word does not count for another's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intendance.model.evidence.attested import StoreAttested
from intendance.model.evidence.inspection import StorePlace
from intendance.model.verdict import Attestor, State
from tests.unit.catalogue.away import BOX, HOUR, OTHER, WHERE, Life, away
from tests.unit.catalogue.judged import verdict_of

WORD = StoreAttested(store="away", place=WHERE, region="eu-central-1", by="lead")


def worded(life: Life) -> Life:
    log, now = life
    log.add(now - HOUR, WORD)
    return log, now


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", ""])
@pytest.mark.parametrize(("rule", "place"), [("MAINT_012", OTHER), ("ASBL_013", OTHER), ("ASBL_013", BOX)])
def test_a_store_on_the_node_itself_is_nowhere_else(rule: str, place: StorePlace, host: str) -> None:
    there = verdict_of(rule, *worded(away(place)))
    assert there.state is State.PASS
    here = verdict_of(rule, *worded(away(replace(place, endpoint=host))))
    assert (here.state, here.reason.code) == (State.FAIL, "only_here")


def test_a_persons_word_on_the_region_is_none_on_what_lies_there() -> None:
    seen = verdict_of("MAINT_012", *worded(away(OTHER)))
    assert (seen.state, seen.attested_by) == (State.PASS, Attestor.PERSON)
    alone = verdict_of("MAINT_012", *worded(away(OTHER, by="self")))
    assert (alone.state, alone.reason.code) == (State.UNKNOWN, "self_attested")
