"""Keys that are proven, that are due, and that are presumed lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from intendance.catalogue.moving import RESOLUTION
from intendance.model.verdict import State, Verdict
from tests.support.evidence import KEY_C, RECIPIENTS, START, Log, key_proven, plan
from tests.unit.catalogue.judged import verdict_of
from tests.unit.catalogue.samples import DAY, HOUR, NIGHT

BOUND = timedelta(days=93)
OWNER, OFFLINE = RECIPIENTS


def _log(nights: int) -> Log:
    log = Log()
    log.begin(proven=False)
    log.nights(NIGHT, nights)
    return log


def _said(log: Log, at: timedelta, rule: str = "ASBL_015") -> Verdict:
    """The verdict at a time, from what was written until then, in its order."""
    until = sorted((each for each in log.facts if each.at <= START + at), key=lambda each: each.at)
    facts = [replace(each, seq=number) for number, each in enumerate(until, start=1)]
    return verdict_of(rule, Log(log.node, facts), START + at)


@pytest.mark.parametrize("rule", ["MAINT_011", "ASBL_015"])
def test_a_key_never_proven_is_pending_until_its_bound_and_lost_after_it(rule: str) -> None:
    log = _log(94)
    log.add(START + DAY, key_proven(START + DAY, OFFLINE))
    before = _said(log, BOUND, rule)
    assert (before.state, before.reason.code) == (State.PENDING, "keys_open")
    assert before.reason.params["names"] == "owner"
    assert before.next_change_at == START + BOUND + RESOLUTION
    after = _said(log, BOUND + RESOLUTION, rule)
    assert (after.state, after.reason.code, after.since) == (State.FAIL, "keys_lost", START + BOUND)


def test_it_holds_since_the_last_of_the_keys_was_proven_and_until_the_first_is_due() -> None:
    log = _log(10)
    log.add(START + 3 * DAY, key_proven(START + 3 * DAY, OWNER))
    log.add(START + 5 * DAY, key_proven(START + 5 * DAY, OFFLINE))
    verdict = _said(log, 9 * DAY)
    assert (verdict.state, verdict.since) == (State.PASS, START + 5 * DAY)
    assert verdict.next_change_at == START + 3 * DAY + BOUND + RESOLUTION
    assert len(verdict.cites) == 4


def test_proofs_in_time_leave_no_gap_and_a_late_one_begins_anew() -> None:
    log = _log(210)
    for key in RECIPIENTS:
        for at in (DAY, 80 * DAY):
            log.add(START + at, key_proven(START + at, key))
    log.add(START + 174 * DAY, key_proven(START + 174 * DAY, OWNER))
    verdict = _said(log, 173 * DAY)
    assert verdict.state is State.PASS
    assert verdict.since is not None
    assert verdict.since <= START + 2 * DAY
    assert _said(log, 174 * DAY).reason.params["names"] == "offline"
    log.add(START + 175 * DAY, key_proven(START + 175 * DAY, OFFLINE))
    again = _said(log, 176 * DAY)
    assert (again.state, again.since) == (State.PASS, START + 175 * DAY)


def test_leaving_a_key_out_of_a_plan_and_naming_it_again_wins_no_time() -> None:
    log = _log(100)
    third = replace(OWNER, fingerprint=KEY_C)
    log.add(START + 40 * DAY, plan("shop-db", recipients=(third, OFFLINE)))
    log.add(START + 40 * DAY + HOUR, plan("shop-db"))
    log.add(START + 41 * DAY, key_proven(START + 41 * DAY, OFFLINE))
    assert _said(log, BOUND).state is State.PENDING
    assert _said(log, BOUND + HOUR).reason.code == "keys_lost"


def test_a_proof_of_another_key_or_in_another_log_proves_nothing() -> None:
    log = _log(3)
    log.add(START + DAY, key_proven(START + DAY, OFFLINE))
    log.add(START + DAY, key_proven(START + DAY, replace(OWNER, fingerprint=KEY_C)))
    log.facts.append(replace(log.facts[-1], node="elsewhere", data=key_proven(START + DAY, OWNER)))
    assert _said(log, 2 * DAY).reason.params["names"] == "owner"


def test_a_lost_key_weighs_more_than_a_set_that_nobody_knows() -> None:
    log = Log()
    log.begin(proven=False)
    assert _said(log, BOUND).state is State.UNKNOWN
    assert _said(log, BOUND).next_change_at == START + BOUND + RESOLUTION
    assert _said(log, BOUND + RESOLUTION).reason.code == "keys_lost"
