"""Names in a plan that must stand elsewhere in it: contacts, stores, hosts, assets. Pure.

Works on data whose shape may be wrong elsewhere, so that every fault is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from intendance.plan.forms import closest
from intendance.plan.problems import Fault, OptionPath
from intendance.plan.reading import value_at, visits
from intendance.plan.saying import quoted, say
from intendance.plan.shape import Schema


def faults(schema: Schema, data: Any) -> Iterator[Fault]:
    """Every name that must stand in a section of the plan and does not, in the order of the file."""
    for path, option, value in visits(schema, data):
        sections = option.get("x-refers")
        if sections and isinstance(value, str):
            known = [name for section in sections for name in _declared(data, section)]
            if value not in known and all(_can_tell(schema, data, section) for section in sections):
                yield _absent(value, known, sections, path)


def _declared(data: Any, section: str) -> tuple[str, ...]:
    found = value_at(data, section)
    return tuple(found) if isinstance(found, Mapping) else ()


def _can_tell(schema: Schema, data: Any, section: str) -> bool:
    """Not while the section is missing or has another shape, which is told by itself."""
    if isinstance(value_at(data, section), Mapping):
        return True
    return isinstance(data, Mapping) and section not in data and section not in schema.get("required", ())


def _absent(name: str, known: list[str], sections: list[str], path: OptionPath) -> Fault:
    meant = closest(name, known)
    places = quoted(sections)
    add = say("add `{name}` under `{section}`", name=name, section=sections[0])
    if meant is None:
        said = say("`{name}` does not stand under {places}", name=name, places=places)
        return Fault(path=path, code="not-declared", message=said, fix=add)
    said = say("`{name}` does not stand under {places}; did you mean `{meant}`?", name=name, places=places, meant=meant)
    fix = say("write `{meant}`, or {add}", meant=meant, add=add)
    return Fault(path=path, code="not-declared", message=said, fix=fix)
