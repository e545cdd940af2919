"""Which store holds what, and how far each is behind: by evidence alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.evidence.prune import PruneBegun, SetPruned
from intendance.model.verdict import Fact
from intendance.sets.holdings import Lag, holdings, lacking, lags
from tests.support.evidence import START, completed, inspection, seen, text

HOUR = timedelta(hours=1)
STORES = ("local", "away")
LONG_AGO = START - timedelta(days=90)


def made(hours: int, *stores: str) -> BackupCompleted:
    return completed(START + HOUR * hours, stores=stores or STORES)


def look(store: str, *damaged: datetime) -> Fact[InspectionCompleted]:
    faulty = tuple(replace(seen(at), fault="it was changed") for at in damaged)
    data = replace(inspection([], store=store), damaged=faulty, faulty=len(faulty))
    return Fact(node="n", seq=1, at=START, kind="inspection.completed", asset="a", actor="schedule:inspect", data=data)


def deleted(store: str, at: datetime) -> PruneBegun:
    gone = seen(at)
    one = SetPruned(
        set=gone.set, kind=gone.kind, recovers_to=gone.recovers_to, stored_at=text(at), stored_bytes=1,
        manifest_sha256=gone.manifest_sha256, marked_at=text(at), because="expired",
    )  # fmt: skip
    return PruneBegun(store=store, by="self", sets=(one,))


def of(*backups: BackupCompleted, looks: dict[str, Fact[InspectionCompleted]] | None = None) -> dict[str, Lag]:
    looks = looks or {}
    return {lag.store: lag for lag in lags("a", holdings(backups, looks), STORES, looks, LONG_AGO)}


def test_a_store_that_was_added_later_lacks_what_was_made_before() -> None:
    found = of(made(3, "local"), made(2, "local", "away"), made(1, "local"))
    assert (found["local"].behind_seconds, found["local"].lacks) == (0, 0)
    assert (found["away"].behind_seconds, found["away"].lacks) == (3600, 2)
    assert found["away"].newest_recovers_to == START + 2 * HOUR
    assert found["away"].lacks_bytes == 2 * made(1).stored_bytes


def test_a_store_that_holds_nothing_is_behind_nothing_that_can_be_counted() -> None:
    assert (of(made(1, "local"))["away"].behind_seconds, of(made(1, "local"))["away"].lacks) == (None, 1)
    assert (of()["local"].behind_seconds, of()["local"].newest_recovers_to, of()["local"].lacks) == (None, None, 0)


def test_the_newest_word_on_a_set_counts() -> None:
    good, before = made(1, "local", "away"), made(1, "local")
    assert of(good, before)["away"].lacks == 0


def test_what_an_inspection_found_damaged_is_not_held() -> None:
    found = of(made(2), made(1), looks={"away": look("away", START + 2 * HOUR)})
    assert (found["away"].behind_seconds, found["away"].lacks) == (3600, 1)
    assert found["away"].inspected_at == START
    assert found["local"].inspected_at is None


def test_what_was_deleted_on_purpose_is_not_held_and_not_asked_for_where_nobody_has_it() -> None:
    everywhere = [deleted(store, START + HOUR) for store in STORES]
    assert holdings([made(1)], {}, everywhere) == ()
    (held,) = holdings([made(1)], {}, everywhere[:1])
    assert held.stores == {"away"}


def test_what_is_too_old_to_be_kept_or_lies_in_no_store_of_the_plan_is_not_lacking() -> None:
    held = holdings([made(2, "local"), made(1, "local"), made(3, "former")], {})
    young = lacking(held, "away", STORES, START + 2 * HOUR)
    assert [each.made.set for each in young] == [made(2).set]
    assert lacking(held, "local", STORES, LONG_AGO) == ()
    legal = {made(1).set, made(3).set}
    assert [e.made.set for e in lacking(held, "away", STORES, START + 2 * HOUR, legal)] == [made(2).set, made(1).set]
    assert len(lacking(held, "away", STORES, LONG_AGO, legal)) == 2, "each once"
