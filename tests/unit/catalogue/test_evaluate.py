"""What is judged, and what is made of doubtful clocks and missing declarations."""

from __future__ import annotations

import gc
from datetime import datetime, timedelta

import pytest

from intendance.catalogue.evaluate import evaluate
from intendance.catalogue.subject import Subject
from intendance.model.verdict import State
from tests.support.evidence import START, Log, completed, declared, inspection, plan, seen
from tests.unit.catalogue.judged import rulebook, verdict_of
from tests.unit.catalogue.samples import DAY, HOUR, NIGHT

YEAR = timedelta(days=365)


def test_only_the_catalogues_of_the_plan_are_judged() -> None:
    log = Log()
    log.begin(catalogues=("asbl",))
    verdicts = evaluate(rulebook(), log.facts, START, "web-01")
    assert {each.rule.partition("_")[0] for each in verdicts} == {"ASBL"}
    assert len({each.rule for each in verdicts}) == 38


def test_without_a_plan_nothing_is_judged() -> None:
    assert evaluate(rulebook(), [], START, "web-01") == ()


def test_what_is_not_performed_is_unknown_once_and_never_more() -> None:
    log = Log()
    log.begin()
    verdicts = [v for v in evaluate(rulebook(), log.facts, START, "web-01") if v.reason.code == "not_performed"]
    assert len(verdicts) == sum(not rule.performed for rule in rulebook().rules.values()) < 36 + 38
    assert {(v.state, v.asset) for v in verdicts} == {(State.UNKNOWN, None)}


def test_a_rule_without_a_subject_is_unknown() -> None:
    log = Log()
    log.begin(engine="files")
    verdict = verdict_of("ASBL_010", log, START + HOUR, asset=None)
    assert (verdict.state, verdict.reason.code) == (State.UNKNOWN, "no_subject")


def test_an_asset_that_the_plan_names_and_nothing_declares_is_unknown() -> None:
    log = Log()
    log.add(START, plan("shop-db", "site-files"))
    log.add(START, declared(), "shop-db")
    assert verdict_of("ASBL_012", log, START, "site-files").reason.code == "not_declared"
    assert verdict_of("ASBL_012", log, START, "shop-db").reason.code == "first_due"


def test_evidence_is_let_go_with_the_verdicts_and_waits_for_no_collector() -> None:
    """A manager judges thousands of nodes with the collector paused."""
    log = Log()
    log.begin()
    end = log.nights(START + HOUR, 3)

    def subjects() -> int:
        return sum(isinstance(each, Subject) for each in gc.get_objects())

    gc.collect()
    before, running = subjects(), gc.isenabled()
    gc.disable()
    try:
        assert any(each.state is State.PASS for each in evaluate(rulebook(), log.facts, end, "web-01"))
        assert subjects() == before
    finally:
        if running:
            gc.enable()


def test_an_asset_dropped_from_the_plan_is_no_longer_judged() -> None:
    log = Log()
    log.begin("old-db")
    log.add(START + HOUR, plan("shop-db"))
    log.add(START + HOUR, declared(), "shop-db")
    assert {v.asset for v in evaluate(rulebook(), log.facts, START + DAY, "web-01")} == {None, "shop-db"}


def test_evidence_from_the_future_is_not_relied_upon_and_named() -> None:
    log = Log()
    log.begin()
    last = log.nights(NIGHT, 3)
    ahead = NIGHT + 2 * DAY + YEAR
    log.add(ahead, completed(ahead), "shop-db")
    verdict = verdict_of("ASBL_010", log, last + HOUR)
    assert (verdict.state, verdict.reason.params["ahead_at"]) == (State.UNKNOWN, ahead)
    assert verdict.reason.code == "clock_ahead"
    assert verdict.next_change_at is not None
    assert verdict.next_change_at <= ahead


def test_a_record_after_the_wrong_clock_dates_what_stands_before_it() -> None:
    log = Log()
    log.begin()
    ahead = NIGHT + YEAR
    log.add(ahead, completed(ahead), "shop-db")
    last = log.nights(NIGHT + DAY, 3)
    verdict = verdict_of("ASBL_010", log, last + HOUR)
    assert verdict.state is State.PASS
    stale = verdict_of("ASBL_010", log, ahead + HOUR)
    assert stale.state is State.FAIL, "a set dated by a wrong clock never becomes fresh"


def test_a_set_that_claims_to_recover_to_the_future_is_not_fresh() -> None:
    log = Log()
    log.begin()
    ahead = NIGHT + YEAR
    log.add(NIGHT, completed(ahead), "shop-db")
    log.add(NIGHT + HOUR, inspection([seen(ahead)]), "shop-db")
    assert verdict_of("ASBL_010", log, NIGHT + 3 * DAY).state is State.FAIL
    assert verdict_of("MAINT_010", log, NIGHT + 3 * DAY).state is State.FAIL
    assert verdict_of("ASBL_012", log, NIGHT + 2 * HOUR).state is not State.PASS


def test_a_plan_dated_in_the_future_is_in_force_and_doubted() -> None:
    log = Log()
    log.begin(at=START + YEAR)
    verdict = verdict_of("ASBL_010", log, START)
    assert (verdict.state, verdict.reason.code) == (State.UNKNOWN, "clock_ahead")


def test_a_first_declaration_in_the_future_does_not_put_off_what_is_due() -> None:
    log = Log()
    log.begin(first=START + YEAR)
    verdict = verdict_of("ASBL_010", log, START + HOUR)
    assert (verdict.state, verdict.reason.code) == (State.UNKNOWN, "clock_ahead")


def test_renaming_an_asset_does_not_give_it_another_first_day() -> None:
    log = Log()
    log.add(START, plan("shop-db"))
    log.add(START, declared(first=START - 10 * DAY), "shop-db")
    assert verdict_of("ASBL_010", log, START + HOUR).state is State.FAIL


@pytest.mark.parametrize(("horizon", "floor"), [(START + HOUR, True), (START, False), (START - 30 * DAY, False)])
def test_since_is_a_floor_where_older_facts_were_not_read(horizon: datetime, floor: bool) -> None:
    log = Log()
    log.begin()
    last = log.nights(NIGHT, 12)
    verdicts = evaluate(rulebook(), log.facts, last, "web-01", {("backup.completed", "shop-db"): horizon})
    found = {verdict.rule: verdict for verdict in verdicts if verdict.asset}
    assert found["ASBL_010"].since == NIGHT + timedelta(minutes=10)
    assert found["ASBL_010"].since_at_least is floor
    assert not found["MAINT_013"].since_at_least, "that one does not rest on when sets were made"
