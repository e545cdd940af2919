"""What changes in what a plan declares and this version keeps as it is written: it protects all the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from intendance.catalogue.rule import Rulebook
from intendance.plan.change import Change
from intendance.plan.declared import waits
from intendance.plan.problems import OptionPath, dotted
from intendance.plan.saying import say
from intendance.plan.weighing import ABSENT, Difference, differences, is_looser
from intendance.plan.writing import flow

# What people rely on once it is declared; the other sections are words about people, money and machines.
_PROTECTING = frozenset(("stores", "assets", "alerts", "thresholds", "probes", "duties", "manager"))
_WAIVERS = "waivers"
# Any instant does: rhythms are compared over the five years after it.
_ORIGIN = datetime(2024, 1, 1, tzinfo=UTC)
_LONGEST_SIGNS = 60


def declared_changes(
    former: Mapping[str, Any], new: Mapping[str, Any], rulebook: Rulebook, zone: str
) -> Iterator[Change]:
    """Every difference, value by value; what is gone, rarer, or looser in the direction of a bound, is severe."""
    for place in (*(each for each in former if each not in new), *new):
        if place == _WAIVERS:
            continue
        if place not in new:
            yield _gone(place, former[place], (place,))
        elif place not in former:
            said = say("`{place}` is declared", place=place)
            if waits(place):
                said = say("`{place}` is declared; this version does not perform it yet", place=place)
            yield Change(name=_confirmed_as(place), code="declared-added", said=said)
        else:
            start = tuple(place.split("."))
            for found in differences(former[place], new[place], start):
                yield _change(found, looser=is_looser(found, rulebook, zone, _ORIGIN))


def _change(found: Difference, *, looser: bool) -> Change:
    place = dotted(found.path)
    name = _confirmed_as(place)
    if found.after is ABSENT:
        return _gone(place, found.before, found.path)
    if found.before is ABSENT:
        said = say("`{place}` declares `{after}`", place=place, after=_shown(found.after))
        if waits(place):
            said = say("`{place}` declares `{after}`; not performed yet", place=place, after=_shown(found.after))
        return Change(name=name, code="declared-added", said=said)
    told = {"place": place, "after": _shown(found.after), "before": _shown(found.before)}
    if looser:
        said = say("`{place}` asks for less: `{after}` instead of `{before}`", **told)
        if waits(place):
            said = say("`{place}` asks for less: `{after}` instead of `{before}`; not performed yet", **told)
        return Change(name=name, code="declared-looser", said=said, severe=True)
    said = say("`{place}` declares `{after}` instead of `{before}`", **told)
    if waits(place):
        said = say("`{place}` declares `{after}` instead of `{before}`; not performed yet", **told)
    return Change(name=name, code="declared-changed", said=said)


def _gone(place: str, value: Any, path: OptionPath) -> Change:
    severe = path[0].partition(".")[0] in _PROTECTING if isinstance(path[0], str) else False
    if isinstance(path[-1], int):  # an item without a name: its content says which
        said = say("`{place}` is no longer declared: `{before}`", place=place, before=_shown(value))
    else:
        said = say("`{place}` is no longer declared", place=place)
    return Change(name=_confirmed_as(place), code="declared-dropped", said=said, severe=severe)


def _shown(value: Any) -> str:
    text = flow(value)
    return text if len(text) <= _LONGEST_SIGNS else text[: _LONGEST_SIGNS - 1] + "…"


def _confirmed_as(place: str) -> str:
    """The name of the asset or store that a place belongs to, else that of its section."""
    words = place.split(".")
    return words[1] if words[0] in ("assets", "stores") and len(words) > 1 else words[0].partition("[")[0]
