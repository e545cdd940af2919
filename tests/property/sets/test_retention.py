"""Retention over made-up stores: what may never happen, whatever lies there, and a slow model that says the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from intendance.model.plan import LegalRetention
from intendance.sets.retention import (
    ATTEMPT_DEAD_AFTER,
    FLOOR_MARGIN,
    MARKED_FOR,
    Attempt,
    Mark,
    Retention,
    RetentionPlan,
    StoredSet,
    View,
    plan,
    plan_attempts,
    reasons,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ZONE = "Europe/Brussels"
HOURS = st.integers(min_value=0, max_value=9 * 365 * 24)
SOON = st.integers(min_value=0, max_value=60 * 24)


def _at(hours: int) -> datetime:
    return NOW - timedelta(hours=hours)


@st.composite
def stores(draw: st.DrawFn) -> tuple[StoredSet, ...]:
    """Sets of some kinds; differentials build on fulls, as a rule on ones that are there."""
    sets: list[StoredSet] = []
    for number in range(draw(st.integers(0, 11))):
        hours = draw(HOURS | SOON)
        fulls = [each.set for each in sets if each.kind == "full"]
        kind = draw(st.sampled_from(("logical", "full", "differential")))
        base = draw(st.sampled_from((*fulls, "gone"))) if kind == "differential" else None
        sets.append(
            StoredSet(
                set=f"a.backup-{kind}.{number}.1",
                kind=kind,
                recovers_to=_at(draw(st.just(hours) | HOURS)),
                stored_at=_at(hours),
                manifest_sha256=f"{number:064x}",
                base=base,
                lock_until=draw(st.none() | st.integers(-48, 48).map(lambda h: NOW + timedelta(hours=h))),
                fault=draw(st.sampled_from(("", "", "", "damaged"))),
                trusted=draw(st.sampled_from((True, True, True, False))),
                verified=draw(st.sampled_from((True, True, False))),
            )
        )
    return tuple(sets)


@st.composite
def retentions(draw: st.DrawFn) -> Retention:
    days = st.integers(0, 800)
    legal = st.builds(
        LegalRetention,
        select=st.sampled_from(("yearly", "monthly")),
        kind=st.sampled_from(("logical", "full")),
        keep_days=st.integers(1, 2600),
    )
    return Retention(
        points_days=draw(st.integers(0, 120)),
        floor_days=draw(st.sampled_from((0, 28, 30, 90))),
        daily_days=draw(days),
        weekly_days=draw(days),
        monthly_days=draw(days),
        legal=draw(st.none() | legal),
    )


@st.composite
def views(draw: st.DrawFn) -> View:
    sets = draw(stores())
    names = [each.set for each in sets]
    some = st.sets(st.sampled_from(names)) if names else st.just(set())
    marks = {
        each.set: Mark(
            set=each.set,
            manifest_sha256=draw(st.sampled_from((each.manifest_sha256, each.manifest_sha256, "0" * 63 + "f"))),
            marked_at=_at(draw(st.integers(-24, 30 * 24))),
        )
        for each in sets
        if draw(st.booleans())
    }
    return View(
        sets=sets,
        retention=draw(retentions()),
        now=NOW,
        zone=ZONE,
        drilled=frozenset(draw(some)),
        marks=marks,
        holds=dict.fromkeys(draw(some), "a restore"),
        deleted_lately=draw(st.integers(0, 5)),
        allowed=draw(st.none() | st.integers(0, 20)),
    )


@st.composite
def lavish(draw: st.DrawFn) -> View:
    """Views in which much may go: short retentions, all whole and verified, drilled sets, no locks, a person's word."""
    view = draw(views())
    sets = tuple(replace(each, fault="", trusted=True, verified=True, lock_until=None) for each in view.sets)
    marks = {each.set: Mark(set=each.set, manifest_sha256=each.manifest_sha256, marked_at=_at(200)) for each in sets}
    return replace(
        view,
        sets=sets,
        retention=replace(view.retention, points_days=1, floor_days=0, daily_days=0, weekly_days=0, monthly_days=0),
        marks=marks,
        drilled=frozenset(each.set for each in sets),
        holds={},
    )


ANY = views() | lavish()


def gone(found: RetentionPlan) -> set[str]:
    return {each.set for each in found.sets("delete")}


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_every_set_has_one_decision_with_a_reason(view: View) -> None:
    found = plan(view)
    assert sorted(each.stored.set for each in found.decisions) == sorted(each.set for each in view.sets)
    assert all(each.why for each in found.decisions)


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_a_store_with_sets_is_never_emptied_of_them(view: View) -> None:
    left = {each.set for each in view.sets} - gone(plan(view))
    assert left or not view.sets


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_no_set_is_left_without_the_base_that_it_had(view: View) -> None:
    names = {each.set for each in view.sets}
    left = names - gone(plan(view))
    orphans = {each.set for each in view.sets if each.set in left and each.base in names - left}
    assert not orphans


@settings(max_examples=60, deadline=None)
@given(view=ANY, cut=st.integers(0, 20))
def test_cut_short_after_any_deletion_no_set_is_an_orphan(view: View, cut: int) -> None:
    names = {each.set for each in view.sets}
    left = names - {each.set for each in plan(view).sets("delete")[:cut]}
    assert not [each for each in view.sets if each.set in left and each.base in names - left]


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_the_last_two_verified_sets_stay_and_without_two_all_do(view: View) -> None:
    verified = sorted((e.stored_at, e.recovers_to, e.set) for e in view.sets if e.good and e.verified)
    went = gone(plan(view))
    assert not went & {name for _, _, name in verified[-2:]}
    assert len(verified) >= 2 or not went


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_what_goes_is_older_than_a_drilled_set_that_stays(view: View) -> None:
    went = gone(plan(view))
    proofs = [each for each in view.sets if each.good and each.set in view.drilled and each.set not in went]
    for each in view.sets:
        if each.set in went:
            assert any(p.stored_at > each.stored_at and p.recovers_to > each.recovers_to for p in proofs)


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_nothing_goes_without_a_mark_of_its_own_that_is_a_week_old(view: View) -> None:
    for each in plan(view).sets("delete"):
        mark = view.marks[each.set]
        assert mark.manifest_sha256 == each.manifest_sha256
        assert view.now - mark.marked_at >= MARKED_FOR


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_locks_and_work_under_way_are_respected(view: View) -> None:
    for each in plan(view).sets("delete"):
        assert each.lock_until is None or each.lock_until <= view.now
        assert each.set not in view.holds
        assert each.trusted


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_a_run_deletes_no_more_than_its_ceiling(view: View) -> None:
    went = gone(plan(view))
    if view.allowed is not None:
        assert len(went) <= view.allowed
    else:
        assert len(went) + view.deleted_lately <= max(
            1, (len(view.sets) + view.deleted_lately) // 10, view.deleted_lately
        )


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_each_local_day_of_the_floor_keeps_a_set(view: View) -> None:
    """As the rules count: the local day of what a set recovers to, where the node's clock was right."""
    view = replace(view, sets=tuple(replace(each, recovers_to=each.stored_at) for each in view.sets))
    today = NOW.astimezone(ZoneInfo(ZONE)).date()
    first = today - timedelta(days=view.retention.floor_days)

    def days(names: set[str]) -> set[object]:
        found = {e.recovers_to.astimezone(ZoneInfo(ZONE)).date() for e in view.sets if e.good and e.set in names}
        return {day for day in found if view.retention.floor_days and day >= first}

    names = {each.set for each in view.sets}
    assert days(names - gone(plan(view))) == days(names)


@settings(max_examples=60, deadline=None)
@given(view=ANY, more=retentions())
def test_a_stricter_retention_keeps_all_that_a_looser_one_does(view: View, more: Retention) -> None:
    loose = view.retention
    legal = loose.legal and replace(loose.legal, keep_days=loose.legal.keep_days + 100)
    strict = Retention(
        points_days=max(loose.points_days, more.points_days),
        floor_days=max(loose.floor_days, more.floor_days),
        daily_days=max(loose.daily_days, more.daily_days),
        weekly_days=max(loose.weekly_days, more.weekly_days),
        monthly_days=max(loose.monthly_days, more.monthly_days),
        legal=legal or more.legal,
    )
    assert set(reasons(view)) <= set(reasons(replace(view, retention=strict)))


@settings(max_examples=60, deadline=None)
@given(view=ANY, later=st.integers(0, 400))
def test_time_alone_allows_no_more_in_one_run(view: View, later: int) -> None:
    """Whatever a clock says, one run stays under its ceiling, keeps what is drilled, and deletes the marked alone."""
    jumped = replace(view, now=view.now + timedelta(days=later), allowed=None)
    went = gone(plan(jumped))
    assert went <= set(view.marks)
    assert len(went) <= max(1, (len(view.sets) + view.deleted_lately) // 10)


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_run_after_run_nothing_is_deleted_twice_and_it_comes_to_an_end(view: View) -> None:
    """Each run a week after the one before, its marks kept, until nothing changes."""
    seen: set[str] = set()
    view = replace(view, allowed=None, deleted_lately=0)
    for _ in range(12):
        found = plan(view)
        went = gone(found)
        assert not went & seen
        seen |= went
        marks = {name: mark for name, mark in view.marks.items() if name not in found.lifted and name not in went}
        marks |= {
            e.set: Mark(set=e.set, manifest_sha256=e.manifest_sha256, marked_at=view.now) for e in found.sets("mark")
        }
        left = tuple(each for each in view.sets if each.set not in went)
        view = replace(view, sets=left, marks=marks, now=view.now + MARKED_FOR)
    names = {each.set for each in view.sets}
    assert {each.base for each in view.sets} & seen == set()
    assert not view.sets or names


@settings(max_examples=60, deadline=None)
@given(view=ANY)
def test_the_slow_model_keeps_the_same(view: View) -> None:
    assert set(reasons(view)) == _slow(view)


def _slow(view: View) -> set[str]:
    """Each sentence of docs/retention.md by itself, looked up again for each set."""
    kept = {each.set for each in view.sets if _by_itself(view, each)}
    verified = sorted((e.stored_at, e.recovers_to, e.set) for e in view.sets if e.good and e.verified)
    if len(verified) < 2:
        return {each.set for each in view.sets}
    while True:
        more = {
            base.set for base in view.sets for each in view.sets if each.set in kept and each.base == base.set
        } - kept
        if not more:
            return kept
        kept |= more


def _by_itself(view: View, each: StoredSet) -> bool:
    keep, age = view.retention, view.now - each.stored_at
    zone = ZoneInfo(ZONE)
    good = [other for other in view.sets if other.good]

    def order(one: StoredSet) -> tuple[datetime, datetime, str]:
        return (one.stored_at, one.recovers_to, one.set)

    def first(form: str, among: list[StoredSet]) -> bool:
        if each not in among:
            return False
        mine = [
            o for o in among if f"{o.stored_at.astimezone(zone):{form}}" == f"{each.stored_at.astimezone(zone):{form}}"
        ]
        said = [
            o
            for o in among
            if f"{o.recovers_to.astimezone(zone):{form}}" == f"{each.recovers_to.astimezone(zone):{form}}"
        ]
        return each in (min(mine, key=order), min(said, key=order))

    def young(days: int) -> bool:
        return age < timedelta(days=days)

    legal = keep.legal
    by_kind = [other for other in good if legal is not None and other.kind == legal.kind]
    by_drill = [other for other in by_kind if other.set in view.drilled]
    form = "%Y" if legal is not None and legal.select == "yearly" else "%Y-%m"
    verified = sorted((other for other in good if other.verified), key=order)
    alone = [other for other in verified if other.kind == each.kind and other.base is None]
    newer = [
        other
        for other in good
        if other.set in view.drilled and other.stored_at > each.stored_at and other.recovers_to > each.recovers_to
    ]
    return any(
        (
            each.set in view.holds,
            not each.trusted,
            young(keep.points_days),
            bool(keep.floor_days) and age < timedelta(days=keep.floor_days) + FLOOR_MARGIN and first("%Y-%m-%d", good),
            young(keep.daily_days) and first("%Y-%m-%d", good),
            young(keep.weekly_days) and first("%G-%V", good),
            young(keep.monthly_days) and first("%Y-%m", good),
            legal is not None and young(legal.keep_days) and (first(form, by_kind) or first(form, by_drill)),
            each in verified[-2:],
            each in alone[-2:],
            not newer,
        )
    )


@st.composite
def attempts(draw: st.DrawFn) -> list[Attempt]:
    return [
        Attempt(set=f"a.backup-full.{number}.1", newest_at=_at(draw(SOON)), stored_bytes=1, objects=1)
        for number in range(draw(st.integers(0, 8)))
    ]


@settings(max_examples=60, deadline=None)
@given(
    found=attempts(),
    marked=st.dictionaries(st.integers(0, 8), st.integers(-24, 40 * 24)),
    recorded=st.sets(st.integers(0, 8)),
    begun=st.sets(st.integers(0, 8)),
)
def test_only_dead_attempts_go_and_a_set_that_lost_its_manifest_stays(
    found: list[Attempt], marked: dict[int, int], recorded: set[int], begun: set[int]
) -> None:
    def name(number: int) -> str:
        return f"a.backup-full.{number}.1"

    marks = {name(n): Mark(set=name(n), manifest_sha256="", marked_at=_at(hours)) for n, hours in marked.items()}
    for each in plan_attempts(
        found, now=NOW, marks=marks, recorded=set(map(name, recorded)), begun=set(map(name, begun))
    ):
        ours = each.attempt.set in set(map(name, begun))
        if each.act == "delete" and not ours:
            assert each.attempt.set not in set(map(name, recorded))
            assert NOW - each.attempt.newest_at >= ATTEMPT_DEAD_AFTER
            assert NOW - marks[each.attempt.set].marked_at >= MARKED_FOR
        if ours:
            assert each.act == "delete"
