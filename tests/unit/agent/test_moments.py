"""Times that people write, and those that a local clock cannot say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.agent.moments import in_utc, in_zone, read_moment
from intendance.model.errors.runs import TimeAbsent, TimeAmbiguous, TimeUnreadable

ZONE = "Europe/Brussels"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21 08:30", "2026-11-21T07:30:00Z"),
        ("2026-11-21T08:30:15", "2026-11-21T07:30:15Z"),
        ("2026-07-01 08:30", "2026-07-01T06:30:00Z"),
        ("2026-11-21", "2026-11-20T23:00:00Z"),
        ("2026-11-21T07:30:00Z", "2026-11-21T07:30:00Z"),
        ("2026-11-21 07:30 utc", "2026-11-21T07:30:00Z"),
        ("2026-11-21T08:30+02:00", "2026-11-21T06:30:00Z"),
        ("2026-11-21T08:30:00.25Z", "2026-11-21T08:30:00.250000Z"),
    ],
)
def test_local_and_utc_times_are_read(text: str, expected: str) -> None:
    assert in_utc(read_moment(text, ZONE)) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "08:30", "2026-13-01", "2026-02-30 01:00", "21/11/2026", "2026-11-21 25:00"]
)
def test_anything_else_is_refused_with_the_forms_that_are_read(text: str) -> None:
    with pytest.raises(TimeUnreadable) as refused:
        read_moment(text, ZONE)
    assert "2026-11-21 08:30" in refused.value.advice


def test_a_local_time_that_occurs_twice_is_refused_and_both_instants_are_named() -> None:
    with pytest.raises(TimeAmbiguous) as refused:
        read_moment("2027-10-31 02:30", ZONE)
    assert "`--to 2027-10-31T00:30:00Z` or `--to 2027-10-31T01:30:00Z`" in refused.value.advice


def test_a_local_time_that_the_clock_jumped_over_is_refused() -> None:
    with pytest.raises(TimeAbsent, match=r"02:30 does not exist in Europe/Brussels"):
        read_moment("2027-03-28 02:30", ZONE)


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 -- a wall clock
    zone=st.sampled_from([ZONE, "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]),
)
def test_a_local_time_is_read_as_its_only_instant_or_refused(at: datetime, zone: str) -> None:
    place = ZoneInfo(zone)
    shown = at.replace(tzinfo=UTC)
    around = [shown + timedelta(minutes=15 * n) for n in range(-60, 61)]
    offsets = {moment.astimezone(place).utcoffset() for moment in around}
    instants = {
        (at - offset).replace(tzinfo=UTC)
        for offset in offsets
        if offset is not None and (at - offset).replace(tzinfo=UTC).astimezone(place).replace(tzinfo=None) == at
    }
    text = at.isoformat(sep=" ")
    if len(instants) == 1:
        assert {read_moment(text, zone)} == instants
    else:
        with pytest.raises(TimeAmbiguous if instants else TimeAbsent):
            read_moment(text, zone)


def test_an_instant_is_shown_with_its_zone() -> None:
    assert in_zone(datetime(2027, 7, 1, 6, 30, tzinfo=UTC), ZONE) == "2027-07-01 08:30:00 CEST"


@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_the_ends_of_the_calendar_are_no_times(text: str) -> None:
    with pytest.raises(TimeUnreadable):
        read_moment(text, ZONE)
