"""The choice of a recovery point."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.model.errors.sets import NoPointReachable, PointFaulty, PointUnknown
from intendance.sets.manifest import Base
from intendance.sets.points import choose, named, points
from tests.support.sets import START, seen


def test_copies_in_two_stores_are_one_point() -> None:
    found = points([seen(1), seen(0), seen(1, store="offsite"), seen(0, store="offsite", fault="a part is missing")])
    assert [point.set for point in found] == [seen(1).manifest.set, seen(0).manifest.set]
    assert found[0].stores == ("local", "offsite")
    assert (found[1].stores, found[1].fault) == (("local",), "")


def test_a_point_is_faulty_when_no_store_holds_it_whole() -> None:
    (found,) = points([seen(0, fault="a part is missing"), seen(0, store="offsite", fault="forged")])
    assert (found.stores, found.fault) == ((), "a part is missing")


def test_nearest_at_or_before() -> None:
    found = points([seen(0), seen(1), seen(2)])
    assert choose(found, "site", None).set == seen(2).manifest.set
    assert choose(found, "site", START + timedelta(days=1)).set == seen(1).manifest.set
    assert choose(found, "site", START + timedelta(days=1, seconds=-1)).set == seen(0).manifest.set


def test_a_faulty_point_is_never_chosen() -> None:
    found = points([seen(0), seen(1, fault="a part is missing")])
    assert choose(found, "site", None).set == seen(0).manifest.set
    with pytest.raises(PointFaulty, match="a part is missing"):
        named(found, "site", seen(1).manifest.set)


def test_refusals_name_the_nearest() -> None:
    found = points([seen(0), seen(1), seen(2)])
    with pytest.raises(NoPointReachable) as refused:
        choose(found, "site", START - timedelta(hours=1))
    assert refused.value.message == (
        "site has no recovery point at or before 2026-11-01T01:00:00Z; the nearest are "
        "site.backup-full.20261101T020000Z.1 (2026-11-01T02:00:00Z) and "
        "site.backup-full.20261102T020000Z.1 (2026-11-02T02:00:00Z)."
    )
    with pytest.raises(NoPointReachable, match="there is no set yet"):
        choose((), "site", None)
    with pytest.raises(NoPointReachable, match="all 1 sets are faulty"):
        choose(points([seen(0, fault="forged")]), "site", None)


def test_points_by_name() -> None:
    found = points([seen(0)])
    assert named(found, "site", found[0].set) == found[0]
    with pytest.raises(PointUnknown, match="site has no recovery point yesterday"):
        named(found, "site", "yesterday")


@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), unique_by=lambda each: each[0], min_size=1),
    st.integers(-10, 1600),
)
def test_the_choice_is_the_best_there_is(sets: list[tuple[int, bool]], hour: int) -> None:
    found = points(seen(sequence, fault="" if good else "bad") for sequence, good in sets)
    target = START + timedelta(hours=hour)
    reachable = [sequence for sequence, good in sets if good and sequence * 24 <= hour]
    if not reachable:
        with pytest.raises(NoPointReachable):
            choose(found, "site", target)
    else:
        assert choose(found, "site", target).recovers_to == START + timedelta(days=max(reachable))


def test_a_differential_is_a_point_only_beside_its_whole_base() -> None:
    base = Base(set=seen(0).manifest.set, sha256=seen(0).manifest_sha256)
    changes = seen(1, kind="differential", base=base)
    elsewhere = seen(1, store="offsite", kind="differential", base=base)
    (found, _) = points([seen(0), changes, elsewhere])
    assert (found.stores, found.base, found.fault) == (("local",), base.set, "")
    (found, _) = points([seen(0, fault="a part is missing"), changes])
    assert found.fault == f"the set that it builds on is faulty: {base.set}: a part is missing"
    (found,) = points([elsewhere])
    assert found.fault == f"the set that it builds on is not there: {base.set}"
    other = replace(seen(0), manifest_sha256="f" * 64)
    assert points([other, changes])[0].fault == f"the set that it builds on is not there: {base.set}"
