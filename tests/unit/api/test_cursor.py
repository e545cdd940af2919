"""Cursors: what was written is read again, and nothing else is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.api import cursor
from intendance.model.errors.api import QueryUnusable

slugs = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)


@given(slugs, slugs, st.integers(0, 2**53))
def test_what_was_written_is_read_again(one: str, two: str, number: int) -> None:
    text = cursor.write(one, two, number)
    assert re.fullmatch(cursor.PATTERN, text)
    assert cursor.read(text, str, str, int) == (one, two, number)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", max_size=60))
def test_a_forged_cursor_is_refused_or_is_a_key(text: str) -> None:
    try:
        found = cursor.read(text, str, int)
    except QueryUnusable:
        return
    assert found is None or [type(part) for part in found] == [str, int]


@pytest.mark.parametrize("parts", [("a\0b", 1), ("x" * 101, 1), ("a", -1), ("a", 2**53 + 1), ("a", True), ("a",)])
def test_what_a_database_would_refuse_is_refused_before(parts: tuple[str | int, ...]) -> None:
    with pytest.raises(QueryUnusable):
        cursor.read(cursor.write(*parts), str, int)


def test_no_cursor_is_the_beginning() -> None:
    assert cursor.read("", str) is None
