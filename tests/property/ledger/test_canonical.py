"""Canonical JSON against an independent implementation of RFC 8785."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from intendance.ledger import canonical
from intendance.ledger.canonical import LIMIT_INTEGER
from intendance.model.errors.ledger import NotCanonical

texts = st.text(max_size=40).map(lambda text: unicodedata.normalize("NFC", text))
scalars = st.none() | st.booleans() | st.integers(-LIMIT_INTEGER, LIMIT_INTEGER) | texts
keys = st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5), max_leaves=30
)


@given(values)
def test_the_same_bytes_as_rfc_8785(value: Any) -> None:
    content = canonical.encode(value)
    assert content == rfc8785.dumps(value)
    assert canonical.decode(content) == value


@given(values, st.integers(0, 10**6), st.integers(1, 255))
def test_changed_bytes_are_another_value_or_nothing(value: Any, at: int, difference: int) -> None:
    changed = bytearray(canonical.encode(value))
    changed[at % len(changed)] ^= difference
    try:
        other = canonical.decode(bytes(changed))
    except NotCanonical:
        return
    assert canonical.encode(other) == bytes(changed)
    assert json.dumps(other) != json.dumps(value)


@given(st.binary(max_size=200))
def test_whatever_is_read_is_written_the_same(content: bytes) -> None:
    try:
        value = canonical.decode(content)
    except NotCanonical:
        return
    assert canonical.encode(value) == content == rfc8785.dumps(value)


@given(st.text(alphabet=st.characters(codec=None), max_size=40))
def test_cleaned_text_can_be_recorded_and_stays_as_it_is(text: str) -> None:
    cleaned = canonical.clean(text)
    assert canonical.decode(canonical.encode(cleaned)) == cleaned
    assert canonical.clean(cleaned) == cleaned


@given(values)
def test_other_spellings_are_refused(value: Any) -> None:
    content = canonical.encode(value)
    for spelling in (
        json.dumps(value, indent=1).encode(),
        json.dumps(value, sort_keys=True).encode(),
        b" " + content,
        content + b"\n",
    ):
        if spelling != content:
            with pytest.raises(NotCanonical):
                canonical.decode(spelling)
