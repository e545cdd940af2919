"""What the sets seen in a store mean, and which are re-read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.activities.inspect.decide import YEARLY_LISTED, View, conclude, rolling_budget, to_describe, to_hash
from intendance.activities.inspect.found import Found, Memory, expected_sets, remember
from intendance.ledger import envelope
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.record import Record
from intendance.model.verdict import Fact
from intendance.sets.manifest import Manifest
from tests.support.sets import START, completed, manifest

LEDGER = manifest().ledger
NOTHING = Memory(hashed_at={}, all_hashed_at=None, damaged=frozenset())


def found(sequence: int, **changes: Any) -> Found:
    """The set of that sequence as a store holds it, chained to the one before it."""
    previous = None if sequence == 0 else completed(sequence - 1).manifest_sha256
    held = manifest(sequence, previous=previous)
    base = Found(
        set=held.set, manifest=held, manifest_sha256=completed(sequence).manifest_sha256, listed_bytes=held.stored_bytes
    )
    return replace(base, **changes)


def sized(sequence: int, source_bytes: int) -> Found:
    each = found(sequence)
    assert each.manifest is not None
    (stream,) = each.manifest.streams
    return replace(each, manifest=replace(each.manifest, streams=(replace(stream, source_bytes=source_bytes),)))


def view(sets: list[Found], *, recorded: range | None = None, **changes: Any) -> View:
    numbers = recorded if recorded is not None else range(len(sets))
    base = View(
        store="local",
        by="self",
        zone="Europe/Brussels",
        now=START + timedelta(days=60),
        deep=False,
        ledger=LEDGER,
        found=sets,
        incomplete=0,
        incomplete_bytes=0,
        expected={completed(number).set: completed(number) for number in numbers},
        sequences=frozenset(numbers),
    )
    return replace(base, **changes)


def faults(evidence: InspectionCompleted) -> dict[str, str]:
    return {seen.set: seen.fault for seen in evidence.damaged}


def test_all_is_well() -> None:
    evidence = conclude(view([found(0), found(1, hashed_bytes=5000)]))
    assert (evidence.sets, evidence.faulty, evidence.damaged) == (2, 0, ())
    assert [seen.set for seen in evidence.newest] == [completed(1).set, completed(0).set]
    assert evidence.days == ("2026-11-01", "2026-11-02")
    assert evidence.oldest_recovers_to == "2026-11-01T02:00:00.000000Z"
    assert (evidence.stored_bytes, evidence.hashed_bytes, evidence.hashed_sets) == (10_000, 5000, (completed(1).set,))


def test_a_set_that_was_taken_away() -> None:
    evidence = conclude(view([found(0), found(2)], recorded=range(3)))
    assert faults(evidence) == {completed(1).set: "it is in the ledger and not in the store"}
    assert (evidence.sets, evidence.faulty) == (2, 1)
    assert evidence.days == ("2026-11-01", "2026-11-03")


def test_a_set_that_was_taken_away_shows_without_the_ledger() -> None:
    evidence = conclude(view([found(0), found(2)], recorded=range(0), ledger="a younger one"))
    (gap,) = evidence.damaged
    assert gap.set == "site, number 1"
    assert gap.fault.startswith("a set was taken away: site.backup-full.20261103")


def test_a_set_that_never_came_to_this_store_is_no_gap() -> None:
    expected = {completed(number).set: completed(number) for number in (0, 2)}
    assert conclude(view([found(0), found(2)], expected=expected, sequences=frozenset(range(3)))).faulty == 0


def test_a_replaced_manifest() -> None:
    evidence = conclude(view([found(0), found(1, manifest_sha256="f" * 64)]))
    assert faults(evidence) == {completed(1).set: "its manifest is not the one in the ledger: it was replaced"}


def test_a_broken_chain() -> None:
    other = manifest(2, previous="e" * 64)
    evidence = conclude(view([found(0), found(1), found(2, manifest=other)]))
    assert faults(evidence) == {completed(2).set: "it does not follow the set before it"}


def test_two_sets_may_claim_one_place_when_a_run_died_before_its_record() -> None:
    orphan = replace(found(1), set="site.backup-full.20261102T020000Z.2", manifest_sha256="d" * 64)
    evidence = conclude(view([found(0), orphan, found(1), found(2)], recorded=range(3)))
    assert evidence.faulty == 0


def test_the_first_fault_of_a_set_is_told_and_its_day_is_lost() -> None:
    evidence = conclude(view([found(0), found(1, fault="tree-00000.zst.gpg missing", manifest_sha256="f" * 64)]))
    assert faults(evidence) == {completed(1).set: "tree-00000.zst.gpg missing"}
    assert evidence.days == ("2026-11-01",)


def test_a_manifest_that_cannot_be_trusted_keeps_its_place_in_time() -> None:
    evidence = conclude(view([found(0), Found(set=completed(1).set, fault="forged")]))
    (seen,) = evidence.damaged
    assert (seen.kind, seen.recovers_to, seen.fault) == ("full", "2026-11-02T02:00:00.000000Z", "forged")
    (odd,) = conclude(view([Found(set="x.backup-full.20269999T999999Z.1", fault="forged")], recorded=range(0))).damaged
    assert (odd.kind, odd.recovers_to) == ("", "1970-01-01T00:00:00.000000Z")


@pytest.mark.parametrize(
    ("sizes", "shrunken"),
    [
        ([100], []),
        ([0], [0]),
        ([100, 50], []),
        ([100, 49], [1]),
        ([100, 100, 100, 40, 40], [3, 4]),
        ([100, 100, 100, 100, 100, 100, 100, 40, 40, 40, 40, 40], [7, 8, 9, 10]),
        ([10, 1000, 10_000], []),
    ],
)
def test_empty_and_shrunken_backups(sizes: list[int], shrunken: list[int]) -> None:
    evidence = conclude(view([sized(number, size) for number, size in enumerate(sizes)]))
    assert set(faults(evidence)) == {completed(number).set for number in shrunken}
    assert all("empty" in fault or "shrunken" in fault for fault in faults(evidence).values())


def test_days_are_those_of_the_plans_zone() -> None:
    late = manifest(0, at=datetime(2026, 11, 1, 23, 30, tzinfo=UTC))
    evidence = conclude(view([found(0, manifest=late)], recorded=range(0)))
    assert evidence.days == ("2026-11-02",)


def test_only_the_last_400_days_are_listed() -> None:
    sets = [found(0), found(1)]
    assert conclude(view(sets, now=START + timedelta(days=400))).days == ("2026-11-02",)


def test_the_largest_inspection_fits_a_record() -> None:
    name = "a" * 40

    def long(number: int) -> Found:
        run = f"{name}.backup-logical.{START + timedelta(days=number):%Y%m%dT%H%M%SZ}"
        previous = "f" * 64 if number else None
        held = replace(manifest(number), asset=name, run=run, set=f"{run}.1", kind="logical", previous=previous)
        return Found(
            set=held.set,
            manifest=held,
            manifest_sha256="f" * 64,
            hashed_bytes=2**43,
            listed_bytes=2**43,
            fault="x" * 999,
        )

    sets, now = [long(number) for number in range(500)], START + timedelta(days=499)
    broken = conclude(view(sets, recorded=range(0), now=now))
    whole = conclude(view([replace(each, fault="") for each in sets], recorded=range(0), now=now))
    lasting = replace(broken.damaged[0], fault="", version="v" * 64, lock_until="t" * 27)
    evidence = replace(broken, days=whole.days, yearly=(lasting,) * YEARLY_LISTED)
    assert (len(evidence.damaged), len(evidence.days), len(evidence.hashed_sets)) == (30, 400, 60)
    envelope.encode(
        Record(
            v=1, seq=2**40, node=name, boot="b" * 36, ts="t" * 27, mono_us=2**50, kind="inspection.completed",
            actor="schedule:inspect", prev="f" * 64, data=envelope.evidence_data(evidence), asset=name, run="r" * 100,
        )
    )  # fmt: skip


def test_the_ledgers_newest_word_on_a_set_counts() -> None:
    first, repaired = completed(0), replace(completed(0), stores=("local", "offsite"))
    assert set(expected_sets("offsite", [repaired, first])) == {first.set}
    assert expected_sets("offsite", [first]) == {}


def inspection(days: int, **changes: Any) -> Fact[InspectionCompleted]:
    at = START + timedelta(days=days)
    data = replace(conclude(view([found(0)])), **changes)
    return Fact(node="web-01", seq=days, at=at, kind="inspection.completed", asset="site", actor="x", data=data)


def test_what_earlier_inspections_left() -> None:
    bad = conclude(view([found(0, fault="it was changed")])).damaged
    facts = [
        inspection(9, store="offsite", deep=True),
        inspection(8, hashed_sets=("b",), damaged=bad),
        inspection(7, hashed_sets=("a", "b"), deep=True),
        inspection(6, hashed_sets=("a",), damaged=()),
    ]
    memory = remember("local", facts)
    assert memory.hashed_at == {"a": START + timedelta(days=7), "b": START + timedelta(days=8)}
    assert memory.all_hashed_at == START + timedelta(days=7)
    assert memory.damaged == {completed(0).set}
    assert memory.last_hashed(found(0)) == START + timedelta(days=7)
    assert memory.last_hashed(found(9)) < START, "it did not exist at the time of the deep inspection"


def test_damage_found_before_is_looked_at_again_until_it_is_mended() -> None:
    memory = replace(NOTHING, damaged=frozenset({completed(1).set}))
    chosen = to_hash([found(number) for number in range(4)], memory, deep=False, budget_bytes=0)
    assert chosen[:2] == (completed(1).set, completed(3).set)


def test_the_longest_ago_come_first_within_the_budget() -> None:
    hashed_at = {completed(number).set: START + timedelta(days=90 - number) for number in range(4)}
    memory = replace(NOTHING, hashed_at=hashed_at)
    sets = [found(number) for number in range(6)]
    chosen = to_hash(sets, memory, deep=False, budget_bytes=10_000)
    assert chosen == (completed(5).set, completed(4).set, completed(3).set)


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(0, 60_000))
def test_every_set_has_its_turn(numbers: set[int], budget: int) -> None:
    """Whatever the budget, as many inspections as there are sets re-read all of them."""
    sets = [found(number) for number in sorted(numbers)]
    hashed: dict[str, datetime] = {}
    for turn in range(len(sets)):
        memory = replace(NOTHING, hashed_at=hashed)
        chosen = to_hash(sets, memory, deep=False, budget_bytes=budget)
        assert completed(max(numbers)).set in chosen
        assert sum(each.listed_bytes for each in sets if each.set in chosen[2:]) <= budget
        hashed = hashed | dict.fromkeys(chosen, START + timedelta(days=turn))
    assert set(hashed) == {each.set for each in sets}


def test_deep_reads_all_that_can_be_read() -> None:
    sets = [found(0), found(1, fault="a part is missing"), Found(set="x", fault="forged"), found(2)]
    assert to_hash(sets, NOTHING, deep=True, budget_bytes=0) == (completed(0).set, completed(2).set)
    assert to_hash([], NOTHING, deep=False, budget_bytes=0) == ()


def test_the_budget_grows_with_the_store() -> None:
    assert rolling_budget(0) == 2**30
    assert rolling_budget(60 * 2**30) == 2 * 2**30


def test_a_manifest_of_another_incarnation_begins_a_chain_of_its_own() -> None:
    old: Manifest = manifest(7, ledger="asbl-exemple/node/web-01/0", previous="e" * 64)
    evidence = conclude(
        view([Found(set=old.set, manifest=old, manifest_sha256="9" * 64), found(0), found(1)], recorded=range(2))
    )
    assert evidence.faulty == 0


def test_of_those_without_fault_the_newest_and_the_first_of_a_year_are_asked_about() -> None:
    full = [replace(each, manifest=replace(each.manifest, kind="full")) for each in map(sized, range(4), [100] * 4)]  # type: ignore[type-var]
    names = [each.set for each in full]
    assert to_describe(view(full)) == (names[3], names[0])
    shrunken = replace(full[3], manifest=replace(sized(3, 10).manifest, kind="full"))  # type: ignore[type-var]
    seen = view([replace(full[0], fault="it was changed"), *full[1:3], shrunken])
    assert to_describe(seen) == (names[2], names[1])
    told = conclude(replace(seen, found=[replace(e, version=f"of {e.set}", lock_until="x") if e.set in names[1:3] else e
                                         for e in seen.found]))  # fmt: skip
    assert next(each for each in told.newest if not each.fault).version == f"of {names[2]}"
    assert [each.lock_until for each in told.yearly] == ["x"]
    assert to_describe(view([])) == ()
