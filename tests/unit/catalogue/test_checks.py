"""Each performed rule: what makes it hold, what breaks it, since when, and when time alone may change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from intendance.catalogue.checks import age
from intendance.model.verdict import Attestor, State
from tests.support.evidence import (
    KEY_A,
    KEY_B,
    KEY_C,
    RECIPIENTS,
    START,
    Log,
    completed,
    declared,
    inspection,
    inspection_failed,
    key_proven,
    plan,
    seen,
    text,
)
from tests.unit.catalogue.judged import verdict_from, verdict_of
from tests.unit.catalogue.samples import DAY, HOUR, NIGHT, SAMPLES

MICRO = timedelta(microseconds=1)
BOUND = timedelta(hours=26, minutes=30)


@pytest.mark.parametrize(("rule", "code"), [(rule, code) for rule in SAMPLES for code in SAMPLES[rule]])
def test_a_life_leads_to_its_reason(rule: str, code: str) -> None:
    state, make = SAMPLES[rule][code]
    verdict = verdict_of(rule, *make())
    assert (verdict.state, verdict.reason.code) == (state, code)
    assert verdict.since is not None
    assert verdict.cites


@pytest.mark.parametrize("rule", SAMPLES)
def test_each_performed_rule_has_a_sample_that_holds_and_one_that_breaks(rule: str) -> None:
    states = {state for state, _ in SAMPLES[rule].values()}
    assert {State.PASS, State.FAIL} <= states


def _nights(count: int, **options: Any) -> tuple[Log, datetime]:
    log = Log()
    log.begin(**options)
    return log, log.nights(NIGHT, count)


def test_a_backup_is_young_enough_up_to_its_last_instant() -> None:
    log, _ = _nights(3)
    limit = NIGHT + 2 * DAY + BOUND
    holding = verdict_of("ASBL_010", log, limit)
    assert (holding.state, holding.next_change_at) == (State.PASS, limit + MICRO)
    broken = verdict_of("ASBL_010", log, limit + MICRO)
    assert (broken.state, broken.since) == (State.FAIL, limit)
    assert broken.reason.params["age_s"] == BOUND.total_seconds() + 1


def test_it_has_held_since_the_first_of_an_unbroken_chain() -> None:
    log, last = _nights(3)
    assert verdict_of("ASBL_010", log, last).since == NIGHT + timedelta(minutes=10)
    later = log.nights(NIGHT + 5 * DAY, 4)
    assert verdict_of("ASBL_010", log, later).since == NIGHT + 5 * DAY + timedelta(minutes=10)


def test_it_is_broken_since_the_newest_set_grew_too_old() -> None:
    log, last = _nights(3)
    assert verdict_of("ASBL_010", log, last + 40 * DAY).since == NIGHT + 2 * DAY + BOUND


def test_it_is_broken_since_the_first_was_due_when_there_never_was_one() -> None:
    log = Log()
    log.begin()
    verdict = verdict_of("ASBL_010", log, START + 9 * DAY)
    assert (verdict.state, verdict.since) == (State.FAIL, START + BOUND)


def test_the_age_counts_from_what_a_set_recovers_to_not_from_its_end() -> None:
    log = Log()
    log.begin()
    slow = replace(completed(NIGHT), completed_at=text(NIGHT + 20 * HOUR))
    log.add(NIGHT + 20 * HOUR, slow, "shop-db")
    assert verdict_of("ASBL_010", log, NIGHT + BOUND).state is State.PASS
    assert verdict_of("ASBL_010", log, NIGHT + BOUND + MICRO).state is State.FAIL


def test_a_set_in_a_second_store_saves_what_the_first_lost() -> None:
    log = Log()
    log.begin(stores=("local", "nas"))
    log.add(NIGHT, completed(NIGHT, stores=("local", "nas")), "shop-db")
    log.add(NIGHT + HOUR, inspection([seen(NIGHT)], store="nas"), "shop-db")
    log.add(NIGHT + HOUR, inspection([], store="local"), "shop-db")
    assert verdict_of("ASBL_010", log, NIGHT + 2 * HOUR).state is State.PASS


def test_one_store_that_is_not_inspected_breaks_the_daily_verification() -> None:
    log = Log()
    log.begin(stores=("local", "nas"))
    log.nights(NIGHT, 3)
    verdict = verdict_of("ASBL_012", log, NIGHT + 2 * DAY + 2 * HOUR)
    assert (verdict.state, verdict.reason.code) == (State.FAIL, "never_inspected")
    assert verdict.reason.params["store"] == "nas"


def test_an_inspection_that_failed_breaks_since_it_failed_and_heals_with_the_next() -> None:
    log, last = _nights(2)
    log.add(last + HOUR, inspection_failed(), "shop-db")
    log.add(last + 3 * HOUR, inspection_failed(), "shop-db")
    broken = verdict_of("ASBL_012", log, last + 4 * HOUR)
    assert (broken.state, broken.since) == (State.FAIL, last + HOUR)
    log.add(last + 5 * HOUR, inspection([seen(NIGHT), seen(NIGHT + DAY)]), "shop-db")
    healed = verdict_of("ASBL_012", log, last + 6 * HOUR)
    assert (healed.state, healed.since) == (State.PASS, last + 5 * HOUR)


def test_files_may_be_a_week_old_and_databases_may_not() -> None:
    for engine, state in (("files", State.PASS), ("mariadb", State.FAIL)):
        log = Log()
        log.begin(engine=engine)
        log.add(NIGHT, completed(NIGHT), "shop-db")
        log.add(NIGHT + 5 * DAY, inspection([seen(NIGHT)]), "shop-db")
        assert verdict_of("ASBL_012", log, NIGHT + 5 * DAY + HOUR).state is state


def test_the_word_of_another_host_makes_it_pass_and_says_so() -> None:
    log, last = _nights(3)
    own = verdict_of("MAINT_010", log, last + HOUR)
    assert (own.state, own.reason.code, own.attested_by) == (State.UNKNOWN, "self_attested", Attestor.SELF)
    verdict = verdict_from("MAINT_010", log.facts + log.from_other().facts, last + HOUR)
    assert (verdict.state, verdict.attested_by) == (State.PASS, Attestor.DRILL_HOST)
    assert {cite.node for cite in verdict.cites} == {"laptop"}


def test_a_node_that_writes_another_name_into_its_own_log_attests_nothing() -> None:
    log = Log()
    log.begin()
    last = log.nights(NIGHT, 3, by="laptop")
    verdict = verdict_of("MAINT_010", log, last + HOUR)
    assert (verdict.state, verdict.reason.code) == (State.UNKNOWN, "self_attested")


def test_the_nodes_own_confession_outweighs_an_older_good_word_of_another() -> None:
    log, last = _nights(3)
    others = log.from_other().facts
    log.add(last + HOUR, inspection([seen(NIGHT + DAY * n, fault="it is shrunken") for n in range(3)]), "shop-db")
    assert verdict_from("MAINT_010", log.facts + others, last + 2 * HOUR).state is State.FAIL


def test_another_hosts_plan_and_backups_are_not_this_nodes() -> None:
    log = Log()
    log.begin()
    other, _ = _nights(3)
    foreign = [replace(fact, node="laptop") for fact in other.facts]
    foreign.append(replace(other.facts[0], node="laptop", seq=99, data=plan("shop-db", catalogues=())))
    assert verdict_from("ASBL_010", log.facts + foreign, NIGHT + 2 * DAY).reason.code == "never"


def test_ninety_days_count_from_the_day_after_the_first_declaration() -> None:
    log, last = _nights(34)
    verdict = verdict_of("MAINT_013", log, last)
    assert (verdict.state, verdict.reason.params["count"], verdict.reason.params["of"]) == (State.PENDING, 33, 90)


def test_yesterday_is_asked_for_only_once_its_backup_had_time() -> None:
    log = Log()
    log.begin()
    late = datetime(2026, 10, 2, 21, 30, tzinfo=UTC)  # 23:30 in Brussels
    sets = []
    for night in range(3):
        at = late + DAY * night
        log.add(at + HOUR, completed(at), "shop-db")
        sets.append(seen(at))
    just_after_midnight = datetime(2026, 10, 4, 22, 5, tzinfo=UTC)
    log.add(just_after_midnight, inspection(sets[:2]), "shop-db")
    assert verdict_of("MAINT_013", log, just_after_midnight).state is State.PENDING
    later = datetime(2026, 10, 5, 0, 35, tzinfo=UTC)
    log.add(later, inspection(sets[:2]), "shop-db")
    assert verdict_of("MAINT_013", log, later).state is State.FAIL
    log.add(later + HOUR, inspection(sets), "shop-db")
    assert verdict_of("MAINT_013", log, later + HOUR).state is State.PENDING


def test_a_set_of_a_former_plan_is_measured_by_that_plan() -> None:
    log, last = _nights(2)
    third = replace(RECIPIENTS[0], fingerprint=KEY_C)
    log.add(last + HOUR, plan("shop-db", recipients=(RECIPIENTS[1], third)))
    log.add(last + HOUR, key_proven(last + HOUR, third))
    at = last + 20 * HOUR
    log.add(at, completed(at, recipients=(KEY_B, KEY_C)), "shop-db")
    verdict = verdict_of("MAINT_011", log, at + HOUR)
    assert (verdict.state, verdict.reason.params["sets"]) == (State.PASS, 3)
    assert verdict.since == at


def test_a_backup_under_way_while_the_plan_changes_may_follow_either() -> None:
    log = Log()
    log.begin()
    third = replace(RECIPIENTS[0], fingerprint=KEY_C)
    log.add(NIGHT + timedelta(minutes=5), plan("shop-db", recipients=(RECIPIENTS[1], third)))
    log.add(NIGHT + timedelta(minutes=6), key_proven(NIGHT, third))
    log.add(NIGHT + timedelta(minutes=10), completed(NIGHT, recipients=(KEY_B, KEY_C)), "shop-db")
    assert verdict_of("MAINT_011", log, NIGHT + HOUR).state is State.PASS


def test_a_key_that_is_not_in_the_plan_breaks_the_rule_and_is_named() -> None:
    log = Log()
    log.begin()
    log.add(NIGHT, completed(NIGHT, recipients=(KEY_A, KEY_B, KEY_C)), "shop-db")
    verdict = verdict_of("MAINT_011", log, NIGHT + HOUR)
    assert (verdict.reason.code, verdict.reason.params["extra"]) == ("recipients_differ", "C" * 16)


def test_one_key_under_two_names_is_held_by_one_person() -> None:
    twice = (RECIPIENTS[0], replace(RECIPIENTS[0], name="again", held_by="lead"))
    log = Log()
    log.begin(recipients=twice)
    assert verdict_of("MAINT_011", log, START + HOUR).reason.code == "too_few_holders"


def test_a_badly_encrypted_set_counts_until_it_is_gone_from_every_store() -> None:
    log = Log()
    log.begin()
    log.add(NIGHT, completed(NIGHT, recipients=(KEY_A,)), "shop-db")
    log.nights(NIGHT + DAY, 2)
    log.facts = [f for f in log.facts if f.kind != "inspection.completed"]
    broken = verdict_of("MAINT_011", log, NIGHT + 3 * DAY)
    assert broken.state is State.FAIL
    gone = seen(NIGHT, fault="it is in the ledger and not in the store", stored_bytes=0)
    log.add(NIGHT + 3 * DAY, inspection([gone, seen(NIGHT + DAY), seen(NIGHT + 2 * DAY)]), "shop-db")
    assert verdict_of("MAINT_011", log, NIGHT + 3 * DAY).state is State.PASS


def test_more_than_twenty_sets_between_two_looks_lose_none() -> None:
    log = Log()
    log.begin()
    sets = []
    for hour in range(30):
        at = NIGHT + HOUR * hour
        log.add(at + timedelta(minutes=10), completed(at), "shop-db")
        sets.append(seen(at))
    log.add(NIGHT + 31 * HOUR, inspection(sets), "shop-db")
    assert verdict_of("ASBL_010", log, NIGHT + 32 * HOUR).state is State.PASS


def test_an_asset_without_backups_holds_nothing() -> None:
    log = Log()
    log.add(START, plan("shop-db"))
    log.add(START, replace(declared(), schedules=(), stores=(), retention_days=0), "shop-db")
    states = {rule: verdict_of(rule, log, START + HOUR).state for rule in SAMPLES if rule != "ASBL_011"}
    assert states == {
        "MAINT_010": State.FAIL,
        "MAINT_011": State.PENDING,
        "MAINT_012": State.PENDING,
        "MAINT_013": State.FAIL,
        "MAINT_014": State.PENDING,
        "ASBL_010": State.FAIL,
        "ASBL_012": State.FAIL,
        "ASBL_013": State.PENDING,
        "ASBL_014": State.PENDING,
        "ASBL_015": State.PENDING,
        "ASBL_016": State.PENDING,
        "ASBL_017": State.NOT_APPLICABLE,
        "ASBL_031": State.PENDING,
        "ASBL_032": State.PENDING,
    }


def test_an_exception_in_a_check_is_a_verdict_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(age, "kept", broken)
    log, last = _nights(2)
    verdict = verdict_of("ASBL_010", log, last)
    assert (verdict.state, verdict.reason.code) == (State.ERROR, "check_failed")
    assert verdict.reason.params == {"error": "ZeroDivisionError"}
