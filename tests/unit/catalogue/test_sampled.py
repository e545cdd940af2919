"""The rules that rest on the agent's own samples: what counts, since when, and what heals (ASBL_031, ASBL_032)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from intendance.model.verdict import Attestor, State
from tests.support.evidence import CALM, START, Log, excursion, plan, rollup, still_above, strained
from tests.unit.catalogue.judged import verdict_of
from tests.unit.catalogue.test_waivers import grant

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def log() -> Log:
    """Six hours of roll-ups."""
    told = Log()
    told.begin()
    for hour in range(1, 7):
        told.add(START + HOUR * hour, rollup(START + HOUR * hour))
    return told


END = START + 6 * HOUR


def test_it_holds_since_the_first_of_an_unbroken_chain_by_the_nodes_own_word(log: Log) -> None:
    verdict = verdict_of("ASBL_031", log, END + HOUR)
    assert (verdict.state, verdict.since, verdict.attested_by) == (State.PASS, START + HOUR, Attestor.SELF)
    assert verdict.asset is None
    assert verdict.next_change_at == END + 2 * HOUR + timedelta(microseconds=1)
    assert verdict_of("ASBL_031", log, END + 2 * HOUR).state is State.PASS
    assert verdict_of("ASBL_031", log, END + 2 * HOUR + timedelta(microseconds=1)).state is State.UNKNOWN


def test_it_breaks_when_the_excursion_began_and_heals_with_its_end(log: Log) -> None:
    log.add(END + MINUTE, excursion("disk", END + MINUTE, 850, place="/srv"))
    broken = verdict_of("ASBL_031", log, END + 50 * HOUR)
    assert (broken.state, broken.since, broken.reason.code) == (State.FAIL, END + MINUTE, "disk_above")
    assert broken.reason.params["peak"] == 91
    log.add(END + HOUR, excursion("disk", END + MINUTE, 850, place="/srv", state="ended"))
    healed = verdict_of("ASBL_031", log, END + HOUR)
    assert (healed.state, healed.since) == (State.PASS, END + HOUR)


def test_what_a_roll_up_left_open_counts_however_old_it_is(log: Log) -> None:
    began = START - timedelta(days=40)
    log.add(END + HOUR, rollup(END + HOUR, above=[still_above("disk", began, 850, "/srv")]))
    broken = verdict_of("ASBL_031", log, END + HOUR)
    assert (broken.state, broken.since) == (State.FAIL, began)
    log.add(END + 2 * HOUR, excursion("disk", began, 850, place="/srv", state="unwatched"))
    assert verdict_of("ASBL_031", log, END + 2 * HOUR).state is State.PASS


def test_an_excursion_that_the_next_roll_up_does_not_leave_open_is_over(log: Log) -> None:
    log.add(END + MINUTE, excursion("memory", END + MINUTE, 800))
    assert verdict_of("ASBL_031", log, END + 2 * MINUTE).state is State.FAIL
    log.add(END + HOUR, rollup(END + HOUR))
    assert verdict_of("ASBL_031", log, END + HOUR).state is State.PASS


@pytest.mark.parametrize("limit", [800, 600, 900])
def test_only_the_rules_own_bound_counts(log: Log, limit: int) -> None:
    """The plan may want a word earlier, and the other catalogue has its own bounds."""
    log.add(END + MINUTE, excursion("disk", END + MINUTE, limit, place="/"))
    log.add(END + MINUTE, excursion("inodes", END + MINUTE, 900, place="/"))
    assert verdict_of("ASBL_031", log, END + HOUR).state is State.PASS


def test_the_gravest_is_named_and_all_are_cited(log: Log) -> None:
    facts = [
        log.add(END + MINUTE * number, excursion(quantity, END + MINUTE * number, limit, place=place))
        for number, (quantity, limit, place) in enumerate(
            (("cpu", 700, ""), ("memory", 800, ""), ("disk", 850, "/srv")), start=1
        )
    ]
    broken = verdict_of("ASBL_031", log, END + HOUR)
    assert (broken.reason.code, broken.since) == ("disk_above", END + MINUTE)
    assert {cite.seq for cite in broken.cites} == {fact.seq for fact in facts}


def test_another_nodes_samples_are_not_this_nodes(log: Log) -> None:
    other = Log("laptop")
    other.add(END + HOUR, rollup(END + HOUR, above=[still_above("disk", END, 850, "/")]))
    log.facts += other.facts
    assert verdict_of("ASBL_031", log, END + HOUR).state is State.PASS


def test_a_new_plan_does_not_make_it_wait_anew() -> None:
    log = Log()
    log.begin()
    log.add(END, plan("shop-db"))
    assert verdict_of("ASBL_031", log, END + MINUTE).reason.code == "never_sampled"


def test_a_rule_about_the_node_can_be_waived(log: Log) -> None:
    log.add(END + MINUTE, excursion("disk", END + MINUTE, 850, place="/srv"))
    log.add(END + MINUTE, replace(grant(END + 80 * HOUR, "ASBL_031"), about=""))
    assert verdict_of("ASBL_031", log, END + HOUR).state is State.WAIVED


def test_what_strained_a_server_counts_for_a_day_of_evidence(log: Log) -> None:
    log.add(END + HOUR, rollup(END + HOUR, databases=[replace(CALM, deadlocks=2)]))
    for hour in range(2, 26):
        log.add(END + HOUR * hour, rollup(END + HOUR * hour))
    broken = verdict_of("ASBL_032", log, END + 25 * HOUR)
    assert (broken.state, broken.since, broken.reason.params["count"]) == (State.FAIL, END + HOUR, 2)
    assert verdict_of("ASBL_032", log, END + 90 * HOUR).state is State.FAIL, "time alone does not heal"
    log.add(END + 26 * HOUR, rollup(END + 26 * HOUR))
    assert verdict_of("ASBL_032", log, END + 26 * HOUR).state is State.PASS


def test_an_excursion_of_a_server_breaks_at_once_and_only_at_the_rules_bound(log: Log) -> None:
    log.add(END + MINUTE, strained("connections", END + MINUTE, 50, 60), "shop-db")
    log.add(END + MINUTE, strained("query_ms", END + MINUTE, 60_000, 61_000), "other-db")
    assert verdict_of("ASBL_032", log, END + HOUR).state is State.PASS
    log.add(END + 2 * MINUTE, strained("connections", END + 2 * MINUTE, 100, 130), "shop-db")
    broken = verdict_of("ASBL_032", log, END + HOUR)
    assert (broken.state, broken.reason.params["count"]) == (State.FAIL, 130)


def test_it_holds_since_the_server_last_said_nothing(log: Log) -> None:
    log.add(END + HOUR, rollup(END + HOUR, databases=[]))
    log.add(END + 2 * HOUR, rollup(END + 2 * HOUR))
    verdict = verdict_of("ASBL_032", log, END + 2 * HOUR)
    assert (verdict.state, verdict.since) == (State.PASS, END + 2 * HOUR)
