"""What evidence says of an asset: which sets are where, what is wrong with them, what could have been lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from intendance.fleet.assets import decide
from intendance.fleet.assets.decide import SetHeld
from intendance.model.evidence.prune import PruneCompleted, SetPruned
from intendance.model.verdict import Fact
from tests.support.evidence import (
    START,
    Log,
    completed,
    drill_failed,
    drilled,
    failed,
    inspection,
    inspection_failed,
    seen,
    set_id,
    text,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def pruned(at: Any, store: str) -> PruneCompleted:
    gone = SetPruned(
        set=set_id(at), kind="logical", recovers_to=text(at), stored_at=text(at), stored_bytes=1,
        manifest_sha256="2" * 64, marked_at=text(at), because="expired",
    )  # fmt: skip
    return PruneCompleted(
        store=store, by="self", pruned_at=text(at), sets=(gone,), freed_bytes=1, kept=0, due=0, ceiling=9
    )


def of(log: Log, kind: str) -> tuple[Fact[Any], ...]:
    return tuple(fact for fact in reversed(log.facts) if fact.kind == kind)


def held(log: Log) -> tuple[SetHeld, ...]:
    return decide.sets_held(
        of(log, "backup.completed"), of(log, "prune.completed"), of(log, "inspection.completed"), {}
    )


def test_a_set_is_where_it_was_said_to_be_last_without_what_was_pruned() -> None:
    log = Log()
    log.add(START, completed(START), "shop-db")
    log.add(START + HOUR, completed(START, stores=("local", "far")), "shop-db")
    log.add(START + DAY, completed(START + DAY), "shop-db")
    assert [(each.stores, each.seq) for each in held(log)] == [(("local",), 3), (("local", "far"), 2)]
    log.add(START + 2 * DAY, pruned(START, "local"), "shop-db")
    assert held(log)[1].stores == ("far",)
    log.add(START + 2 * DAY, pruned(START, "far"), "shop-db")
    assert [each.recovers_to for each in held(log)] == [START + DAY]


def test_the_last_inspection_of_each_store_has_the_last_word_on_its_sets() -> None:
    log = Log()
    log.add(START, completed(START, stores=("local", "far")), "shop-db")
    log.add(START + HOUR, inspection([seen(START, fault="a part is gone")]), "shop-db")
    (one,) = held(log)
    assert (one.faults, one.sound) == ({"local": "a part is gone"}, ("far",))
    log.add(START + 2 * HOUR, inspection([seen(START, fault="gone too")], store="far"), "shop-db")
    assert held(log)[0].sound == ()
    log.add(START + 3 * HOUR, inspection([seen(START)]), "shop-db")
    assert held(log)[0].sound == ("local",)


def test_a_store_that_nobody_could_look_into_since_is_told_with_what_was_seen_before() -> None:
    log = Log()
    log.add(START, inspection([seen(START)], by="laptop"), "shop-db")
    log.add(START + HOUR, inspection_failed(), "shop-db")
    named = ("local", "far")
    local, far = decide.stores_seen(named, of(log, "inspection.completed"), of(log, "inspection.failed"))
    assert (local.by, local.sets, local.failure) == ("laptop", 1, "the store is not mounted")
    assert (far.store, far.inspected_at, far.failure) == ("far", None, "")
    log.add(START + 2 * HOUR, inspection([seen(START)]), "shop-db")
    (local, _far) = decide.stores_seen(named, of(log, "inspection.completed"), of(log, "inspection.failed"))
    assert local.failure == ""


def test_drills_are_told_newest_first_whatever_came_of_them() -> None:
    log = Log()
    log.add(START, drilled(START), "shop-db")
    log.add(START + DAY, drill_failed(), "shop-db")
    told = decide.drills_told(of(log, "drill.completed"), of(log, "drill.failed"))
    assert [(each.ok, each.step, len(each.legs)) for each in told] == [(False, "load", 0), (True, "", 2)]


def test_a_failed_backup_is_answered_by_a_set_made_after_it() -> None:
    log = Log()
    log.add(START, failed(START), "shop-db")
    (fact,) = of(log, "backup.failed")
    assert decide.unanswered(fact, held(log)) is fact
    log.add(START + HOUR, completed(START + HOUR), "shop-db")
    assert decide.unanswered(fact, held(log)) is None


def made(*hours: int) -> tuple[SetHeld, ...]:
    log = Log()
    for hour in hours:
        log.add(START + hour * HOUR, completed(START + hour * HOUR), "shop-db")
    return held(log)


def test_what_could_have_been_lost_peaks_just_before_the_next_set() -> None:
    sets = made(0, 24, 60)
    now = START + 61 * HOUR
    days = decide.peaks(sets, now, 4)
    assert [each.until for each in days] == [now - 2 * DAY, now - DAY, now]
    ten_minutes = 600
    assert [each.seconds for each in days] == [
        13 * 3600,  # nothing came in the day: what there was grew old
        24 * 3600 + ten_minutes,  # the second set took ten minutes, and so long the first was all
        36 * 3600 + ten_minutes,
    ]


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(1, 400))
def test_a_day_shows_the_worst_of_every_moment_of_it(hours: list[int], until: int) -> None:
    sets = made(*dict.fromkeys(hours))
    now = START + until * HOUR
    for peak in decide.peaks(sets, now, 5):
        for minute in range(0, 24 * 60, 7):
            at = peak.until - timedelta(minutes=minute)
            complete = [each.recovers_to for each in sets if each.completed_at <= at]
            if complete:
                assert peak.seconds >= (at - max(complete)).total_seconds()


def test_no_set_of_a_time_to_come_counts_as_the_newest() -> None:
    (one,) = made(0)
    asset = decide.Asset(
        node="n", name="a", engine="files", subject="", identity="", schedules=(), retention_days=1, declared_at=START,
        dropped_at=None, asked_at=START + HOUR, sets=(replace(one, recovers_to=START + DAY), one), stores=(), drills=(),
        failure="", failed_at=None,
    )  # fmt: skip
    assert asset.newest is one
    assert asset.loss == HOUR
    assert replace(asset, sets=()).loss is None
