"""What a change of a plan's values means: where two readings differ, and which bounded value became looser. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from intendance.catalogue.rule import Rulebook
from intendance.model.frozen import dataclass
from intendance.plan.bounds.gaps import longest
from intendance.plan.bounds.limits import limit, measure
from intendance.plan.bounds.values import OPTIONS
from intendance.plan.forms import cron
from intendance.plan.problems import OptionPath

_BOUNDED = (*OPTIONS, ("assets.*.backup.retention.points", ("retention.kept_min",)))
_PLACES = tuple((tuple(place.split(".")), quantities) for place, quantities in _BOUNDED)


class _Absent:
    """Nothing is written; unlike None, which is a value."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A place at which two readings differ; `before` or `after` is ABSENT where nothing stands."""

    path: OptionPath
    before: Any
    after: Any


def differences(before: Any, after: Any, path: OptionPath = ()) -> Iterator[Difference]:
    """Where two readings differ, as deep as both have a value: what is gone first, then in the order of `after`.

    Items of a list that have names are compared by these; others are there, or are not.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in (*(each for each in before if each not in after), *after):
            yield from differences(before.get(name, ABSENT), after.get(name, ABSENT), (*path, name))
    elif _named(before) and _named(after):
        former, latter = ({item["name"]: item for item in each} for each in (before, after))
        yield from differences(former, latter, path)
    elif isinstance(before, list) and isinstance(after, list):
        for number, item in enumerate(before):
            if item not in after:
                yield Difference(path=(*path, number), before=item, after=ABSENT)
        for number, item in enumerate(after):
            if item not in before:
                yield Difference(path=(*path, number), before=ABSENT, after=item)
    elif type(before) is not type(after) or before != after:
        yield Difference(path=path, before=before, after=after)


def _named(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, Mapping) and "name" in item for item in items)


def is_looser(found: Difference, rulebook: Rulebook, zone: str, now: datetime) -> bool:
    """Whether what is written now asks for less than what was: further in the direction that a bound limits, or rarer.

    `zone` is that of the schedules, `now` the instant from which their rhythms are compared.
    """
    if found.before is ABSENT or found.after is ABSENT:
        return False
    if found.path[-1] == "schedule":
        return _is_rarer(found.before, found.after, zone, now)
    before, after = measure(_figure(found.before)), measure(_figure(found.after))
    if before is None or after is None or before == after:
        return False
    stricter = {
        known.bound.stricter
        for place, quantities in _PLACES
        if len(place) == len(found.path) and all(map(_stands_for, place, found.path))
        for quantity in quantities
        if (known := limit(rulebook, _catalogues(rulebook), quantity)) is not None
    }
    return (after > before and "smaller" in stricter) or (after < before and "larger" in stricter)


def _figure(value: Any) -> Any:
    """Of a share that must last to count, the share."""
    return value.get("above") if isinstance(value, Mapping) else value


def _stands_for(pattern: str, step: str | int) -> bool:
    return pattern in ("*", step)


def _catalogues(rulebook: Rulebook) -> set[str]:
    return {rule.catalogue for rule in rulebook.rules.values()}


def _is_rarer(before: Any, after: Any, zone: str, now: datetime) -> bool:
    """By whole days: an hour more at a change of the clock is none."""
    lines = [" ".join(each.split()) for each in (before, after) if isinstance(each, str) and cron(each) is None]
    if len(lines) < 2:
        return False
    former, latter = (longest([each], zone, now).length.days for each in lines)
    return latter > former
