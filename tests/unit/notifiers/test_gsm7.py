"""Text messages: their letters, their length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.notifiers import gsm7


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("dépôt « œuvre » : ça va…", 'dépot "oeuvre" : ca va...'),
        ("forêt, île, août, Noël, où, à", "foret, ile, aout, Noel, où, à"),
        ("10 €", "10 €"),
        ("Ж☃", "??"),
        ("é", "é"),
    ],
)
def test_what_has_no_letter_gets_the_nearest(written: str, told: str) -> None:
    assert gsm7.transliterate(written) == told


def test_lengths_are_counted_in_septets() -> None:
    assert gsm7.length("a€{b") == 6
    assert gsm7.messages("a" * 160) == 1
    assert gsm7.messages("a" * 161) == 2
    assert gsm7.messages("a" * 306) == 2
    assert gsm7.messages("a" * 307) == 3
    assert gsm7.messages("a" * 152 + "€" + "a" * 10) == 2
    assert gsm7.messages("a" * 152 + "€" * 77) == 3  # the letter that would be split goes into the next


@given(st.text(max_size=400), st.integers(min_value=3, max_value=300))
def test_whatever_is_written_fits(text: str, limit: int) -> None:
    told = gsm7.fit(text, limit)
    assert gsm7.length(told) <= limit
    assert gsm7.transliterate(told) == told
    assert gsm7.messages(gsm7.fit(text)) == 1


@given(st.text(max_size=60))
def test_what_fits_is_not_cut(text: str) -> None:
    told = gsm7.transliterate(text)
    assert gsm7.fit(text, max(3, gsm7.length(told))) == told
