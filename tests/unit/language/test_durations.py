"""Lengths of time: two units, never rounded across a bound."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.catalogue.load import load
from intendance.language import durations

HOUR, DAY = 3600, 86_400
BOUNDS = sorted({b.seconds for rule in load().rules.values() for b in rule.bounds if b.seconds})


@pytest.mark.parametrize(
    ("seconds", "english", "french"),
    [
        (0, "0 s", "0 s"),
        (40, "40 s", "40 s"),
        (60, "1 min", "1 min"),
        (100, "1 min 40 s", "1 min 40 s"),
        (26 * 60 + 59, "26 min", "26 min"),
        (2 * HOUR + 6 * 60, "2 h 06", "2 h 06"),
        (26 * HOUR + 1800, "26 h 30", "26 h 30"),
        (26 * HOUR + 1829, "26 h 30", "26 h 30"),
        (48 * HOUR, "2 d", "2 j"),
        (3 * DAY + 4 * HOUR, "3 d 4 h", "3 j 4 h"),
        (90 * DAY, "90 d", "90 j"),
        (367 * DAY + HOUR, "367 d", "367 j"),
        (-5, "0 s", "0 s"),
    ],
)
def test_a_length_of_time_in_both_languages(seconds: int, english: str, french: str) -> None:
    assert durations.write(seconds, "en").replace("\u00a0", " ") == english
    assert durations.write(seconds, "fr").replace("\u00a0", " ") == french


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (26 * HOUR + 1801, "26 h 31"),
        (59 * 60 + 59, "1 h"),
        (48 * HOUR - 1, "2 d"),
        (2 * DAY + 1, "2 d 1 h"),
        (100 * DAY - 1, "100 d"),
    ],
)
def test_what_is_lost_is_rounded_up(seconds: int, shown: str) -> None:
    assert durations.write(seconds, "en", up=True).replace("\u00a0", " ") == shown


_SHOWN = re.compile(r"(?:(\d+) d ?)?(?:(\d+) h ?)?(?:(\d\d)$|(\d+) min ?)?(?:(\d+) s)?")


def _read(text: str) -> int:
    found = _SHOWN.fullmatch(text.replace("\u00a0", " "))
    assert found is not None, text
    days, hours, bare_minutes, minutes, seconds = (int(each or 0) for each in found.groups())
    return days * DAY + hours * HOUR + (bare_minutes + minutes) * 60 + seconds


@given(st.integers(min_value=0, max_value=4000 * DAY))
def test_rounding_goes_one_way_only(seconds: int) -> None:
    assert _read(durations.write(seconds)) <= seconds <= _read(durations.write(seconds, up=True))


@pytest.mark.parametrize("bound", BOUNDS)
def test_every_bound_is_written_exactly_and_never_reached_from_the_wrong_side(bound: int) -> None:
    exact = durations.write(bound)
    assert _read(exact) == bound
    assert durations.write(bound, up=True) == exact
    assert durations.write(bound + 1, up=True) != exact
    assert durations.write(bound - 1) != exact


def test_a_figure_never_leaves_its_unit() -> None:
    assert " " not in durations.write(3 * DAY + 4 * HOUR)
