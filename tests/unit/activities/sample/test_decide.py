"""What readings of the machine mean: hours of 5-minute values, and what passes its limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.activities.sample import databases
from intendance.activities.sample.decide import (
    STEP_SECONDS,
    STEPS,
    CpuTimes,
    Excursion,
    FileSystem,
    Key,
    Limit,
    Reading,
    busy_permille,
    covers_a_step,
    excursions,
    is_complete,
    is_due,
    limits,
    readings_needed,
    roll_up,
    still_open,
)
from intendance.catalogue.load import load
from intendance.ledger import canonical
from intendance.ledger.envelope import evidence_data
from intendance.model.evidence.sample import SampleExcursion
from intendance.model.plan import Threshold

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FIGURES = ("disk", "memory", "cpu")
SLOW_FOR_LONG = "database.slow_query_from"
LIMITS = limits(("asbl",), {})


def reading(second: float, *, cpu: int | None = 100, memory: int = 300, disk: int = 400, **more: int) -> Reading:
    return Reading(
        at=START + timedelta(seconds=second), mono_seconds=1000 + second, cpu_permille=cpu, memory_permille=memory,
        swap_permille=0, load_centi=50, processors=2, memory_bytes=2**30,
        file_systems=(FileSystem(place="/", used_permille=disk, inodes_permille=more.get("inodes", 10), size_bytes=1),),
    )  # fmt: skip


def minutes(values: Sequence[int], figure: str = "cpu") -> list[Reading]:
    return [reading(60 * number, **{figure: value}) for number, value in enumerate(values)]


def told(readings: Sequence[Reading]) -> list[tuple[str, str, int]]:
    """What is recorded while these are read one after the other."""
    now_open: dict[Key, Excursion] = {}
    found = []
    for number in range(1, len(readings) + 1):
        state, events = excursions(now_open, readings[max(0, number - 16) : number], LIMITS)
        now_open = dict(state)
        found += [(event.quantity, event.state, number - 1) for event in events]
    return found


def test_the_limits_are_each_bound_of_the_catalogues_and_what_the_plan_says_besides() -> None:
    assert limits(("maint", "asbl"), {}) == {
        "cpu": (Limit(above_permille=700, for_seconds=300), Limit(above_permille=800, for_seconds=300)),
        "memory": (Limit(above_permille=800, for_seconds=300), Limit(above_permille=900, for_seconds=300)),
        "disk": (Limit(above_permille=800, for_seconds=0), Limit(above_permille=850, for_seconds=0)),
        "inodes": (Limit(above_permille=900, for_seconds=0),),
    }
    planned = limits(("asbl",), {"cpu": Threshold(above=500, for_seconds=60), "disk": Threshold(above=850)})
    assert planned["cpu"] == (Limit(above_permille=500, for_seconds=60), Limit(above_permille=700, for_seconds=300))
    assert planned["disk"] == (Limit(above_permille=850, for_seconds=0),)


def test_the_limits_are_the_bounds_of_the_rules() -> None:
    """Those that alert under `maint`, those that are judged under `asbl`: figures stand in the rules."""
    rules = load().rules
    maint = {name: rules[f"MAINT_05{number}"].permille(f"{name}.alert_at") for number, name in enumerate(FIGURES)}
    asbl = {name: rules["ASBL_031"].permille(f"{name}.used_max") for name in FIGURES}
    for catalogue, bounds in (("maint", maint), ("asbl", asbl)):
        held = limits((catalogue,), {})  # type: ignore[arg-type]
        assert {name: held[name][0].above_permille for name in FIGURES} == bounds
    assert databases.limits(("asbl",), {}) == {
        "connections": (rules["ASBL_032"].count("database.connections_max"),),
        "query_ms": tuple(
            1000 * rules[rule].seconds(name)
            for rule, name in (("ASBL_032", "database.query_max"), ("ASBL_023", SLOW_FOR_LONG))
        ),
    }


def test_each_limit_begins_and_ends_by_itself() -> None:
    held = limits(("maint", "asbl"), {"disk": Threshold(above=600)})
    now_open, began = excursions({}, [reading(0, disk=820)], held)
    assert [event.limit_permille for event in began] == [600, 800]
    now_open, more = excursions(now_open, [reading(60, disk=900)], held)
    assert [(event.limit_permille, event.state) for event in more] == [(850, "began")]
    now_open, back = excursions(now_open, [reading(120, disk=700)], held)
    assert [(event.limit_permille, event.state) for event in back] == [(800, "ended"), (850, "ended")]
    assert [key[2].above_permille for key in now_open] == [600]
    assert [(each.limit_permille, each.place) for each in roll_up([reading(0)], held, now_open.values()).above] == [
        (600, "/")
    ]


def test_a_longer_mean_that_the_plan_asks_for_is_taken() -> None:
    held = limits(("maint",), {"memory": Threshold(above=500, for_seconds=1800)})
    assert readings_needed(held, 55) > 1800 / 60
    now_open: Mapping[Key, Excursion] = {}
    readings = [reading(60 * number, memory=600) for number in range(40)]
    began = None
    for number in range(1, 41):
        now_open, events = excursions(now_open, readings[:number], held)
        if events and began is None:
            began = number
    assert began is not None
    assert 1800 * 0.75 / 60 <= began <= 31


def test_what_is_no_longer_watched_is_let_go_and_what_is_silent_is_not() -> None:
    now_open, _ = excursions({}, [reading(0, disk=900)], LIMITS)
    gone = [replace(reading(60 * number), file_systems=()) for number in range(1, 8)]
    for number in range(1, 5):
        assert excursions(now_open, gone[:number], LIMITS)[1] == ()
    after, events = excursions(now_open, gone[:5], LIMITS)
    assert after == {}
    assert [(event.state, event.place) for event in events] == [("unwatched", "/")]
    silent = [replace(each, silent=("/",)) for each in gone]
    assert excursions(now_open, silent, LIMITS)[1] == ()
    assert [event.state for event in excursions(now_open, [reading(60, disk=990)], {})[1]] == ["unwatched"]


def test_what_a_roll_up_left_open_is_known_after_a_restart() -> None:
    now_open, _ = excursions({}, [reading(0, disk=900)], LIMITS)
    rolled = roll_up([reading(0)], LIMITS, now_open.values())
    assert still_open((), rolled.above) == now_open
    _, (ended,) = excursions(now_open, [reading(60, disk=100)], LIMITS)
    assert still_open([ended], rolled.above) == {}


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        (None, CpuTimes(total=100, idle=50), None),
        (CpuTimes(total=100, idle=50), CpuTimes(total=100, idle=50), None),
        (CpuTimes(total=100, idle=50), CpuTimes(total=90, idle=40), None),
        (CpuTimes(total=100, idle=50), CpuTimes(total=200, idle=75), 750),
        (CpuTimes(total=100, idle=50), CpuTimes(total=200, idle=40), 1000),
        (CpuTimes(total=100, idle=50), CpuTimes(total=200, idle=500), 0),
    ],
)
def test_how_busy_is_told_from_two_looks(before: CpuTimes | None, after: CpuTimes, share: int | None) -> None:
    assert busy_permille(before, after) == share


def test_it_is_time_for_a_look_once_in_a_while_whatever_the_clock() -> None:
    assert is_due(None, 0, 55)
    assert not is_due(reading(0), 1054, 55)
    assert is_due(reading(0), 1055, 55)
    assert is_due(reading(0), 3, 55)


def test_an_hour_is_one_record_of_twelve_values() -> None:
    readings: list[Reading] = []
    for number in range(200):
        following = reading(60 * number, cpu=number * 2, memory=500 if number == 7 else 300, disk=400 + number)
        if is_complete(readings, following):
            break
        readings.append(following)
    assert len(readings) == 60
    made = roll_up(readings)
    assert (made.readings, made.step_seconds, len(made.cpu_permille)) == (60, STEP_SECONDS, STEPS)
    assert made.cpu_permille == tuple(4 + 10 * number for number in range(STEPS))
    assert made.cpu_highest_permille == tuple(8 + 10 * number for number in range(STEPS))
    assert made.memory_permille[:3] == (300, 340, 300)
    assert made.memory_highest_permille[:3] == (300, 500, 300)
    (disk,) = made.file_systems
    assert (disk.used_permille, disk.highest_used_permille) == (459, 459)
    assert made.began_at == "2026-11-21T12:00:00.000000Z"
    assert made.ended_at == "2026-11-21T12:59:00.000000Z"


def test_ten_years_of_it_fit_a_small_disk() -> None:
    """Decision 13: 87,600 records. 1,400 bytes hold one with five file systems; what a record adds beside its data is
    some 400."""
    full = [
        Reading(
            at=START + timedelta(seconds=60 * n), mono_seconds=60.0 * n, cpu_permille=1000, memory_permille=1000,
            swap_permille=1000, load_centi=12345, processors=128, memory_bytes=2**42,
            file_systems=tuple(
                FileSystem(place=f"/srv/volume-{m}", used_permille=1000, inodes_permille=1000, size_bytes=2**50)
                for m in range(5)
            ),
        )
        for n in range(60)
    ]  # fmt: skip
    data = canonical.encode(evidence_data(roll_up(full)))
    assert len(data) <= 1400
    assert 24 * 365 * 10 * (len(data) + 400) < 160_000_000


@pytest.mark.parametrize("later", [601, -1])
def test_a_silence_or_a_clock_that_went_back_ends_a_record(later: int) -> None:
    before = [reading(0)]
    jumped = Reading(
        at=START + timedelta(seconds=later), mono_seconds=1060, cpu_permille=1, memory_permille=1, swap_permille=0,
        load_centi=0, processors=1, memory_bytes=1,
    )  # fmt: skip
    assert is_complete(before, jumped)
    assert not is_complete([], jumped)
    assert not is_complete(before, reading(60))


def test_less_than_a_step_is_no_record() -> None:
    assert not covers_a_step([])
    assert not covers_a_step([reading(0), reading(299)])
    assert covers_a_step([reading(0), reading(300)])


def test_a_processor_that_is_busy_for_a_moment_is_nothing_and_for_five_minutes_is_told_once() -> None:
    assert told(minutes([100, 100, 100, 100, 1000, 1000, 100, 100, 100])) == []
    busy = told(minutes([100] * 3 + [1000] * 12 + [100] * 12))
    assert [(quantity, state) for quantity, state, _ in busy] == [("cpu", "began"), ("cpu", "ended")]
    assert 3 + 3 <= busy[0][2] <= 3 + 5


def test_before_there_is_enough_to_tell_nothing_is_told() -> None:
    assert told(minutes([1000] * 4)) == []
    assert told(minutes([1000] * 6))[0][:2] == ("cpu", "began")
    unknown = [reading(0, cpu=None), *(reading(60 * n, cpu=1000) for n in range(1, 4))]
    assert told(unknown) == []


def test_a_full_disk_is_told_at_once_and_one_that_hovers_only_once() -> None:
    assert told(minutes([849, 851, 849, 851, 820, 801, 800, 851], "disk")) == [
        ("disk", "began", 1),
        ("disk", "ended", 6),
        ("disk", "began", 7),
    ]


def test_a_disk_without_inodes_left_is_full() -> None:
    assert told([reading(0), reading(60, inodes=950)]) == [("inodes", "began", 1)]


def test_what_is_not_seen_neither_begins_nor_ends() -> None:
    full, unseen = reading(0, disk=900), reading(60)
    unseen = Reading(**{name: getattr(unseen, name) for name in Reading.__slots__} | {"file_systems": ()})
    assert told([full, unseen, unseen, reading(180, disk=900)]) == [("disk", "began", 0)]


def test_what_was_open_is_known_after_a_restart() -> None:
    _, (began,) = excursions({}, [reading(0, disk=900)], LIMITS)
    again = still_open([began])
    assert excursions(again, [reading(60, disk=950)], LIMITS)[1] == ()
    _, (ended,) = excursions(again, [reading(60, disk=100)], LIMITS)
    assert (ended.state, ended.began_at, ended.peak_permille) == ("ended", began.began_at, 900)
    assert still_open([ended, began]) == {}


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=80), st.sampled_from(["cpu", "memory", "disk"]))
def test_beginnings_and_ends_alternate_and_begin_above_the_limit(values: list[int], figure: str) -> None:
    now_open: dict[Key, Excursion] = {}
    events: list[SampleExcursion] = []
    readings = minutes(values, figure)
    for number in range(1, len(readings) + 1):
        state, found = excursions(now_open, readings[max(0, number - 16) : number], LIMITS)
        now_open = dict(state)
        events += found
    states = [event.state for event in events]
    assert states == ["began", "ended"] * (len(states) // 2) + ["began"] * (len(states) % 2)
    assert bool(now_open) == (len(states) % 2 == 1)
    assert all(event.seen_permille > event.limit_permille for event in events if event.state == "began")
    assert all(event.seen_permille <= event.limit_permille - 50 for event in events if event.state == "ended")
    assert all(event.peak_permille >= event.seen_permille for event in events)


@given(st.lists(st.floats(0.1, 400, allow_nan=False), max_size=60))
def test_every_reading_is_in_one_record_and_no_record_is_longer_than_an_hour(gaps: list[float]) -> None:
    second, counted = 0.0, 0
    readings: list[Reading] = []
    for gap in [0.0, *gaps]:
        second += gap
        following = reading(second)
        if is_complete(readings, following):
            made = roll_up(readings)
            counted += made.readings
            assert 1 <= len(made.cpu_permille) <= STEPS
            readings = []
        readings.append(following)
    made = roll_up(readings)
    assert counted + made.readings == len(gaps) + 1
    assert len(made.cpu_permille) == len(made.load_centi) == len(made.swap_permille) <= STEPS
