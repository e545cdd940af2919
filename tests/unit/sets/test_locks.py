"""Which legal copies must be locked, and until when: by evidence alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.evidence.locked import SetLocked, StoreLocked
from intendance.model.plan import LegalRetention
from intendance.model.verdict import Fact
from intendance.sets.holdings import holdings
from intendance.sets.locks import Unlocked, drilled_sets, kept_for_law, unlocked
from tests.support.evidence import START, completed, drilled, inspection, seen, text

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LEGAL = LegalRetention(select="yearly", kind="logical", keep_days=2562)
KEPT = timedelta(days=2562)


def made(at: datetime, **more: Any) -> BackupCompleted:
    return replace(completed(at, stores=("away",)), **more)


def asked(*backups: BackupCompleted, **more: Any) -> tuple[Unlocked, ...]:
    given: dict[str, Any] = {
        "drilled": frozenset(), "zone": "Europe/Brussels", "now": START + 1000 * DAY, "before": (), "look": None,
    } | more  # fmt: skip
    legal = given.pop("legal", LEGAL)
    return unlocked("away", holdings(backups, {}), legal, **given)


def names(found: tuple[Unlocked, ...]) -> list[str]:
    return [each.made.set for each in found]


def locked(*backups: BackupCompleted, until: timedelta = KEPT, store: str = "away", **more: Any) -> Fact[StoreLocked]:
    sets = tuple(
        SetLocked(
            set=each.set,
            manifest_sha256=each.manifest_sha256,
            lock_until=text(datetime.fromisoformat(each.completed_at) + until),
            objects=5,
        )
        for each in backups
    )
    data = StoreLocked(store=store, sets=sets, left=0, **more)
    return Fact(node="n", seq=5, at=START, kind="store.locked", asset="a", actor="schedule:backup", data=data)


def looked(of: BackupCompleted, lock_until: str, seq: int) -> Fact[InspectionCompleted]:
    one = replace(seen(datetime.fromisoformat(of.recovers_to)), lock_until=lock_until)
    data = replace(inspection([one], store="away"), yearly=(one,))
    return Fact(node="n", seq=seq, at=START, kind="inspection.completed", asset="a", actor="schedule:test", data=data)


FIRST, SECOND = made(START), made(START + DAY)


def test_the_first_of_each_year_is_locked_from_its_end_for_as_long_as_the_plan_keeps_it() -> None:
    next_year = made(START + 200 * DAY)
    found = asked(FIRST, SECOND, next_year)
    assert names(found) == [FIRST.set, next_year.set]
    assert [each.until for each in found] == [datetime.fromisoformat(e.completed_at) + KEPT for e in (FIRST, next_year)]
    monthly = LegalRetention(select="monthly", kind="logical", keep_days=2562)
    assert names(asked(FIRST, SECOND, made(START + 40 * DAY), legal=monthly)) == [FIRST.set, made(START + 40 * DAY).set]


def test_the_first_that_passed_a_drill_too_and_no_other_kind() -> None:
    third = made(START + 2 * DAY)
    assert names(asked(FIRST, SECOND, third, drilled={third.set})) == [FIRST.set, third.set]
    physical = made(START - DAY, kind="physical", set="p")
    assert names(asked(physical, FIRST, SECOND)) == [FIRST.set]


def test_only_what_the_store_holds() -> None:
    assert names(asked(replace(FIRST, stores=("local",)), SECOND)) == [SECOND.set]


def test_what_is_locked_long_enough_in_this_store_is_not_asked_again() -> None:
    assert asked(FIRST, SECOND, before=(locked(FIRST),)) == ()
    assert names(asked(FIRST, before=(locked(FIRST, until=KEPT - DAY),))) == [FIRST.set], "the plan keeps it longer now"
    assert names(asked(FIRST, before=(locked(FIRST, store="other"),))) == [FIRST.set]
    assert names(asked(FIRST, before=(locked(replace(FIRST, manifest_sha256="9" * 64)),))) == [FIRST.set]


def test_what_a_later_look_contradicts_is_locked_again() -> None:
    before = (locked(FIRST),)
    enough = text(datetime.fromisoformat(FIRST.completed_at) + KEPT)
    for said in ("", text(START + DAY)):
        assert names(asked(FIRST, before=before, look=looked(FIRST, said, 6))) == [FIRST.set]
        assert asked(FIRST, before=before, look=looked(FIRST, said, 4)) == (), "it looked before"
    assert asked(FIRST, before=before, look=looked(FIRST, enough, 6)) == ()


def test_a_clock_that_was_ahead_locks_for_no_longer_than_from_now() -> None:
    ahead = made(START + 5000 * DAY)
    assert [each.until for each in asked(ahead, now=START)] == [START + KEPT]


def test_what_is_older_than_it_is_kept_is_not_locked() -> None:
    assert asked(FIRST, now=START + KEPT + DAY) == ()


def test_it_goes_on_where_the_last_record_stopped() -> None:
    until = datetime.fromisoformat(FIRST.completed_at) + KEPT
    begun = locked(begun=FIRST.set, begun_objects=3, begun_until=text(until))
    assert [each.locked_objects for each in asked(FIRST, before=(begun,))] == [3]
    short = locked(begun=FIRST.set, begun_objects=3, begun_until=text(until - DAY))
    assert [each.locked_objects for each in asked(FIRST, before=(short,))] == [0], "they are locked for too short"
    assert [each.locked_objects for each in asked(FIRST, before=(locked(), begun))] == [0], "an older record"


def test_a_year_begins_by_the_zone_and_by_utc() -> None:
    """A set at half past midnight in Brussels is the first of the year there; rules count the years of UTC."""
    before = made(datetime(2026, 12, 30, tzinfo=UTC))
    there, here = made(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)), made(datetime(2027, 1, 1, 0, 30, tzinfo=UTC))
    after = made(here_at := datetime(2027, 1, 1, 1, 30, tzinfo=UTC))
    assert names(asked(before, there, here, after)) == [before.set, there.set, here.set]
    assert here_at > datetime.fromisoformat(here.recovers_to)


def test_what_the_law_keeps_of_all_stores_until_it_is_too_old() -> None:
    held = holdings((FIRST, SECOND, made(START + 200 * DAY, stores=("local",))), {})

    def kept(days: float, legal: LegalRetention | None = LEGAL) -> frozenset[str]:
        return kept_for_law(held, legal, (), "Europe/Brussels", START + days * DAY)

    later = made(START + 200 * DAY).set
    assert kept(300) == {FIRST.set, later}
    assert kept(2563) == {later}
    assert kept(300, None) == frozenset()


def test_a_drill_is_of_the_set_with_its_own_manifest() -> None:
    held = holdings((FIRST, SECOND), {})
    drills = [replace(drilled(START), set=each.set, manifest_sha256=each.manifest_sha256) for each in (FIRST, SECOND)]
    drills[0] = replace(drills[0], manifest_sha256="9" * 64)
    assert drilled_sets(held, drills) == {SECOND.set}
    assert kept_for_law(held, LEGAL, drills, "UTC", START) == {FIRST.set, SECOND.set}
