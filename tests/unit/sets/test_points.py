"""The choice of a recovery point."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.model.errors.sets import NoPointReachable, PointFaulty, PointUnknown
from intendance.model.evidence.inspection import InspectionCompleted, SetSeen
from intendance.model.verdict import Fact
from intendance.sets.manifest import Base
from intendance.sets.points import PassedOver, choose, doubted, findings, named, passed_over, points
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
    with pytest.raises(NoPointReachable) as refused:
        choose(found[:1], "site", START - timedelta(hours=1), "Europe/Brussels")
    assert "at or before 2026-11-01 02:00:00 CET (2026-11-01T01:00:00Z); the nearest is " in refused.value.message
    assert refused.value.message.endswith(" CET).")
    with pytest.raises(NoPointReachable, match="there is no set yet"):
        choose((), "site", None)
    with pytest.raises(NoPointReachable, match=f"the only set, {seen(0).manifest.set}, is faulty: forged"):
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


# ── What inspections found ──────────────────────────────────────────────────────────────────────────────────────────


def looked(
    seq: int, faults: dict[int, str], *, store: str = "local", stored_bytes: int = 5000
) -> Fact[InspectionCompleted]:
    """An inspection of a store that found faults with the sets of these sequences."""
    damaged = tuple(
        SetSeen(
            set=seen(number).manifest.set, kind="full", recovers_to=seen(number).manifest.recovers_to,
            completed_at=seen(number).manifest.completed_at, stored_bytes=stored_bytes, hashed_bytes=0,
            manifest_sha256="", fault=fault,
        )
        for number, fault in faults.items()
    )  # fmt: skip
    data = InspectionCompleted(
        store=store, by="self", sets=3, faulty=len(damaged), incomplete=0, stored_bytes=0, hashed_bytes=0, newest=(),
        days=(), oldest_recovers_to=None, zone="UTC", damaged=damaged,
    )  # fmt: skip
    return Fact(node="web-01", seq=seq, at=START, kind="inspection.completed", asset="site", actor="self", data=data)


def test_a_set_that_an_inspection_found_faulty_is_passed_over_and_that_is_told() -> None:
    found = points(doubted([seen(0), seen(1), seen(2)], findings([looked(5, {2: "it is empty"})])))
    chosen = choose(found, "site", None)
    assert chosen.set == seen(1).manifest.set
    newest = seen(2).manifest
    assert passed_over(found, {}, chosen, None) == (
        PassedOver(set=newest.set, recovers_to=newest.recovery_instant, reason="it is empty"),
    )
    assert passed_over(found, {}, chosen, START + timedelta(days=1)) == (), "what is beyond the wish is not nearer"
    assert named(found, "site", newest.set).doubt == "it is empty", "who names it may have it"


def test_when_all_were_found_faulty_somebody_has_to_name_one() -> None:
    found = points(doubted([seen(0)], findings([looked(5, {0: "it is shrunken"})])))
    with pytest.raises(NoPointReachable, match=r"the only set, .*, is faulty: it is shrunken"):
        choose(found, "site", None)
    assert named(found, "site", seen(0).manifest.set).stores == ("local",)


def test_the_latest_inspection_of_each_store_has_the_last_word() -> None:
    older, newer = looked(5, {2: "tree-00000.zst.gpg differs"}), looked(9, {})
    elsewhere = looked(7, {1: "it is empty"}, store="offsite")
    for order in ([older, elsewhere, newer], [newer, elsewhere, older]):
        assert findings(order) == {"local": {}, "offsite": {seen(1).manifest.set: "it is empty"}}


def test_what_was_not_there_when_somebody_looked_and_is_now_is_no_doubt() -> None:
    gone = looked(5, {2: "it is in the ledger and not in the store"}, stored_bytes=0)
    assert choose(points(doubted([seen(1), seen(2)], findings([gone]))), "site", None).set == seen(2).manifest.set


def test_the_copy_that_nobody_found_faulty_is_taken() -> None:
    copies = [seen(1), seen(1, store="offsite")]
    (found,) = points(doubted(copies, findings([looked(5, {1: "tree-00000.zst.gpg differs"})])))
    assert (found.stores, found.doubt, found.complaint) == (("offsite",), "", "")


def test_a_doubt_about_a_base_is_one_about_what_builds_on_it() -> None:
    base = Base(set=seen(0).manifest.set, sha256=seen(0).manifest_sha256)
    sets = [seen(0), seen(1, kind="differential", base=base)]
    (found, _) = points(doubted(sets, findings([looked(5, {0: "it is empty"})])))
    assert found.doubt == f"the set that it builds on is faulty: {base.set}: it is empty"


def test_sets_without_a_manifest_to_trust_are_passed_over_by_their_name() -> None:
    found = points([seen(0), seen(1)])
    chosen = choose(found, "site", None)
    forged, older = "site.backup-full.20261109T020000Z.1", "site.backup-full.20261001T020000Z.1"
    over = passed_over(found, {forged: "It is not signed.", older: "x", "scrap": "y"}, chosen, None)
    assert [(each.set, each.reason) for each in over] == [(forged, "It is not signed")]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["", "fault", "doubt"])), unique_by=lambda each: each[0]),
    st.none() | st.integers(-10, 1600),
)
def test_whatever_is_nearer_than_the_choice_is_told_with_its_reason(
    sets: list[tuple[int, str]], hour: int | None
) -> None:
    doubts = findings([looked(5, {number: "doubt" for number, how in sets if how == "doubt"})])
    found = points(doubted([seen(number, fault="fault" if how == "fault" else "") for number, how in sets], doubts))
    target = None if hour is None else START + timedelta(hours=hour)
    try:
        chosen = choose(found, "site", target)
    except NoPointReachable:
        assert all(how or (hour is not None and number * 24 > hour) for number, how in sets)
        return
    nearer = {point.set: point.complaint for point in found if point.recovers_to > chosen.recovers_to}
    over = passed_over(found, {}, chosen, None if target is None else target)
    within = [p.set for p in found if p.set in nearer and (target is None or p.recovers_to <= target)]
    assert [each.set for each in over] == within
    assert all(each.reason == nearer[each.set] != "" for each in over)
