"""Evidence read lean, with only those members that are judged, says the same as all of it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intendance.catalogue.evaluate import evaluate
from intendance.ledger import canonical, envelope, lean
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.evidence import KIND_OF
from intendance.model.evidence.inspection import InspectionCompleted, SetSeen, StorePlace
from intendance.model.verdict import Fact, State
from tests.property.test_judging import BEGIN, RULEBOOK, lives
from tests.support.evidence import inspection, seen, text


def _content(fact: Fact[Any]) -> bytes:
    """A record that states a fact."""
    record = {
        "v": 1, "seq": fact.seq, "node": fact.node, "boot": "b", "ts": text(fact.at), "mono_us": 1, "kind": fact.kind,
        "asset": fact.asset, "run": None, "actor": fact.actor, "data": msgspec.to_builtins(fact.data),
        "attachments": [], "prev": envelope.NO_PREVIOUS,
    }  # fmt: skip
    return canonical.write(record)


@settings(max_examples=80)
@given(lives(), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=120)))
def test_judging_finds_the_same(life: tuple[list[Fact[Any]], datetime], wait: timedelta) -> None:
    facts, last = life
    read = [lean.fact(_content(each), each.kind, each.seq) for each in facts]
    found = evaluate(RULEBOOK, read, last + wait, "web-01")
    assert found == evaluate(RULEBOOK, facts, last + wait, "web-01")
    assert State.ERROR not in {each.state for each in found}


def test_what_is_judged_is_read_as_it_stands() -> None:
    place = StorePlace(kind="s3", endpoint="s3.example")
    whole = replace(inspection([seen(BEGIN, fault="torn")]), place=place, yearly=(seen(BEGIN),), clock_off_s=7)
    fact = Fact(node="n", seq=3, at=BEGIN, kind=KIND_OF[InspectionCompleted], asset="a", actor="x", data=whole)
    read = lean.fact(_content(fact), fact.kind, fact.seq)
    assert (read.node, read.seq, read.at, read.kind, read.asset, read.actor) == ("n", 3, BEGIN, fact.kind, "a", "x")
    left = {each.name for each in fields(InspectionCompleted)} - lean.UNREAD[InspectionCompleted]
    plain = msgspec.to_builtins(whole)
    for name in left - {"newest", "damaged", "yearly"}:
        assert msgspec.to_builtins(getattr(read.data, name)) == plain[name]
    kept = {each.name for each in fields(SetSeen)} - lean.UNREAD[SetSeen]
    assert msgspec.to_builtins(read.data.newest[0]) == {name: plain["newest"][0][name] for name in kept}
    assert msgspec.to_builtins(read.data.yearly[0]) == {name: plain["yearly"][0][name] for name in kept}


def test_what_is_not_judged_is_not_read() -> None:
    fact = Fact(
        node="n", seq=3, at=BEGIN, kind="inspection.completed", asset="a", actor="x", data=inspection([seen(BEGIN)])
    )
    read = lean.fact(_content(fact), fact.kind, 3)
    for name in lean.UNREAD[SetSeen]:
        assert not hasattr(read.data.newest[0], name)


def test_what_is_no_record_is_refused() -> None:
    for content in (b"{", b"[]", b'{"kind":"inspection.completed"}'):
        with pytest.raises(RecordUnreadable):
            lean.fact(content, "inspection.completed", 3)


def test_members_that_are_not_read_are_members() -> None:
    for shape, names in lean.UNREAD.items():
        assert names <= {each.name for each in fields(shape)}


def test_many_records_are_read_as_one_by_one_and_it_is_said_which_is_none() -> None:
    data = inspection([seen(BEGIN)])
    contents = [
        _content(Fact(node="n", seq=seq, at=BEGIN, kind="inspection.completed", asset="a", actor="x", data=data))
        for seq in range(4)
    ]
    rows = list(enumerate(contents))
    assert lean.facts(rows, "inspection.completed") == tuple(
        lean.fact(each, "inspection.completed", 0) for each in contents
    )
    rows[2] = (2, b"{")
    with pytest.raises(RecordUnreadable, match="2"):
        lean.facts(rows, "inspection.completed")
