"""What the quick look at records says is what the thorough one says, and what is written is what is read."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.ledger import canonical, envelope
from intendance.ledger.examine import Examined, examine, faultless
from intendance.ledger.rows import Row
from intendance.ledger.tlog import Edge, leaf_hash
from intendance.model.errors.ledger import NotCanonical, RecordTooLarge
from intendance.model.evidence import KINDS
from intendance.model.evidence.run import RunEnded
from intendance.model.record import Attachment, Record

FIRST = 40
PREVIOUS = "ab" * 32
texts = st.text(max_size=20) | st.from_regex(r"[:,\[-]?[0-9]{14,18}", fullmatch=True) | st.just("e\u0301")
numbers = st.integers(-(2**54), 2**54) | st.sampled_from([2**53 - 1, 2**53, 1 - 2**53, -(2**53), 10**15, 10**16])


def record(message: str, attempt: Any, seq: int = FIRST, **changed: Any) -> Record:
    told = {"activity": "inspect", "outcome": "crashed", "attempt": attempt, "message": message}
    usual: dict[str, Any] = {
        "v": 1, "seq": seq, "node": "web-01", "boot": "b", "ts": "2026-11-21T08:00:00.123456Z", "mono_us": 5,
        "kind": "run.ended", "actor": "schedule:inspect", "prev": PREVIOUS, "data": told,
    }  # fmt: skip
    return Record(**usual | changed)


def slowly(written: Record) -> bytes | None:
    """The definition of canonical JSON, value by value; None when there is none or it is too long."""
    try:
        content = canonical.encode(msgspec.to_builtins(written))
    except NotCanonical:
        return None
    return content if len(content) <= canonical.LIMIT_BYTES else None


@given(
    texts,
    numbers | st.floats(allow_nan=False) | st.booleans(),
    st.dictionaries(st.text(max_size=3), numbers, max_size=1),
)
def test_written_quickly_or_slowly_a_record_has_the_same_bytes(
    message: str, attempt: Any, more: dict[str, int]
) -> None:
    written = record(message, attempt)
    written.data.update(more)
    try:
        content: bytes | None = envelope.encode(written)
    except (NotCanonical, RecordTooLarge):
        content = None
    assert content == slowly(written)


def row_of(written: Record) -> Row:
    content = canonical.write(written)
    return Row(written.seq, written.kind, written.asset, written.ts, content)


@given(st.lists(st.tuples(texts, numbers), min_size=1, max_size=6), st.data())
def test_records_together_are_faultless_when_each_is_and_the_chain_holds(
    told: list[tuple[str, int]], data: Any
) -> None:
    block: list[Row] = []
    previous = PREVIOUS
    for seq, (message, attempt) in enumerate(told, FIRST):
        attached = [Attachment(sha256="cd" * 32, size=1, media="text/plain")] if seq % 2 else []
        try:
            written = record(message, attempt, seq, prev=previous, attachments=attached)
            block.append(row_of(written))
        except (UnicodeEncodeError, OverflowError):
            return
        previous = envelope.digest(block[-1].content)
    if data.draw(st.booleans()):
        at, change = data.draw(st.integers(0, len(block) - 1)), data.draw(st.integers(1, 255))
        content = bytearray(block[at].content)
        content[data.draw(st.integers(0, len(content) - 1))] ^= change
        block[at] = block[at]._replace(content=bytes(content))
    each = [examine(row, "web-01") for row in block]
    chained = all(
        seen.prev == before
        for seen, before in zip(each, [PREVIOUS, *(envelope.digest(row.content) for row in block)], strict=False)
    )
    together = faultless(block, "web-01", FIRST, PREVIOUS)
    if together is not None:
        assert chained
        assert [seen.fault for seen in each] == [None] * len(each)
        assert together[1] == [
            (row.seq, one) for row, seen in zip(block, each, strict=True) for one in seen.attachments
        ]
        assert together[0] == envelope.digest(block[-1].content)
    else:
        assert not chained or any(seen.fault for seen in each) or unusual(block)


def unusual(block: list[Row]) -> bool:
    """Whether some record is right but not in the form that the quick look knows: a default that is not written."""
    return any(envelope.same_again(row.kind, row.content) is None for row in block)


@pytest.mark.parametrize(
    "changed",
    [
        {"seq": FIRST + 1}, {"prev": "00" * 32}, {"node": "web-02"}, {"v": 2}, {"ts": "2026-11-21T08:00:00Z"},
        {"asset": "a"}, {"kind": "no.such"},
    ],
)  # fmt: skip
def test_nothing_out_of_place_is_faultless(changed: dict[str, Any]) -> None:
    right = row_of(record("m", 1))
    assert faultless([right], "web-01", FIRST, PREVIOUS) is not None
    other = row_of(record("m", 1, **changed))._replace(asset=None)
    place = other._replace(seq=FIRST)
    assert faultless([place], "web-01", FIRST, PREVIOUS) is None
    for column in ({"kind": "genesis"}, {"asset": "x"}, {"ts": "2026-11-21T08:00:00.123457Z"}, {"seq": FIRST + 1}):
        assert faultless([right._replace(**column)], "web-01", FIRST, PREVIOUS) is None


def parts_of(shape: Any) -> Iterator[Any]:
    """Every type of which values of a kind are made, and the names of their members."""
    if is_dataclass(shape):
        for name, hint in get_type_hints(shape).items():
            yield name
            yield from parts_of(hint)
    elif get_origin(shape) in (tuple, list, types.UnionType):
        for inner in get_args(shape):
            yield from parts_of(inner) if inner is not Ellipsis else ()
    else:
        yield shape


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_says_can_only_be_canonical(kind: str) -> None:
    """The quick look relies on it: names are those of members, no number has a fraction, nothing is free in form."""
    for part in parts_of(KINDS[kind]):
        if isinstance(part, str):
            assert re.fullmatch("[a-z0-9_]+", part)
        elif get_origin(part) is None:
            assert part in (str, int, bool, type(None)), part
        else:
            assert all(isinstance(value, str) for value in get_args(part)), part  # Literal of words
    assert fields(KINDS[kind])


@given(st.integers(0, 3), st.integers(0, 300))
def test_a_tile_at_once_is_as_leaf_by_leaf(tiles: int, more: int) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(256 * tiles + more)]
    one_by_one, at_once = Edge(), Edge()
    expected = [filled for leaf in leaves for filled in one_by_one.append(leaf)]
    found = []
    for first in range(0, 256 * tiles, 256):
        found += at_once.append_tile(leaves[first : first + 256])
    for leaf in leaves[256 * tiles :]:
        found += at_once.append(leaf)
    assert found == expected
    assert (at_once.size, at_once.levels, at_once.root()) == (one_by_one.size, one_by_one.levels, one_by_one.root())


def test_examined_is_what_it_says() -> None:
    assert examine(row_of(record("m", 1)), "web-01") == Examined(PREVIOUS, [])
    assert KINDS["run.ended"] is RunEnded
