"""What a heartbeat means, apart from any database."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from intendance.fleet.beats import decide
from intendance.fleet.beats.decide import Place

BOOTS = st.sampled_from("abcd")


@given(st.lists(st.tuples(BOOTS, st.integers(min_value=1, max_value=5)), max_size=40))
def test_no_beat_counts_twice(received: list[tuple[str, int]]) -> None:
    place, counted = Place("", 0), []
    for boot, seq in received:
        if decide.receive(place, boot, seq) == "counts":
            counted.append((boot, seq))
            place = decide.advance(place, boot, seq)
    assert len(counted) == len(set(counted))
    order = list(dict.fromkeys(boot for boot, _ in counted))
    assert [boot for boot, _ in counted] == sorted((boot for boot, _ in counted), key=order.index)


@given(st.integers(min_value=0, max_value=2**52))
def test_a_minute_has_its_bit(at_us: int) -> None:
    hour, bit = decide.slot(at_us)
    assert 0 <= at_us - hour < decide.HOUR_US
    assert bit.bit_count() == 1
    assert hour + (bit.bit_length() - 1) * decide.MINUTE_US <= at_us < hour + bit.bit_length() * decide.MINUTE_US


@given(st.lists(st.integers(min_value=0, max_value=500), min_size=60, max_size=60), st.integers(0, 59))
def test_only_a_crowded_second_is_eased_and_only_forward(per_second: list[int], second: int) -> None:
    wait_ms = decide.quieter_in_ms(per_second, second)
    assert 0 <= wait_ms < 60_000
    if per_second[second] < 50:
        assert wait_ms == 0
    if wait_ms:
        assert per_second[(second + wait_ms // 1000) % 60] == min(
            per_second[(second + each) % 60] for each in range(1, 60)
        )


def test_a_fleet_that_begins_at_once_is_spread() -> None:
    per_second = [0] * 60
    per_second[7] = 600
    assert decide.quieter_in_ms(per_second, 7) == 1000


@given(
    st.integers(min_value=0, max_value=decide.MINUTE_US - 1),
    st.lists(st.integers(min_value=-9_000_000, max_value=9_000_000), min_size=2, max_size=120),
)
def test_beats_that_come_in_time_fill_every_minute_wherever_in_it_they_fall(phase: int, late: list[int]) -> None:
    day = 20_000 * 24 * decide.HOUR_US
    minute = seen = 0
    filled = []
    for number, lateness in enumerate(late):
        at = day + number * decide.MINUTE_US + phase + lateness // 2
        minute = decide.minute_of(minute, seen, at)
        seen = at
        filled.append(minute)
        assert at - 2 * decide.MINUTE_US < minute <= at
    steps = {later - earlier for earlier, later in itertools.pairwise(filled)}
    assert steps <= {0, decide.MINUTE_US}


def test_a_beat_that_was_lost_leaves_its_minute_empty() -> None:
    day = 20_000 * 24 * decide.HOUR_US
    first = decide.minute_of(0, 0, day + 59_950_000)
    assert first == day
    assert decide.minute_of(first, day + 59_950_000, day + 120_050_000) == day + decide.MINUTE_US
    assert decide.minute_of(first, day + 59_950_000, day + 179_950_000) == day + 2 * decide.MINUTE_US
