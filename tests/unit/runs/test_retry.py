"""When a run that failed is tried again: bounded, only for schedules, only for what may pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from intendance.runs.decide import RETRY_AFTER, is_ready, retry_at

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SCHEDULED = "schedule:backup.full"


def test_after_one_five_and_fifteen_minutes_and_then_no_more() -> None:
    waits = [retry_at(transient=True, actor=SCHEDULED, failures=failures, now=NOON) for failures in range(5)]
    assert waits == [NOON + timedelta(minutes=wait) for wait in (1, 5, 15)] + [None, None]


def test_a_person_is_told_at_once_and_what_will_not_pass_is_not_tried_again() -> None:
    assert retry_at(transient=True, actor="person:marie", failures=0, now=NOON) is None
    assert retry_at(transient=False, actor=SCHEDULED, failures=0, now=NOON) is None


@given(st.integers(0, 2), st.integers(-10_000_000, 10_000_000))
def test_nobody_waits_longer_than_the_longest_wait_whatever_the_clock_does(failures: int, seconds: int) -> None:
    again = retry_at(transient=True, actor=SCHEDULED, failures=failures, now=NOON)
    assert again is not None
    later = NOON + timedelta(seconds=seconds)
    if is_ready(again, later):
        assert later >= again or later < again - RETRY_AFTER[-1]
    else:
        assert again - RETRY_AFTER[-1] <= later < again
    assert is_ready(None, later)
