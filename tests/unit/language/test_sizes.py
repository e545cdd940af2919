"""Numbers and sizes as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.language.sizes import Language, number, size


@pytest.mark.parametrize(
    ("count_bytes", "english", "french"),
    [
        (0, "0 bytes", "0 octet"),
        (1, "1 byte", "1 octet"),
        (1023, "1023 bytes", "1023 octets"),
        (1024, "1.0 KiB", "1,0 Kio"),
        (1536, "1.5 KiB", "1,5 Kio"),
        (104_857_599, "99.9 MiB", "99,9 Mio"),
        (104_857_600, "100 MiB", "100 Mio"),
        (2**30 - 1, "1023 MiB", "1023 Mio"),
        (2**30, "1.0 GiB", "1,0 Gio"),
        (2**70, "1048576 PiB", "1048576 Pio"),
    ],
)
def test_sizes(count_bytes: int, english: str, french: str) -> None:
    assert size(count_bytes) == english
    assert size(count_bytes, "fr") == french.replace(" ", "\u00a0")


@given(st.integers(0, 2**60))
def test_a_size_never_says_more_than_there_is(count_bytes: int) -> None:
    figure, unit = size(count_bytes).split(" ")
    factor = {"byte": 1, "bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}[unit]
    assert int(figure.replace(".", "")) * factor <= count_bytes * (10 if "." in figure else 1)


@pytest.mark.parametrize(("language", "text"), [("en", "1,234,567"), ("fr", "1\u202f234\u202f567")])
def test_numbers(language: Language, text: str) -> None:
    assert number(1_234_567, language) == text
    assert number(12, language) == "12"
