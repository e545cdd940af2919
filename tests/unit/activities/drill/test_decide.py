"""Which set is drilled, and which newer ones are passed over with their reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from intendance.activities.drill.decide import (
    CHECKS_KEPT,
    Known,
    compared,
    expect_no_rollback,
    judged,
    kept,
    rpo_seconds,
    select,
)
from intendance.model.errors.drill import DrillRolledBack
from intendance.model.errors.sets import NoPointReachable, PointFaulty
from intendance.model.evidence.drill import Unusable
from intendance.model.evidence.restore import Check
from intendance.model.plan import DrillCheck
from intendance.sets.assertions import Question
from intendance.sets.points import points
from tests.support.drills import completed
from tests.support.sets import START, manifest, seen


def known(sequence: int) -> Known:
    return Known(set=manifest(sequence).set, manifest_sha256=seen(sequence).manifest_sha256)


def test_the_newest_is_drilled() -> None:
    chosen, over = select("site", points([seen(0), seen(1)]), {}, [], None)
    assert (chosen.set, over) == (manifest(1).set, ())


def test_newer_sets_that_nobody_can_use_are_passed_over_and_said() -> None:
    replaced = manifest(3).set
    shelf = points([seen(0), seen(1), seen(2, fault="tree-00000.zst.gpg missing")])
    chosen, over = select("site", shelf, {replaced: "Its signature does not hold."}, [], None)
    assert chosen.set == manifest(1).set
    assert over == (
        Unusable(set=replaced, fault="Its signature does not hold"),
        Unusable(set=manifest(2).set, fault="tree-00000.zst.gpg missing"),
    )


def test_where_none_can_be_used_the_drill_fails() -> None:
    with pytest.raises(NoPointReachable):
        select("site", points([seen(0, fault="a part is missing")]), {manifest(1).set: "It is no manifest."}, [], None)


def test_one_that_is_named_is_drilled_or_nothing_is() -> None:
    assert select("site", points([seen(0), seen(1)]), {}, [], manifest(0).set)[0].set == manifest(0).set
    with pytest.raises(PointFaulty):
        select("site", points([seen(0)]), {manifest(1).set: "It is no manifest."}, [], manifest(1).set)


def test_the_kind_that_waited_longest_has_its_turn() -> None:
    full = seen(0)
    differential = seen(1, kind="differential", set="site.backup-differential.20261102T020000Z.1")
    shelf = points([full, differential])
    assert select("site", shelf, {}, [], None)[0].kind == "differential"
    assert select("site", shelf, {}, [completed(kind="differential")], None)[0].kind == "full"
    assert select("site", shelf, {}, [completed(kind="full"), completed(kind="differential")], None)[0].kind == (
        "differential"
    )


def test_an_older_set_in_the_place_of_a_newer_one_is_told() -> None:
    with pytest.raises(DrillRolledBack, match="number 1 was its newest set, and number 0 is now"):
        expect_no_rollback("site", "local", [seen(0)], (), {1: known(1)})
    with pytest.raises(DrillRolledBack, match="number 1 was its newest set"):
        expect_no_rollback("site", "local", [seen(0)], ["some.other.set"], {1: known(1)})
    expect_no_rollback(
        "site", "local", [seen(0)], [manifest(1).set], {1: known(1)}
    )  # it lies there, and is passed over
    with pytest.raises(DrillRolledBack, match="is not the one that was there"):
        expect_no_rollback("site", "local", [seen(1)], (), {1: Known(set=manifest(1).set, manifest_sha256="f" * 64)})
    expect_no_rollback("site", "local", [seen(1), seen(2)], (), {1: known(1)})
    expect_no_rollback("site", "local", [seen(1)], (), {1: known(1)})


def test_each_ledger_of_a_rebuilt_node_numbers_its_sets_from_0() -> None:
    former, present = "asbl-exemple/node/web-01/1", "asbl-exemple/node/web-01/2"
    shelf = [seen(0), seen(1), seen(7), replace(seen(0, ledger=present), manifest_sha256="d" * 64)]
    last = Known(set=shelf[-1].manifest.set, manifest_sha256="d" * 64, ledger=present)
    expect_no_rollback("site", "local", shelf, (), {0: last})
    expect_no_rollback("site", "local", shelf, (), {1: replace(known(1), ledger=former)})
    with pytest.raises(DrillRolledBack, match="number 0 was its newest set, and number -1 is now"):
        expect_no_rollback("site", "local", shelf[:-1], (), {0: last})
    with pytest.raises(DrillRolledBack, match=r"set number 0, .* is not the one that was there"):
        expect_no_rollback("site", "local", [*shelf, replace(shelf[-1], manifest_sha256="e" * 64)], (), {})


def test_what_would_be_lost_is_rounded_up() -> None:
    assert rpo_seconds(START + timedelta(seconds=1.2), START) == 2
    assert rpo_seconds(START - timedelta(days=1), START) == 0


@pytest.mark.parametrize(
    ("bounds", "found", "ok"),
    [
        ({"at_least": 3}, "3", True),
        ({"at_least": 3}, "2.9", False),
        ({"at_most": 3}, "3", True),
        ({"at_most": 3}, "4", False),
        ({"equals": 0}, "0", True),
        ({"equals": 0}, "1", False),
        ({"at_least": 0}, None, False),
        ({"at_least": 0}, "many", False),
    ],
)
def test_an_answer_is_judged_by_its_bound(bounds: dict[str, int], found: str | None, ok: bool) -> None:
    assert judged(Question(check=DrillCheck(sql="select 1", **bounds)), found).ok is ok  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "found", "after", "ok"),
    [
        ("5", "5", "9", True),
        ("5", "9", "9", True),
        ("9", "7", "5", True),
        ("5", "10", "9", False),
        ("a", "b", "b", True),
        ("a", "b", "c", False),
        ("5", None, "5", False),
        (None, "5", "5", False),
    ],
)
def test_an_answer_lies_between_what_the_original_gave(
    before: str | None, found: str | None, after: str | None, ok: bool
) -> None:
    question = Question(check=DrillCheck(sql="select 1", compare="source"), before=before, after=after)
    assert judged(question, found).ok is ok


def test_what_one_leg_alone_brought_back_is_a_difference() -> None:
    assert compared({"a": "1"}, {"a": "1"}).ok
    assert not compared({"a": "1", "b": "2"}, {"a": "1"}).ok
    assert not compared({"a": "1"}, {"a": "1", "b": "2"}).ok


def test_what_failed_is_kept_first() -> None:
    checks = [Check(name=str(number), ok=number != 70, found="x") for number in range(80)]
    shown = kept(checks)
    assert len(shown) == CHECKS_KEPT
    assert [each.ok for each in shown[:2]] == [False, True]
