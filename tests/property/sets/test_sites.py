"""The points that are restored together: against trying every combination."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.model.errors.sets import NoPointReachable
from intendance.sets.points import RecoveryPoint
from intendance.sets.sites import choose_together
from tests.support.sets import START


def point(asset: str, minutes: int, fault: str = "") -> RecoveryPoint:
    at = START + timedelta(minutes=minutes)
    return RecoveryPoint(
        set=f"{asset}.backup-full.{at:%Y%m%dT%H%M%SZ}.1",
        asset=asset,
        engine="files",
        kind="full",
        started_at=at,
        completed_at=at,
        recovers_to=at,
        stores=("local",),
        parts=1,
        stored_bytes=1,
        source_bytes=1,
        recipients=(),
        manifest_sha256="0" * 64,
        doubt=fault,
    )


@st.composite
def sites(draw: st.DrawFn) -> dict[str, list[RecoveryPoint]]:
    found = {}
    for asset in ("db", "files", "members")[: draw(st.integers(2, 3))]:
        minutes = draw(st.lists(st.integers(0, 60), min_size=1, max_size=6, unique=True))
        whole = draw(st.sampled_from(minutes))
        found[asset] = [
            point(asset, each, "" if each == whole else draw(st.sampled_from(["", "faulty"]))) for each in minutes
        ]
    return found


def skew(group: tuple[RecoveryPoint, ...]) -> timedelta:
    instants = [each.recovers_to for each in group]
    return max(instants) - min(instants)


@given(sites())
def test_the_newest_group_is_the_closest_one_around_what_is_furthest_back(
    candidates: dict[str, list[RecoveryPoint]],
) -> None:
    usable = {asset: [each for each in points if not each.complaint] for asset, points in candidates.items()}
    newest = {asset: max(points, key=lambda each: each.recovers_to) for asset, points in usable.items()}
    last = min(newest.values(), key=lambda each: each.recovers_to)
    chosen = choose_together(candidates, None)
    assert [each.asset for each in chosen.points] == list(candidates)
    assert not any(each.complaint for each in chosen.points)
    assert last.recovers_to in {each.recovers_to for each in chosen.points}
    with_the_last = [group for group in product(*usable.values()) if last in group]
    assert chosen.skew == min(map(skew, with_the_last))
    assert chosen.first == min(each.recovers_to for each in chosen.points)
    left_out = {newest[each.asset].set for each in chosen.points} - {each.set for each in chosen.points}
    assert {each.set for each in chosen.newer} == left_out


@given(sites(), st.integers(-5, 65))
def test_with_a_time_nothing_later_comes_back_and_nothing_nearer_is_left(
    candidates: dict[str, list[RecoveryPoint]], minutes: int
) -> None:
    target = START + timedelta(minutes=minutes)
    reachable = {
        asset: [each for each in points if not each.complaint and each.recovers_to <= target]
        for asset, points in candidates.items()
    }
    if not all(reachable.values()):
        with pytest.raises(NoPointReachable):
            choose_together(candidates, target)
        return
    chosen = choose_together(candidates, target)
    assert chosen.newer == ()
    for each in chosen.points:
        assert each.recovers_to == max(other.recovers_to for other in reachable[each.asset])


def test_of_equally_close_groups_the_newer_one_is_taken() -> None:
    chosen = choose_together({"files": [point("files", 30)], "db": [point("db", 20), point("db", 40)]}, None)
    assert [each.recovers_to for each in chosen.points] == [
        START + timedelta(minutes=30),
        START + timedelta(minutes=40),
    ]


def test_a_database_that_is_saved_hourly_goes_back_to_the_files_of_sunday() -> None:
    hourly = [point("db", 60 * hour + 15) for hour in range(100)]
    chosen = choose_together({"db": hourly, "files": [point("files", 60)]}, None)
    assert chosen.skew == timedelta(minutes=15)
    assert [each.set for each in chosen.newer] == [hourly[-1].set]


def test_an_asset_without_a_point_is_named() -> None:
    with pytest.raises(NoPointReachable, match="files has no recovery point"):
        choose_together({"db": [point("db", 1)], "files": [point("files", 1, "faulty")]}, None)
