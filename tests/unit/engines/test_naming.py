"""How many of something there are, in evidence."""

from __future__ import annotations

import pytest

from intendance.engines.naming import counted


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (0, "view", "0 views"),
        (1, "event", "1 event"),
        (2, "trigger", "2 triggers"),
        (1, "index", "1 index"),
        (2, "index", "2 indexes"),
        (3, "virtual table", "3 virtual tables"),
    ],
)
def test_one_is_one(count: int, noun: str, said: str) -> None:
    assert counted(count, noun) == said
