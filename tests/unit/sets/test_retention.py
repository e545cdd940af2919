"""Retention by examples: a store of daily sets, and what one fact changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from intendance.model.plan import LegalRetention
from intendance.sets.retention import (
    ATTEMPT_DEAD_AFTER,
    MARKED_FOR,
    Act,
    Attempt,
    Decision,
    Mark,
    Retention,
    StoredSet,
    View,
    plan,
    plan_attempts,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def daily(count: int, kind: str = "logical") -> list[StoredSet]:
    """One set a day at two in the morning, the newest of today; all read again."""
    return [
        StoredSet(
            set=f"db.{kind}.{age}",
            kind=kind,
            recovers_to=NOW.replace(hour=2) - age * DAY,
            stored_at=NOW.replace(hour=2, minute=5) - age * DAY,
            manifest_sha256=f"{age:064x}",
            verified=True,
        )
        for age in range(count)
    ]


def marked(sets: list[StoredSet], ago: timedelta = MARKED_FOR) -> dict[str, Mark]:
    return {e.set: Mark(set=e.set, manifest_sha256=e.manifest_sha256, marked_at=NOW - ago) for e in sets}


def month(count: int = 40) -> View:
    """Thirty days are kept, the newest set was drilled, all were marked a week ago."""
    sets = daily(count)
    return View(
        sets=sets,
        retention=Retention(points_days=30),
        now=NOW,
        zone="Europe/Brussels",
        drilled={sets[0].set},
        marks=marked(sets),
    )


def of(view: View, name: str) -> Decision:
    return next(each for each in plan(view).decisions if each.stored.set == name)


def acts(view: View, act: Act) -> list[str]:
    return [each.stored.set for each in plan(view).decisions if each.act == act]


def test_what_is_older_than_the_points_goes_the_oldest_first_up_to_a_tenth() -> None:
    view = month()
    assert acts(view, "delete") == ["db.logical.39", "db.logical.38", "db.logical.37", "db.logical.36"]
    assert {each.why[0].code for each in plan(view).decisions if each.act == "blocked"} == {"ceiling"}
    assert plan(view).due == 10
    assert of(view, "db.logical.39").why[0].set == "db.logical.0"


def test_one_may_always_go() -> None:
    view = replace(month(), sets=daily(32)[-6:] + daily(2), drilled={"db.logical.0"})
    assert acts(view, "delete") == ["db.logical.31"]


def test_what_went_today_counts_towards_the_ceiling() -> None:
    assert acts(replace(month(36), deleted_lately=4), "delete") == []


def test_a_person_allows_more() -> None:
    assert len(acts(replace(month(), allowed=10), "delete")) == 10


def test_the_points_are_kept_to_the_second_by_the_stores_time() -> None:
    view = month(31)
    view = replace(view, marks=marked(list(view.sets), 8 * DAY))
    oldest = view.sets[-1]
    ends = oldest.stored_at + 30 * DAY
    assert of(replace(view, now=ends), oldest.set).act == "delete"
    kept = of(replace(view, now=ends - timedelta(seconds=1)), oldest.set)
    assert (kept.act, kept.why[0].code, kept.why[0].until) == ("keep", "points", ends)


def test_a_node_that_calls_its_sets_old_ages_none() -> None:
    view = month(20)
    aged = [replace(each, recovers_to=each.recovers_to - 400 * DAY) for each in view.sets]
    assert {each.act for each in plan(replace(view, sets=aged)).decisions} == {"keep"}


def test_without_a_newer_drill_nothing_goes() -> None:
    view = month()
    assert of(replace(view, drilled=set()), "db.logical.39").why[0].code == "not_drilled"
    assert of(replace(view, drilled={"db.logical.39"}), "db.logical.39").why[0].code == "not_drilled"
    assert acts(replace(view, drilled={"db.logical.38"}), "delete") == ["db.logical.39"]


def test_a_drilled_set_is_newer_only_when_the_store_says_so_too() -> None:
    view = month()
    early = replace(view.sets[0], stored_at=view.sets[-1].stored_at - DAY)  # a node whose clock was years ahead
    assert of(replace(view, sets=[early, *view.sets[1:]]), "db.logical.39").why[0].code == "not_drilled"


def test_a_drilled_set_that_is_damaged_now_proves_nothing() -> None:
    view = month()
    sets = [replace(view.sets[0], fault="a part is missing"), *view.sets[1:]]
    assert acts(replace(view, sets=sets), "delete") == []


def test_with_fewer_than_two_verified_sets_all_stay() -> None:
    view = month()
    sets = [view.sets[0], *(replace(each, verified=False) for each in view.sets[1:])]
    assert of(replace(view, sets=sets), "db.logical.39").why[0].code == "few_verified"


def test_each_kind_keeps_its_last_two() -> None:
    """Dumps that are made no longer: the physical sets of every night do not replace the last of them."""
    old = [each for each in daily(60) if each.set in ("db.logical.50", "db.logical.51", "db.logical.52")]
    view = month()
    view = replace(view, sets=[*daily(20, "physical"), *old], drilled={"db.physical.0"}, marks=marked(old))
    assert acts(view, "delete") == ["db.logical.52"]
    assert of(view, "db.logical.51").why[0].code == "last_verified"


def test_a_set_must_be_marked_for_a_week_and_be_the_one_that_was() -> None:
    view = month()
    assert "db.logical.39" in acts(replace(view, marks={}), "mark")
    young = replace(view, marks=marked(list(view.sets), MARKED_FOR - timedelta(seconds=1)))
    assert of(young, "db.logical.39").act == "wait"
    assert of(young, "db.logical.39").why[0].until == NOW + timedelta(seconds=1)
    other = {name: replace(mark, manifest_sha256="f" * 64) for name, mark in view.marks.items()}
    assert acts(replace(view, marks=other), "delete") == []
    future = {name: replace(mark, marked_at=NOW + DAY) for name, mark in view.marks.items()}
    assert acts(replace(view, marks=future), "delete") == []


def test_a_mark_is_lifted_when_the_set_is_kept_after_all() -> None:
    view = month(32)
    assert "db.logical.31" not in plan(view).lifted
    longer = replace(view, retention=Retention(points_days=90))
    assert set(plan(longer).lifted) == set(view.marks)


def test_a_lock_holds_whatever_else_is_said() -> None:
    view = month()
    until = NOW + timedelta(seconds=1)
    sets = [replace(each, lock_until=until) for each in view.sets]
    locked = of(replace(view, sets=sets), "db.logical.39")
    assert (locked.act, locked.why[0].code, locked.why[0].until) == ("blocked", "locked", until)
    assert of(replace(view, sets=sets, now=until), "db.logical.39").act == "delete"


def test_what_somebody_restores_stays() -> None:
    held = of(replace(month(), holds={"db.logical.39": "db.restore.x"}), "db.logical.39")
    assert (held.act, held.why[0].code, held.why[0].detail) == ("keep", "held", "db.restore.x")


def test_the_rules_floor_is_two_days_longer_than_its_days() -> None:
    """MAINT_013 asks today for the set of 90 local days ago, and an inspection looks a day later."""
    view = replace(month(100), retention=Retention(points_days=7, floor_days=90))
    assert of(view, "db.logical.91").why[0].code == "floor"
    assert of(view, "db.logical.92").act != "keep"


def test_sets_of_one_day_thin_out_to_the_first() -> None:
    view = replace(month(), retention=Retention(points_days=7, daily_days=365))
    noon = [
        replace(
            e,
            set=f"noon.{n}",
            stored_at=e.stored_at + timedelta(hours=9),
            recovers_to=e.recovers_to + timedelta(hours=9),
        )
        for n, e in enumerate(view.sets)
    ]
    view = replace(view, sets=[*view.sets, *noon], marks=marked([*view.sets, *noon]), allowed=100)
    went = acts(view, "delete")
    assert went
    assert all(name.startswith("noon.") for name in went)
    assert of(view, "db.logical.39").why[0].code == "daily"


def test_the_first_of_each_year_is_kept_for_seven_years_and_the_first_drilled_one() -> None:
    sets = daily(900)
    legal = LegalRetention(select="yearly", kind="logical", keep_days=2557)
    drilled = next(each for each in sets if each.recovers_to.date().isoformat() == "2025-06-15")
    view = View(
        sets=sets,
        retention=Retention(points_days=30, legal=legal),
        now=NOW,
        zone="Europe/Brussels",
        drilled={sets[0].set, drilled.set},
        marks=marked(sets),
        allowed=1000,
    )
    kept = {
        each.stored.recovers_to.date().isoformat()
        for each in plan(view).decisions
        if "legal" in {why.code for why in each.why}
    }
    assert kept == {"2024-06-05", "2025-01-01", "2025-06-15", "2026-01-01", "2026-11-21"}
    physical = replace(view, retention=Retention(points_days=30, legal=replace(legal, kind="physical")))
    assert "2025-01-01" in {e.recovers_to.date().isoformat() for e in plan(physical).sets("delete")}


def weeks_of_differentials() -> View:
    """A full set each Sunday, a differential on the six days after it; all are old but the newest week."""
    sets = [replace(each, kind="full") for each in daily(70)]
    for index, each in enumerate(sets):
        if index % 7 != 6:
            sets[index] = replace(each, kind="differential", base=sets[index // 7 * 7 + 6].set)
    return View(
        sets=sets,
        retention=Retention(points_days=30),
        now=NOW,
        zone="Europe/Brussels",
        drilled={sets[0].set},
        marks=marked(sets),
    )


def test_a_base_stays_while_a_set_that_is_kept_builds_on_it() -> None:
    view = replace(weeks_of_differentials(), allowed=100)
    base = of(view, "db.logical.34")
    assert (base.act, base.why[0].code) == ("keep", "base")
    assert of(view, "db.logical.41").act == "delete"


def test_under_the_ceiling_differentials_go_before_their_base() -> None:
    view = weeks_of_differentials()
    assert sorted(acts(view, "delete")) == [f"db.logical.{n}" for n in (63, 64, 65, 66, 67, 68, 69)]
    few = replace(view, allowed=6)
    assert sorted(acts(few, "delete")) == [f"db.logical.{n}" for n in (63, 64, 65, 66, 67, 68)]
    assert of(few, "db.logical.69").act == "blocked"
    assert [each.set for each in plan(view).sets("delete")][-1] == "db.logical.69"


def test_a_base_waits_for_a_differential_that_is_locked() -> None:
    view = weeks_of_differentials()
    sets = [replace(e, lock_until=NOW + DAY) if e.set == "db.logical.66" else e for e in view.sets]
    base = of(replace(view, sets=sets, allowed=100), "db.logical.69")
    assert (base.act, base.why[0].code, base.why[0].set) == ("blocked", "builds_on", "db.logical.66")


def test_a_set_of_somebody_else_is_never_deleted() -> None:
    view = month()
    sets = [*view.sets[:-1], replace(view.sets[-1], trusted=False, fault="it is signed by another key")]
    assert of(replace(view, sets=sets), "db.logical.39").why[0].code == "untrusted"


ATTEMPT = Attempt(set="db.logical.1", newest_at=NOW - ATTEMPT_DEAD_AFTER, stored_bytes=5, objects=1)
MARK = {ATTEMPT.set: Mark(set=ATTEMPT.set, manifest_sha256="", marked_at=NOW - MARKED_FOR)}


@pytest.mark.parametrize(
    ("attempt", "marks", "recorded", "begun", "act", "code"),
    [
        (ATTEMPT, MARK, (), (), "delete", "incomplete"),
        (ATTEMPT, {}, (), (), "mark", "mark"),
        (ATTEMPT, {ATTEMPT.set: replace(MARK[ATTEMPT.set], marked_at=NOW)}, (), (), "wait", "marked"),
        (ATTEMPT, {ATTEMPT.set: replace(MARK[ATTEMPT.set], manifest_sha256="0" * 64)}, (), (), "mark", "mark"),
        (replace(ATTEMPT, newest_at=ATTEMPT.newest_at + DAY), MARK, (), (), "keep", "at_work"),
        (ATTEMPT, MARK, (ATTEMPT.set,), (), "keep", "recorded"),
        (replace(ATTEMPT, newest_at=NOW), {}, (ATTEMPT.set,), (ATTEMPT.set,), "delete", "begun"),
    ],
)
def test_attempts(
    attempt: Attempt, marks: dict[str, Mark], recorded: tuple[str, ...], begun: tuple[str, ...], act: str, code: str
) -> None:
    (found,) = plan_attempts([attempt], now=NOW, marks=marks, recorded=recorded, begun=begun)
    assert (found.act, found.why.code) == (act, code)
