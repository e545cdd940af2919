"""MAINT_001 by what a manager heard, minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from intendance.catalogue.checks.heartbeats import MINUTE, SETTLED, Heartbeats, heard
from intendance.catalogue.finding import Finding
from intendance.catalogue.load import load
from intendance.model.verdict import Attestor, State

RULE = load().rules["MAINT_001"]
BEGAN = datetime(2026, 11, 20, 8, tzinfo=UTC)
DAY = 1440
ALL = (1 << 3 * DAY) - 1


def _judged(
    minutes: int, *, lost: int = 0, blind: int = 0, expected_at: datetime = BEGAN - MINUTE, late: timedelta = SETTLED
) -> Finding:
    """After so many minutes, where the bits of `lost` brought no beat and those of `blind` were not to be heard."""
    beats = Heartbeats(expected_at=expected_at, began_at=BEGAN, heard=ALL & ~lost & ~blind, blind=blind)
    return heard(RULE, beats, BEGAN + minutes * MINUTE + late)


def _bits(*minutes: int) -> int:
    return sum(1 << each for each in minutes)


def _run(first: int, count: int) -> int:
    return ((1 << count) - 1) << first


def test_a_day_of_beats_holds_and_is_the_managers_word() -> None:
    found = _judged(DAY)
    assert (found.state, found.code, found.attested_by) == (State.PASS, "heard", Attestor.MANAGER)
    assert found.params == {"heard": DAY, "minutes": DAY}
    assert found.since == BEGAN


def test_the_first_hour_is_pending_and_never_green() -> None:
    found = _judged(59)
    assert (found.state, found.code) == (State.PENDING, "first_hour")
    assert found.next_change_at == BEGAN + 60 * MINUTE + SETTLED
    assert _judged(60).state is State.PASS
    young = _judged(DAY, expected_at=BEGAN + (DAY - 30) * MINUTE)
    assert young.state is State.PENDING


def test_one_lost_beat_in_an_hour_is_no_fault_and_two_in_two_hours_running_are() -> None:
    assert _judged(DAY, lost=_bits(1325, 1385)).state is State.PASS
    assert _judged(DAY, lost=_bits(1325, 1326, 1385)).state is State.PASS
    found = _judged(DAY, lost=_bits(1325, 1326, 1385, 1386))
    assert (found.state, found.code, found.params) == (State.FAIL, "hours_lost", {"lost": 4})
    assert found.since == BEGAN + DAY * MINUTE
    assert _judged(DAY + 60, lost=_bits(1325, 1326, 1385, 1386)).state is State.PASS


def test_more_than_a_hundredth_of_a_day_is_broken_from_the_beat_that_was_one_too_many() -> None:
    lost = sum(1 << 60 * hour for hour in range(14))
    assert _judged(DAY, lost=lost).state is State.PASS
    found = _judged(DAY, lost=lost | 1 << 60 * 14)
    assert (found.state, found.code) == (State.FAIL, "day_lost")
    assert found.params == {"lost": 15, "allowed": 14, "minutes": DAY}
    assert found.since == BEGAN + (60 * 14 + 1) * MINUTE


def test_our_own_blindness_is_never_billed_and_never_green() -> None:
    half = _run(0, DAY // 2)
    assert _judged(DAY, blind=half).state is State.PASS
    assert _judged(DAY, blind=half).params == {"heard": DAY // 2, "minutes": DAY // 2}
    most = _judged(DAY, blind=_run(0, DAY // 2 + 1))
    assert (most.state, most.code) == (State.UNKNOWN, "not_observed")
    recent = _judged(DAY, blind=_run(DAY - 120, 120))
    assert (recent.state, recent.since) == (State.UNKNOWN, BEGAN + (DAY - 120) * MINUTE)
    assert _judged(DAY, lost=_run(0, DAY), blind=_run(0, DAY)).state is State.UNKNOWN


def test_a_node_that_fell_silent_breaks_the_rule_within_a_quarter_of_an_hour() -> None:
    silent = _run(DAY, DAY)
    assert _judged(DAY + 14, lost=silent).state is State.PASS
    assert _judged(DAY + 15, lost=silent).code == "day_lost"
    assert _judged(DAY + 120, lost=silent).code == "hours_lost"


def test_every_reason_was_met() -> None:
    cases = [_judged(59), _judged(60), _judged(DAY, lost=_run(DAY - 4 * 60, 240)), _judged(DAY, blind=_run(0, DAY))]
    cases.append(_judged(DAY, lost=_run(0, 20)))
    assert {each.code for each in cases} == RULE.reasons.keys()


@given(
    st.integers(min_value=61, max_value=2 * DAY),
    st.sets(st.integers(min_value=0, max_value=2 * DAY + 200), max_size=60),
    st.sets(st.integers(min_value=0, max_value=2 * DAY), max_size=3),
    st.integers(min_value=0, max_value=59),
)
def test_until_the_next_change_silence_alone_changes_nothing(
    minutes: int, lost: set[int], blind: set[int], seconds: int
) -> None:
    unheard = _bits(*lost) | _run(minutes, DAY)
    unseen = 0
    for each in blind:
        unseen |= _run(each, 50) & _run(0, minutes)
    now = _judged(minutes, lost=unheard, blind=unseen, late=SETTLED + timedelta(seconds=seconds))
    assert now.next_change_at is not None
    assert now.next_change_at > BEGAN + minutes * MINUTE + SETTLED + timedelta(seconds=seconds)
    if now.state is State.PASS:
        just_before = now.next_change_at - timedelta(microseconds=1)
        beats = Heartbeats(expected_at=BEGAN - MINUTE, began_at=BEGAN, heard=ALL & ~unheard & ~unseen, blind=unseen)
        assert heard(RULE, beats, just_before).state is not State.FAIL


@given(st.integers(min_value=61, max_value=2 * DAY), st.integers(min_value=0, max_value=(1 << 2 * DAY) - 1))
def test_no_beat_at_all_never_holds(minutes: int, blind: int) -> None:
    assert _judged(minutes, lost=ALL, blind=blind).state in (State.FAIL, State.UNKNOWN)
