"""Shares never round up."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.language.percents import percent


def test_nearly_all_is_not_all() -> None:
    assert percent(99_999, 100_000) == "99.9%"
    assert percent(999_999, 1_000_000, "fr", decimals=2) == "99,99\u00a0%"
    assert percent(5, 5) == "100%"
    assert percent(0, 3) == "0%"
    assert percent(1, 3, decimals=0) == "33%"


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 4))
def test_what_is_shown_is_never_more_than_what_is(part: int, whole: int, decimals: int) -> None:
    shown = Fraction(percent(part, whole, decimals=decimals).removesuffix("%"))
    true = Fraction(part * 100, whole)
    assert 0 <= true - shown < Fraction(1, 10**decimals)


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percent(0, 0)
