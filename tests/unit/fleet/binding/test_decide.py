"""When heads are bound, and what of a head is."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from intendance.fleet.binding.decide import EVERY, HeldHead, is_due, own_note, sheet
from intendance.ledger.note import VerifierKey, checkpoint_text, read_checkpoint, sign_note
from tests.support.growing_log import key_of

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
ORIGIN = "asbl/node/web-01/20261122T080000Z"
KEY = VerifierKey(ORIGIN, key_of(3).public_key().public_bytes_raw()).text
SPANS = st.timedeltas(min_value=timedelta(days=-9), max_value=timedelta(days=9))


def _head(size: int = 7, *, origin: str = ORIGIN, key: int = 3) -> HeldHead:
    note = sign_note(checkpoint_text(origin, size, bytes(32)), origin, key_of(key)).decode()
    return HeldHead(node="web-01", incarnation=2, size=size, note=note, key=KEY)


def test_the_first_heads_are_bound_at_once() -> None:
    assert is_due(NOW, None)


@given(SPANS)
def test_an_hour_lies_between_two_and_a_clock_put_back_stops_nothing(since: timedelta) -> None:
    assert is_due(NOW, NOW - since) is not (timedelta(0) <= since < EVERY)


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=200))
def test_at_most_one_an_hour_while_time_goes_on(seconds: list[int]) -> None:
    now, bound = NOW, list[datetime]()
    for step in seconds:
        now += timedelta(seconds=step)
        if is_due(now, bound[-1] if bound else None):
            bound.append(now)
    assert all(later - earlier >= EVERY for earlier, later in pairwise(bound))
    assert not seconds or now - bound[-1] < EVERY


@given(st.integers(min_value=1, max_value=2**40))
def test_what_is_bound_is_what_the_ledger_signed_and_no_other_line(size: int) -> None:
    head = _head(size)
    text = checkpoint_text(ORIGIN, size, bytes(32))
    foreign = sign_note(text, "w1.example", key_of(5)).decode().splitlines()[-1]
    assert own_note(replace(head, note=f"{head.note}{foreign}\n")) == head.note
    assert own_note(replace(head, note=head.note.replace("\n\n", f"\n\n{foreign}\n"))) == head.note


def test_a_head_that_is_not_the_ledgers_is_not_bound() -> None:
    assert own_note(_head()) is not None
    assert own_note(_head(key=4)) is None
    assert own_note(_head(origin="asbl/node/web-02/20261122T080000Z")) is None
    assert own_note(replace(_head(), size=8)) is None
    assert own_note(replace(_head(), note="words")) is None
    assert own_note(replace(_head(), note="")) is None
    assert own_note(replace(_head(), note="\ud800")) is None
    assert own_note(replace(_head(), key="no key")) is None


def test_a_sheet_reads_back_and_is_the_same_for_the_same_heads() -> None:
    heads = [(each, each.note) for each in (_head(7), replace(_head(9), node="web-02"))]
    content = sheet(heads)
    assert content == sheet(heads)
    lines = [json.loads(line) for line in gzip.decompress(content).decode().splitlines()]
    assert [(each["node"], each["incarnation"]) for each in lines] == [("web-01", 2), ("web-02", 2)]
    assert [read_checkpoint(each["note"].encode())[0].size for each in lines] == [7, 9]
