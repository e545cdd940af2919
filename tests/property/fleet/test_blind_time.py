"""For how long the manager saw nothing: two gaps at once are one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from intendance.fleet.detection.decide import BLIND_WITHIN_US, FIRST_START, Blind, blind_us

NOW_US = BLIND_WITHIN_US + 40
MOMENTS = st.integers(NOW_US - 60, NOW_US + 10)
CAUSES = st.sampled_from(["restart", "stalled", "database", FIRST_START])


@st.composite
def gaps(draw: st.DrawFn) -> Blind:
    begins, ends = sorted((draw(MOMENTS), draw(MOMENTS)))
    return Blind(begins, ends, draw(CAUSES))


@given(st.lists(gaps(), max_size=6), st.none() | MOMENTS)
def test_each_moment_is_counted_once(found: list[Blind], told_us: int | None) -> None:
    since = max(NOW_US - BLIND_WITHIN_US, told_us or 0)
    counted = [each for each in found if each.cause != FIRST_START]
    moments = {at for each in counted for at in range(max(each.from_us, since), min(each.to_us, NOW_US))}
    assert blind_us(found, told_us, NOW_US) == len(moments)
