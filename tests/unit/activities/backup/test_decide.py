"""What a backup is before it begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.activities.backup.decide import (
    Link,
    first_warnings,
    next_link,
    projected_bytes,
    require_room,
    set_id,
    size,
)
from intendance.model.errors.sets import NoRoom
from tests.support.sets import completed


def test_a_set_is_named_after_its_attempt() -> None:
    assert set_id("site.backup-full.20261101T020000Z", 2) == "site.backup-full.20261101T020000Z.2"


def test_the_chain_begins_and_goes_on() -> None:
    assert next_link(()) == Link(sequence=0, previous=None)
    history = (completed(4), completed(3))
    assert next_link(history) == Link(sequence=5, previous=completed(4).manifest_sha256)
    assert next_link(history[::-1]) == next_link(history)


def test_the_last_set_of_the_kind_tells_the_size() -> None:
    history = (completed(3, kind="logical", stored_bytes=900), completed(2, stored_bytes=700), completed(1))
    assert projected_bytes("full", history, 10_000) == 700
    assert projected_bytes("differential", history, 10_000) == 10_000


@given(projected=st.integers(0, 2**50), free=st.integers(0, 2**51))
def test_room_for_the_set_and_fifteen_percent(projected: int, free: int) -> None:
    if free * 100 >= projected * 115:
        require_room("site", "full", projected, "local", free)
    else:
        with pytest.raises(NoRoom):
            require_room("site", "full", projected, "local", free)
    require_room("site", "full", projected, "silent", None)


def test_no_room_says_how_much() -> None:
    with pytest.raises(NoRoom) as refused:
        require_room("site", "full", 2**30, "local", 2**30)
    assert refused.value.message == (
        "The store local has 1.0 GiB free; a full backup of site needs about 1.0 GiB and 15 % more to spare."
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536 * 2**20, "1.5 GiB"), (2**60, "1048576.0 TiB")],
)
def test_sizes_as_people_read_them(count: int, text: str) -> None:
    assert size(count) == text


def test_evidence_holds_the_first_warnings_and_counts_the_rest() -> None:
    assert first_warnings(("a", "b" * 1000)) == ("a", "b" * 300)
    brief = first_warnings([str(number) for number in range(100)])
    assert (len(brief), brief[-1]) == (21, "and 80 more, in the manifest")
