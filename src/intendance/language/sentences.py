"""A sentence with named parameters, each written as its name says: `{age_s}`, `{due_at}`, `{first_day}`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

from intendance.language import dates, durations, sizes

Language = Literal["fr", "en"]


def render(
    template: str, params: Mapping[str, str | int | datetime], language: Language, zone: str, *, up: bool = False
) -> str:
    """The sentence.

    `…_s` are seconds, written as a length of time rounded down, or `up`; `…_at` are instants, in local time of `zone`;
    `…_day` are ISO days; other whole numbers are grouped. `message` is a sentence of its own, `fault` a part of one,
    `what` the name of something; they were recorded in English and are told in the reader's language.
    Raises KeyError when a parameter is missing.
    """
    return template.format(**{name: _write(name, value, language, zone, up=up) for name, value in params.items()})


def _write(name: str, value: str | int | datetime, language: Language, zone: str, *, up: bool) -> str:
    match value:
        case datetime():
            return dates.moment(value, zone, language)
        case int() if name.endswith("_s"):
            return durations.write(value, language, up=up)
        case int():
            return sizes.number(value, language)
        case str() if name.endswith("_day"):
            return dates.day(date.fromisoformat(value), language)
        case _ if name == "message" and language == "en":
            return value if value.endswith((".", "!", "?", "…")) else f"{value}."
        case _ if name in ("message", "fault"):
            return _told(value, language).rstrip(". ")
        case _ if name == "what":
            return _told(value, language)
        case _:
            return value


def _told(text: str, language: Language) -> str:
    if language == "en":
        return text
    from intendance.language.spoken import told  # few sentences hold another one

    return told(text, language)
