"""The copies of a set: what is passed by because it was expected changes nothing of what is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as some

from intendance.catalogue.checks.copies import LISTED, _Shelf, copies
from intendance.catalogue.subject import Subject
from intendance.model.evidence import KIND_OF, Evidence
from intendance.model.evidence.inspection import InspectionCompleted, SetSeen
from intendance.model.verdict import Fact
from tests.support.evidence import START, ZONE, completed, declared, plan, text

HOUR = timedelta(hours=1)
NIGHTS = 30
AGES = some.one_of(some.just(0), some.integers(-2, 40))
"""In hours, by how much an inspection and the record differ on when a set recovers to; far in the future too."""


@some.composite
def looks(draw: some.DrawFn) -> list[tuple[int, list[tuple[int, int, str]]]]:
    """Nights on which a store was inspected, each with the sets listed: the night of a set, its error, its fault."""
    told = []
    for night in sorted(draw(some.sets(some.integers(1, NIGHTS), max_size=NIGHTS))):
        newest = list(range(night, max(0, night - draw(some.sampled_from((LISTED, LISTED, LISTED, 3, 0)))), -1))
        odd = draw(some.integers(0, 9)) == 0
        if odd:
            newest = draw(some.permutations(newest))[: draw(some.integers(0, LISTED))] + newest[:1]
        told.append(
            (
                night,
                [
                    (each, draw(AGES) if odd else 0, draw(some.sampled_from(("", "", "x"))) if odd else "")
                    for each in newest
                ],
            )
        )
    return told


def _fact(seq: int, hours: int, data: Evidence) -> Fact[Any]:
    at = START + hours * HOUR
    return Fact(node="web-01", seq=seq, at=at, kind=KIND_OF[type(data)], asset="shop-db", actor="x", data=data)


def _seen(night: int, error: int, fault: str) -> SetSeen:
    made = START + 24 * night * HOUR
    return SetSeen(
        set=f"set-{night}",
        kind="logical",
        recovers_to=text(made + error * HOUR),
        completed_at=text(made),
        stored_bytes=night % 7,
        hashed_bytes=0,
        manifest_sha256="0" * 64,
        fault=fault,
    )


def _inspection(seq: int, night: int, listed: list[tuple[int, int, str]], store: str) -> Fact[Any]:
    newest = tuple(_seen(*each) for each in listed)
    data = InspectionCompleted(
        store=store,
        by="self",
        sets=len(newest),
        faulty=0,
        incomplete=0,
        stored_bytes=0,
        hashed_bytes=0,
        newest=newest,
        days=(),
        oldest_recovers_to=None,
        zone=ZONE,
    )
    return _fact(seq, 24 * night + 3, data)


@given(told=looks(), second=looks(), remembered=some.sets(some.integers(1, NIGHTS)), inspected_only=some.booleans())
def test_what_was_expected_changes_nothing(
    told: list[Any], second: list[Any], remembered: set[int], inspected_only: bool
) -> None:
    inspections = [_inspection(100 + night, night, listed, "local") for night, listed in told]
    inspections += [_inspection(200 + night, night, listed, "far") for night, listed in second]
    subject = Subject(
        node="web-01",
        asset="shop-db",
        plans=(_fact(0, 0, plan("shop-db")),),
        declared=_fact(1, 0, declared()),
        completed=tuple(
            _fact(2 + night, 24 * night + 1, completed(START + 24 * night * HOUR, name=f"set-{night}"))
            for night in sorted(remembered)
        ),
        failed=(),
        inspections=tuple(sorted(inspections, key=lambda each: (each.at, each.seq))),
        inspections_failed=(),
    )
    found = copies(subject, inspected_only=inspected_only)
    with patch.object(_Shelf, "_grew", lambda *_: False):
        assert found == copies(subject, inspected_only=inspected_only)


def _told(nights: list[list[tuple[int, int, str]]]) -> Subject:
    return Subject(
        node="web-01",
        asset="shop-db",
        plans=(_fact(0, 0, plan("shop-db")),),
        declared=_fact(1, 0, declared()),
        completed=(),
        failed=(),
        inspections=tuple(
            _inspection(100 + night, night, listed, "local") for night, listed in enumerate(nights, start=NIGHTS)
        ),
        inspections_failed=(),
    )


def _list(*nights: int, faulty: int = 0) -> list[tuple[int, int, str]]:
    return [(night, 0, "x" if night == faulty else "") for night in nights]


NEWEST = range(2, LISTED + 2)


@pytest.mark.parametrize(
    ("nights", "gone"),
    [
        # A set found faulty, then healthy again, then gone.
        ([_list(1, 2), _list(1, 2, faulty=2), _list(1, 2), _list(1)], ["set-2", "set-2"]),
        # It stands among the youngest twice, once for each life, and another one is gone that a full list would name.
        (
            [
                _list(*NEWEST),
                _list(*NEWEST, faulty=LISTED + 1),
                _list(*NEWEST),
                _list(1, *NEWEST[1:]),
            ],
            [f"set-{LISTED + 1}", "set-2"],
        ),
        # Gone itself, from a list that is full.
        (
            [
                _list(*NEWEST),
                _list(*NEWEST, faulty=LISTED + 1),
                _list(*NEWEST),
                _list(1, *NEWEST[:-1]),
            ],
            [f"set-{LISTED + 1}", f"set-{LISTED + 1}"],
        ),
    ],
)
def test_a_set_that_was_faulty_and_is_healthy_again_may_be_gone(
    nights: list[list[tuple[int, int, str]]], gone: list[str]
) -> None:
    found = copies(_told(nights), inspected_only=True)
    ended = [copy for copy in found if copy.closed is not None]
    assert sorted(copy.set for copy in ended) == sorted(gone)
    assert [copy.closed.seen.seq - 100 - NIGHTS for copy in ended if copy.closed] == [1, 3]
    assert {copy.set for copy in found if copy.closed is None} == {f"set-{night}" for night, _, _ in nights[-1]}


def test_notes_are_never_those_of_another_subject() -> None:
    made = _fact(2, 1, completed(START))
    subject = Subject(
        node="web-01",
        asset="shop-db",
        plans=(_fact(0, 0, plan("shop-db")),),
        declared=_fact(1, 0, declared()),
        completed=(made,),
        failed=(),
        inspections=(),
        inspections_failed=(),
    )
    assert len(subject.once(copies, inspected_only=False)) == 1
    other = replace(subject, completed=())
    assert other.once(copies, inspected_only=False) == []
    assert len(subject.once(copies, inspected_only=False)) == 1
    assert subject == replace(subject)
