"""Lengths of time: how long kept, how long allowed, how often. Pure."""

from __future__ import annotations

import re

from intendance.plan import durations
from intendance.plan.forms.misform import Misform
from intendance.plan.saying import say

_LATENCY = re.compile(r"([1-9][0-9]{0,5})(ms|s|min)", re.ASCII)


def duration(text: str, usual: str = "d") -> Misform | None:
    """A length of time with its unit; `usual` is the unit that a bare number most likely means."""
    try:
        durations.parse(text)
    except ValueError:
        fix = say("write `{example}`", example=_guess(text, usual))
        if re.fullmatch(r"\d+ ?m(o|onths?)?", text):
            said = say(
                "months differ in length, and `m` could be minutes; a length of time is a number and its unit:"
                " s, min, h, d, w or y"
            )
            return Misform("length-in-months", said, fix)
        return Misform("length", say("a length of time is a number and its unit: s, min, h, d, w or y"), fix)
    return None


def days(text: str) -> Misform | None:
    """A length of time in whole days, one at least."""
    wrong = duration(text)
    if wrong is not None:
        return wrong
    seconds = durations.parse(text)
    if seconds < durations.DAY or seconds % durations.DAY or not re.fullmatch(r"(\d+[ywdh])+", text, re.ASCII):
        whole = f"{max(1, -(-seconds // durations.DAY))}d"
        said = say("this is counted in whole days, one at least")
        return Misform("length-in-days", said, say("write `{example}`", example=whole))
    if seconds > 100 * durations.YEAR:
        said = say("this is more than a hundred years")
        return Misform("length-too-long", said, say("write `{most}` at most", most="100y"))
    return None


def deadline(text: str) -> Misform | None:
    """How long something may take: a minute at least, a week at most."""
    wrong = duration(text, "h")
    if wrong is not None:
        return wrong
    seconds = durations.parse(text)
    if seconds < durations.MINUTE:
        said = say("nothing can be done in less than a minute")
        return Misform("length-too-short", said, say("write `{least}` at least", least="1min"))
    return _a_week_at_most(seconds)


def interval(text: str) -> Misform | None:
    """How often something happens: a second at least, a day at most."""
    wrong = duration(text, "s")
    if wrong is not None:
        return wrong
    seconds = durations.parse(text)
    if seconds < durations.SECOND:
        said = say("nothing happens every zero seconds")
        return Misform("length-too-short", said, say("write `{least}` at least", least="1s"))
    if seconds > durations.DAY:
        said = say("this is more than a day")
        return Misform("length-too-long", said, say("write `{most}` at most", most="1d"))
    return None


def wait(text: str) -> Misform | None:
    """How long to wait: nothing at least, a week at most."""
    return duration(text, "min") or _a_week_at_most(durations.parse(text))


def latency(text: str) -> Misform | None:
    """How long an answer may take: `500ms`, `2s`."""
    if _LATENCY.fullmatch(text):
        return None
    said = say("this is not how long an answer may take: a whole number and its unit, ms, s or min")
    number = re.match(r"\d+", text.strip(), re.ASCII)
    example = f"{int(number[0][:5]) or 2}{'ms' if 'ms' in text else 's'}" if number else "2s"
    return Misform("latency", said, say("write `{example}`", example=example))


def _a_week_at_most(seconds: int) -> Misform | None:
    if seconds <= durations.WEEK:
        return None
    return Misform("length-too-long", say("this is more than a week"), say("write `{most}` at most", most="7d"))


def _guess(text: str, usual: str) -> str:
    number = re.match(r"\d{1,9}", text.strip())
    lowered = text.lower()
    if number is None:
        return {"d": "90d", "h": "4h", "min": "10min", "s": "60s"}[usual]
    for words, unit in (
        (("day", "jour"), "d"),
        (("week", "sem"), "w"),
        (("hour", "heure"), "h"),
        (("sec",), "s"),
        (("year", "an"), "y"),
    ):
        if any(word in lowered for word in words):
            return f"{number[0]}{unit}"
    if "min" in lowered or (usual != "d" and "m" in lowered):
        return f"{number[0]}min"
    return f"{int(number[0]) * 30}d" if "m" in lowered else f"{number[0]}{usual}"
