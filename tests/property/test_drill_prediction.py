"""What drills lead to expect, against a restore that is played through part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intendance.activities.drill.predict import Load, alike, rto_seconds
from intendance.model.evidence.drill import DrillCompleted, Leg, Link
from tests.support.drills import HARDWARE, completed, phases

MIB = 1 << 20
AHEAD = 2


@dataclass(frozen=True)
class Ground:
    """A machine and a set: seconds to make ready, and those that the machine needs for a MiB as stored."""

    ready: float
    per_mib: float
    check_per_mib: float
    squeeze: float


grounds = st.builds(
    Ground,
    ready=st.floats(0.1, 10),
    per_mib=st.floats(0.001, 0.2),
    check_per_mib=st.floats(0.0, 0.02),
    squeeze=st.floats(1.0, 8.0),
)


def parts_of(least: float) -> st.SearchStrategy[list[float]]:
    """Sizes of a set's parts in MiB; the last one is what is left."""
    found = st.lists(st.floats(least, 128), min_size=1, max_size=25)
    return found.map(lambda sizes: [*sizes[:-1], sizes[-1] / 2])


sizes = parts_of(48)
"""A part ends with 64 MiB, or with a GiB that was packed into less."""
rates = st.floats(1, 400)


def streamed(ground: Ground, parts: Sequence[float], rate: float) -> float:
    """Seconds of a stream: a part is fetched while earlier ones are loaded, never more than two ahead."""
    fetched, began, done = 0.0, [0.0] * AHEAD, 0.0
    for part in parts:
        fetched = max(fetched, began[-AHEAD]) + part / rate
        began.append(max(fetched, done))
        done = began[-1] + part * ground.per_mib
    return done


def played(ground: Ground, parts: Sequence[float], rate: float) -> DrillCompleted:
    """A drill as it would be recorded."""
    stored, load = sum(parts), streamed(ground, parts, rate)
    check = ground.check_per_mib * stored
    source = round(stored * ground.squeeze * MIB)
    total = ground.ready + load + check
    restore = phases(round(load * 1000), check_ms=round(check * 1000), total_ms=round(total * 1000))
    by_hand = phases(round(stored * ground.per_mib * 1100))
    read = round(stored * MIB)
    return completed(
        legs=(
            Leg(name="restore", phases=restore, checks=(), restored_bytes=source, read_bytes=read),
            Leg(name="by_hand", phases=by_hand, checks=(), restored_bytes=source, read_bytes=read),
        ),
        rto_ms=round(total * 1000),
        source_bytes=source,
        stored_bytes=round(stored * MIB),
        first_bytes=round(parts[0] * MIB),
        link=Link(fetched_bytes=round(stored * MIB), fetch_ms=max(1, round(stored / rate * 1000))),
    )


def wanted(drill: DrillCompleted, rate: float) -> Load:
    return Load(
        source_bytes=drill.source_bytes,
        stored_bytes=drill.stored_bytes,
        first_bytes=drill.first_bytes,
        link_bytes_per_second=rate * MIB,
    )


UNEVEN = Ground(ready=0.14, per_mib=0.2, check_per_mib=0.0, squeeze=1.0)


def grown(ground: Ground, parts: list[float], rate: float) -> tuple[float | None, float]:
    """Seconds that are expected and those that it takes, after the data tripled and the link fell to a fifth."""
    drill = played(ground, parts, rate)
    later = played(ground, parts * 3, rate / 5)
    return rto_seconds(wanted(later, rate / 5), [drill]), later.rto_ms / 1000


@given(grounds, sizes, rates)
@example(UNEVEN, [48.0, 128.0, 24.0], 29.0)
def test_after_the_data_tripled_and_the_link_fell_to_a_fifth(ground: Ground, parts: list[float], rate: float) -> None:
    """A search for the worst found 23 % too little."""
    expected, takes = grown(ground, parts, rate)
    assert expected == pytest.approx(takes, rel=0.3)


@given(grounds, parts_of(32), rates)
@example(UNEVEN, [32.0, 128.0, 16.0], 25.0)
def test_parts_as_unequal_as_one_to_four_are_foretold_within_a_third(
    ground: Ground, parts: list[float], rate: float
) -> None:
    """A search for the worst found 31.4 % too little: three parts, of which the second is four times the first."""
    expected, takes = grown(ground, parts, rate)
    assert expected == pytest.approx(takes, rel=0.33)


@given(grounds, sizes, rates)
def test_the_same_again_takes_as_long_again(ground: Ground, parts: list[float], rate: float) -> None:
    drill = played(ground, parts, rate)
    expected = rto_seconds(wanted(drill, rate), [drill])
    assert expected == pytest.approx(drill.rto_ms / 1000, rel=0.3)


@given(grounds, sizes, rates, st.floats(1, 10), st.floats(1, 10))
def test_more_data_or_a_slower_link_is_never_quicker(
    ground: Ground, parts: list[float], rate: float, larger: float, slower: float
) -> None:
    drill = played(ground, parts, rate)
    load = wanted(drill, rate)
    more = replace(
        load, source_bytes=round(load.source_bytes * larger), stored_bytes=round(load.stored_bytes * larger),
        link_bytes_per_second=load.link_bytes_per_second / slower,
    )  # fmt: skip
    now, then = rto_seconds(load, [drill]), rto_seconds(more, [drill])
    assert now is not None
    assert then is not None
    assert then >= now * 0.999


def test_without_a_drill_nothing_is_expected() -> None:
    assert rto_seconds(wanted(completed(), 50), []) is None


def test_what_an_older_release_recorded_counts() -> None:
    """It read each part twice and did not say how large the first one is."""
    older = replace(
        completed(first_bytes=0),
        legs=(
            Leg(name="restore", phases=phases(), checks=(), restored_bytes=4 << 30, read_bytes=2 << 30),
        ),
    )  # fmt: skip
    assert rto_seconds(wanted(completed(), 1024 / 20), [older]) == pytest.approx(45, rel=0.3)


def test_the_median_of_the_latest_five_counts() -> None:
    slow = completed(legs=(Leg(name="restore", phases=phases(400_000), checks=(), restored_bytes=4 << 30),))
    load = wanted(completed(), 1024 / 20)
    assert rto_seconds(load, [slow, slow, *[completed()] * 3, *[slow] * 9]) == rto_seconds(load, [completed()])


def test_only_such_a_machine_and_such_a_set_is_compared() -> None:
    other = completed(hardware=replace(HARDWARE, cpus=64))
    moved = completed(hardware=replace(HARDWARE, scratch="tmpfs"))
    fuller = completed(hardware=replace(HARDWARE, scratch_free_bytes=1 << 30))
    assert alike([other, moved, completed(kind="physical"), fuller], "logical", HARDWARE) == (fuller,)
