"""Sentences: each parameter is written as its name says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from intendance.language.sentences import render

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ZONE = "Europe/Brussels"


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_parameters_follow_their_names() -> None:
    template = "{age_s}, {due_at}, {first_day}, {count}, {store}"
    params: dict[str, str | int | datetime] = {
        "age_s": 95_401,
        "due_at": AT,
        "first_day": "2026-11-01",
        "count": 1200,
        "store": "nas",
    }
    english = render(template, params, "en", ZONE, up=True)
    french = render(template, params, "fr", ZONE)
    assert _plain(english) == "26 h 31, 21 November 2026, 09:00 CET, 1 November 2026, 1,200, nas"
    assert _plain(french) == "26 h 30, 21 novembre 2026 à 09:00 CET, 1er novembre 2026, 1 200, nas"


@pytest.mark.parametrize("message", ["it is full", "it is full.", "it is full. "])
def test_a_message_ends_as_its_sentence_needs(message: str) -> None:
    assert render("Failed: {message}", {"message": message.strip()}, "en", ZONE) == "Failed: it is full."
    assert render("{fault}.", {"fault": message}, "en", ZONE) == "it is full."
    assert render("« {message} ».", {"message": message}, "fr", ZONE) == "« it is full »."


def test_braces_in_a_message_are_only_text() -> None:
    assert render("{message}", {"message": "{age_s} {0}"}, "en", ZONE) == "{age_s} {0}."


def test_a_missing_parameter_is_not_passed_over() -> None:
    with pytest.raises(KeyError):
        render("{age_s}", {}, "en", ZONE)
