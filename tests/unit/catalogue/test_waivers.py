"""Waivers: which count, for how long, from whom; and that a waived rule is still checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from intendance.catalogue.waivers import LONGEST, refusal_of, waivers
from intendance.model.evidence.waiver import WaiverGranted, WaiverRevoked
from intendance.model.verdict import Attestor, Fact, State
from tests.support.evidence import START, Log, text
from tests.unit.catalogue.judged import verdict_of
from tests.unit.catalogue.samples import DAY, HOUR, NIGHT

BROKEN = START + 10 * DAY
"""Nothing was ever backed up: ASBL_010 is broken by then."""
ADMIN, LEAD = ("a1", "a2"), ("b1",)


def grant(
    expires: datetime, rule: str = "ASBL_010", *, marks: tuple[str, ...] = ADMIN, about: str = "", **options: Any
) -> WaiverGranted:
    """A waiver as the ledger records it."""
    told = {"reason": "the new server comes in May", "ticket": "OPS-12", "granted_by": "admin", "granter": "Ada"}
    return WaiverGranted(rule=rule, expires_at=text(expires), marks=marks, about=about, **(told | options))


def _broken(*given: tuple[datetime, WaiverGranted | WaiverRevoked]) -> Log:
    log = Log()
    log.begin()
    for at, evidence in given:
        log.add(at, evidence)
    return log


def _state(log: Log, now: datetime = BROKEN + HOUR) -> State:
    return verdict_of("ASBL_010", log, now).state


def test_a_broken_rule_is_waived_and_says_still_why_it_is_broken() -> None:
    log = _broken((BROKEN, grant(BROKEN + 30 * DAY)))
    verdict = verdict_of("ASBL_010", log, BROKEN + HOUR)
    assert (verdict.state, verdict.reason.code, verdict.attested_by) == (State.WAIVED, "never", Attestor.PERSON)
    assert verdict.since == BROKEN
    assert verdict.next_change_at == BROKEN + 30 * DAY
    excuse = verdict.excuse
    assert excuse is not None
    assert (excuse.granter, excuse.ticket, excuse.reason) == ("Ada", "OPS-12", "the new server comes in May")
    assert (excuse.ends_at, excuse.days, excuse.grant) == (BROKEN + 30 * DAY, 1, verdict.cites[-1])


def test_it_ends_at_its_end_and_the_rule_is_broken_again_since_it_first_was() -> None:
    log = _broken((BROKEN, grant(BROKEN + 30 * DAY)))
    before = _broken()
    assert _state(log, BROKEN + 30 * DAY - timedelta(microseconds=1)) is State.WAIVED
    ended = verdict_of("ASBL_010", log, BROKEN + 30 * DAY)
    assert (ended.state, ended.excuse) == (State.FAIL, None)
    assert ended.since == verdict_of("ASBL_010", before, BROKEN + 30 * DAY).since


def test_a_rule_that_holds_is_not_waived() -> None:
    log = Log()
    log.begin()
    last = log.nights(NIGHT, 3)
    log.add(last, grant(last + DAY))
    assert _state(log, last + HOUR) is State.PASS


def test_a_rule_that_is_unknown_stays_so() -> None:
    log = _broken((BROKEN, grant(BROKEN + 30 * DAY, "MAINT_013")))
    assert verdict_of("MAINT_013", log, BROKEN + HOUR).state is State.UNKNOWN


def test_revoked_it_counts_no_longer() -> None:
    log = _broken((BROKEN, grant(BROKEN + 30 * DAY)))
    seq = log.facts[-1].seq
    log.add(BROKEN + DAY, WaiverRevoked(rule="ASBL_010", grant=seq, reason="done"))
    assert _state(log, BROKEN + DAY - HOUR) is State.FAIL, "a fact of the future was given"
    assert _state(log, BROKEN + DAY) is State.FAIL


@pytest.mark.parametrize(("about", "state"), [("mariadb:1", State.WAIVED), ("mariadb:2", State.FAIL)])
def test_it_is_for_the_asset_that_it_names_whatever_that_is_called(about: str, state: State) -> None:
    assert _state(_broken((BROKEN, grant(BROKEN + 30 * DAY, about=about)))) is state


@pytest.mark.parametrize("rule", ["MAINT_011", "ASBL_011"])
def test_it_is_for_its_rule_alone(rule: str) -> None:
    assert _state(_broken((BROKEN, grant(BROKEN + 30 * DAY, rule)))) is State.FAIL


def test_a_rule_that_admits_none_stays_broken() -> None:
    log = Log()
    log.begin(recipients=())
    log.add(START + HOUR, grant(START + 30 * DAY, "MAINT_011"))
    log.add(START + HOUR, grant(START + 30 * DAY, "ASBL_015"))
    assert verdict_of("MAINT_011", log, START + 2 * HOUR).state is State.FAIL
    assert verdict_of("ASBL_015", log, START + 2 * HOUR).state is State.WAIVED


@pytest.mark.parametrize("days", [91, 400])
def test_one_that_was_recorded_for_too_long_excuses_nothing(days: int) -> None:
    assert _state(_broken((BROKEN, grant(BROKEN + days * DAY)))) is State.FAIL


def test_one_that_was_recorded_by_a_clock_ahead_excuses_nothing() -> None:
    ahead = BROKEN + 300 * DAY
    assert _state(_broken((ahead, grant(ahead + 80 * DAY)))) is not State.WAIVED
    log = _broken((ahead, grant(ahead + 80 * DAY)), (BROKEN, WaiverRevoked(rule="ASBL_013", grant=99, reason="x")))
    assert _state(log) is State.FAIL, "what follows it dates it, and then it lasts too long"


def _chain(*people: tuple[str, ...], gap: timedelta = timedelta()) -> list[Fact[Any]]:
    log = Log()
    at = START
    for marks in people:
        log.add(at, grant(at + 60 * DAY, marks=marks))
        at += 60 * DAY + gap
    return log.facts


@pytest.mark.parametrize(
    ("people", "lawful"),
    [
        ((ADMIN, ADMIN), 2),
        ((ADMIN, ADMIN, ADMIN), 2),
        ((ADMIN, ADMIN, ("a2", "new")), 2),
        ((ADMIN, ADMIN, LEAD), 3),
        ((ADMIN, LEAD, ADMIN), 3),
        ((ADMIN, ADMIN, LEAD, ADMIN, ADMIN), 5),
        ((ADMIN, ADMIN, LEAD, ADMIN, ADMIN, ADMIN), 5),
    ],
)
@pytest.mark.parametrize("gap", [timedelta(), DAY])
def test_the_third_in_a_row_needs_another_person(
    people: tuple[tuple[str, ...], ...], lawful: int, gap: timedelta
) -> None:
    facts = _chain(*people, gap=gap)
    found = waivers(facts, (), facts[-1].at)
    assert len(found) == lawful


def test_the_days_excused_are_counted_once_over_all_that_touch_the_same_thing() -> None:
    log = Log()
    log.add(START, grant(START + 60 * DAY))
    log.add(START + 30 * DAY, grant(START + 100 * DAY, about="mariadb:1", marks=LEAD))
    log.add(START + 40 * DAY, grant(START + 60 * DAY, "ASBL_013"))
    assert [each.days for each in waivers(log.facts, (), START + 50 * DAY)] == [50, 50, 10]
    assert [each.days for each in waivers(log.facts, (), START + 300 * DAY)] == [100, 100, 20]
    revoked = WaiverRevoked(rule="ASBL_010", grant=log.facts[0].seq, reason="done")
    facts = [*log.facts, log.add(START + 10 * DAY, revoked)]
    found = waivers(facts[:3], facts[3:], START + 20 * DAY)
    assert (found[0].days, found[0].revoked, found[0].ends_at) == (10, True, START + 10 * DAY)


def test_why_one_is_refused() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert refusal_of(grant(now + LONGEST), (), now) is None
    assert refusal_of(grant(now + LONGEST), (), now, waivable=False) == "never"
    assert refusal_of(grant(now), (), now) == "over"
    assert refusal_of(grant(now + LONGEST + timedelta(microseconds=1)), (), now) == "too_long"
    for missing in ({"reason": " "}, {"ticket": ""}, {"marks": ()}):
        assert refusal_of(grant(now + DAY, **missing), (), now) == "unsigned"
