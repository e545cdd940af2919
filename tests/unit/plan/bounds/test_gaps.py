"""The longest gap of schedules is the one that the agent would really leave, whatever clocks and calendars do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intendance.plan.bounds.gaps import YEARS_AHEAD, longest, within
from intendance.runs.decide import occurrences

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTES = ("0", "30", "5,50", "*/20")
HOURS = ("2", "3", "*/6", "0,23", "1-3", "*")
DAYS = ("* * *", "* * SUN", "* * 1-6", "1 * *", "31 * *", "L * *", "13 * FRI", "* 2 *", "* * MON#1")
ZONES = ("Europe/Brussels", "UTC", "Australia/Lord_Howe", "America/Havana", "Africa/Casablanca", "Pacific/Apia")


def _as_started(crons: list[str], zone: str) -> timedelta:
    """The longest gap between the occurrences that the agent would start."""
    times = sorted({at for cron in crons for at in occurrences(cron, zone, NOW, NOW + YEARS_AHEAD)})
    return max(after - before for before, after in pairwise(times))


_sparse = st.builds("{} {} {}".format, st.sampled_from(MINUTES[:2]), st.sampled_from(HOURS[:2]), st.sampled_from(DAYS))
_dense = st.builds("{} {} {}".format, st.sampled_from(MINUTES), st.sampled_from(HOURS), st.sampled_from(DAYS[1:6]))


@settings(max_examples=6)
@given(crons=st.lists(_sparse | _dense, min_size=1, max_size=2), zone=st.sampled_from(ZONES))
def test_it_is_what_the_agent_would_leave(crons: list[str], zone: str) -> None:
    found = longest(crons, zone, NOW)
    assert found.length == _as_started(crons, zone)
    for allowed in (found.length - timedelta(minutes=1), found.length, 26.5 * HOUR):
        assert within(crons, zone, NOW, allowed) is (found.length <= allowed)


@pytest.mark.parametrize(
    ("cron", "zone", "length"),
    [
        ("0 2 * * *", "UTC", DAY),
        ("0 2 * * *", "Europe/Brussels", DAY + HOUR),
        ("0 3 1 * *", "Europe/Brussels", 31 * DAY + HOUR),
        ("0 3 31 * *", "UTC", 61 * DAY),
        ("*/15 2 * * *", "Europe/Brussels", DAY + 22 * HOUR + HOUR / 4),
    ],
)
def test_clocks_and_calendars_make_it_longer_than_it_looks(cron: str, zone: str, length: timedelta) -> None:
    assert longest([cron], zone, NOW).length == length
    assert within([cron], zone, NOW, length)
    assert not within([cron], zone, NOW, length - timedelta(minutes=1))


def test_the_gap_says_between_which_occurrences() -> None:
    gap = longest(["0 2 * * *"], "Europe/Brussels", NOW)
    assert (gap.before, gap.after) == (
        datetime(2027, 10, 31, 0, 0, tzinfo=UTC),
        datetime(2027, 11, 1, 1, 0, tzinfo=UTC),
    )


def test_what_fires_once_in_five_years_keeps_no_bound() -> None:
    gap = longest(["0 3 29 2 *"], "UTC", NOW)
    assert (gap.length, gap.before, gap.after) == (YEARS_AHEAD, datetime(2028, 2, 29, 3, tzinfo=UTC), None)
    assert not within(["0 3 29 2 *"], "UTC", NOW, YEARS_AHEAD)


def test_two_schedules_fill_each_others_gaps() -> None:
    assert not within(["0 3 * * 1-6"], "UTC", NOW, 26 * HOUR)
    assert within(["0 3 * * 1-6", "0 3 * * SUN"], "UTC", NOW, 26 * HOUR)
