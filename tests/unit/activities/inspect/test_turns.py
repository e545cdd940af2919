"""Whose turn it is to be re-read elsewhere, what was there before, whether the store's clock can be believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.activities.inspect.turns import (
    THIRTIETHS,
    Standing,
    clock_off_seconds,
    seen_before,
    standing,
    thirtieth,
    turns,
    yearly,
)
from tests.support.evidence import START, Log, inspection, seen

DAY = timedelta(days=1)
DATES = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1))
NAMES = st.from_regex(r"[a-z0-9.-]{1,40}", fullmatch=True)


@given(DATES, NAMES, NAMES)
def test_thirty_days_in_a_row_read_every_part_just_once(first: date, set_id: str, part: str) -> None:
    share = thirtieth(set_id, part)
    days = [first + DAY * number for number in range(THIRTIETHS)]
    assert [share in turns(day, day - DAY) for day in days].count(True) == 1


@given(DATES, st.lists(st.integers(1, 70), min_size=1, max_size=40), NAMES)
def test_no_part_waits_for_more_than_thirty_days_whenever_somebody_looks(
    first: date, pauses: list[int], part: str
) -> None:
    """Days without a look are made up for by the next one: what was stored before is read, or was in the last thirty
    days."""
    share = thirtieth("a set", part)
    last, read = first, first
    for pause in pauses:
        day = last + DAY * pause
        if share in turns(day, last):
            read = day
        assert (day - read).days < THIRTIETHS
        last = day


@given(DATES, st.integers(0, 100))
def test_a_day_asks_for_as_many_shares_as_days_went_by(day: date, since: int) -> None:
    found = turns(day, day - DAY * since)
    assert len(set(found)) == len(found) == min(max(since, 1), THIRTIETHS)
    assert set(turns(day, None)) <= set(found)


def test_the_shares_are_about_as_large() -> None:
    counts = [0] * THIRTIETHS
    for number in range(30_000):
        counts[thirtieth(f"site.backup-full.{number // 10}", f"tree-{number % 10:05}.zst.gpg")] += 1
    assert (min(counts), max(counts)) > (850, 850)
    assert max(counts) < 1150


def test_what_was_seen_before_is_expected_until_it_is_pruned_or_missed() -> None:
    log = Log("laptop")
    first, second = seen(START), seen(START + DAY)
    log.add(START + DAY, inspection([first, second], by="laptop"), "shop-db")
    looks = tuple(reversed([fact for fact in log.facts if fact.kind == "inspection.completed"]))
    assert set(seen_before("local", looks)) == {first.set, second.set}
    assert set(seen_before("local", looks, {first.set})) == {second.set}
    assert seen_before("elsewhere", looks) == {}

    gone = replace(first, stored_bytes=0, fault="it was in the store")
    log.add(START + 2 * DAY, inspection([gone, second], by="laptop"), "shop-db")
    looks = tuple(reversed([fact for fact in log.facts if fact.kind == "inspection.completed"]))
    assert set(seen_before("local", looks)) == {second.set}


@given(st.integers(-(10**6), 10**6))
def test_a_clock_is_off_by_what_it_contradicts(off: int) -> None:
    """A store stamps at the very end of a set, and is looked at at once: only what its clock is off by remains."""
    stamped = START + timedelta(seconds=off)
    found = clock_off_seconds([(stamped, START)], START)
    assert found == (off if abs(off) > 120 else 0)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_copy_made_late_is_no_clock_that_is_off(copied_after: int, looked_after: int) -> None:
    stored_at = START + timedelta(seconds=copied_after)
    assert clock_off_seconds([(stored_at, START)], stored_at + timedelta(seconds=looked_after)) == 0


def test_the_first_lasting_set_of_each_year() -> None:
    at = [datetime(year, month, 1, tzinfo=UTC) for year in (2024, 2025) for month in (1, 2, 3)]
    sets = [seen(each) for each in at]
    assert yearly(sets, {"logical"}) == (sets[0], sets[3])
    assert yearly([replace(sets[0], fault="changed"), *sets[1:]], {"logical"}) == (sets[1], sets[3])
    assert yearly([replace(each, kind="physical") for each in sets], {"logical"}) == ()


def test_of_a_year_the_first_that_passed_a_drill_is_named_too() -> None:
    """Retention and locks keep it, and the law's rule asks for one that is locked and came back."""
    at = [datetime(year, month, 1, tzinfo=UTC) for year in (2024, 2025) for month in (1, 2, 3)]
    sets = [seen(each) for each in at]
    drilled = {sets[1].set, sets[2].set, sets[3].set}
    assert yearly(sets, {"logical"}, drilled) == (sets[0], sets[1], sets[3])
    assert yearly(sets, {"physical"}, drilled) == ()


@pytest.mark.parametrize(
    ("sets", "after", "clock", "expected"),
    [
        ([], DAY, 0, "never"),
        ([seen(START, fault="changed")], DAY, 0, "never"),
        ([seen(START)], DAY, 0, "good"),
        ([seen(START)], 2 * DAY, 0, "old"),
        ([seen(START), seen(START - DAY, fault="changed")], DAY, 0, "faulty"),
        ([seen(START)], DAY, 300, "clock"),
    ],
)
def test_what_a_look_means(sets: list[object], after: timedelta, clock: int, expected: Standing) -> None:
    found = replace(inspection(sets), clock_off_s=clock)  # type: ignore[arg-type]
    assert standing(found, scheduled=True, bound_seconds=95_400, now=START + after) == expected


def test_what_is_backed_up_by_hand_only_is_never_too_old() -> None:
    assert standing(inspection([]), scheduled=False, bound_seconds=1, now=START) == "good"
    assert standing(inspection([seen(START)]), scheduled=False, bound_seconds=1, now=START + 9 * DAY) == "good"
