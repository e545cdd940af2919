"""What drills predicted, beside what the next one measures: more data, another link."""

from __future__ import annotations

import os

import pytest

from intendance.model.evidence.drill import DrillCompleted
from tests.support import forging
from tests.support.throttled import PassingTime, ThrottledStore
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg

MIB = 1 << 20
PART_BYTES = MIB // 2
RATE = MIB // 2


def backed_up(workshop: Workshop) -> None:
    """A backup of the tree, cut into parts that are as small beside it as those of a large one are."""
    folder = workshop.folder(workshop.back_up().set)
    tree = forging.content(folder, workshop.keys, "tree")
    pieces = [tree[at : at + PART_BYTES] for at in range(0, len(tree), PART_BYTES)]
    forging.forge(folder, workshop.keys, {"tree": pieces})


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> PassingTime:
    return PassingTime(monkeypatch)


def drilled(workshop: Workshop, rate: float, passing: PassingTime) -> DrillCompleted:
    return workshop.drill(store=ThrottledStore(workshop.open_stores()[0], rate, passing))


def test_the_data_tripled_and_the_link_fell_to_a_fifth(workshop: Workshop, passing: PassingTime) -> None:
    workshop.tree.mkdir()
    (workshop.tree / "photo-0").write_bytes(os.urandom(2 * MIB))
    backed_up(workshop)
    # The median of drills counts: one that met a busy moment does not.
    first, again, last = (drilled(workshop, RATE, passing) for _ in range(3))
    assert first.predicted_ms is None
    assert again.predicted_ms is not None
    for number in range(1, 3):
        (workshop.tree / f"photo-{number}").write_bytes(os.urandom(2 * MIB))
    backed_up(workshop)
    later = drilled(workshop, RATE / 5, passing)
    assert later.stored_bytes == pytest.approx(3 * first.stored_bytes, rel=0.05)
    assert later.link.fetched_bytes * 1000 / later.link.fetch_ms < 1.1 * RATE / 5
    assert later.predicted_ms == pytest.approx(later.rto_ms, rel=0.3)
    assert later.rto_ms > 3 * min(first.rto_ms, again.rto_ms, last.rto_ms)  # nobody would have guessed it
