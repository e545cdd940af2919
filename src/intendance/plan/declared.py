"""What a plan declares and this version does not perform yet: kept as it is written, and never passed over in
silence. Pure.

The declaration of options marks it (`performed=False`), so that an option becomes performed by losing its mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from intendance.plan.problems import OptionPath, dotted
from intendance.plan.reading import entries, value_at, visits
from intendance.plan.shape import Schema

PERFORMED_AS_WRITTEN = frozenset({"manager", "alerts", "providers", "windows"})
"""Sections that are kept as they are written and performed all the same: by the fleet's manager, and by an agent that
nobody hears."""


def waits(place: str) -> bool:
    """Whether nothing is done yet with what a place declares."""
    return re.split(r"[.\[]", place, maxsplit=1)[0] not in PERFORMED_AS_WRITTEN


def declared(schema: Schema, data: Any) -> dict[OptionPath, Any]:
    """The outermost options that are kept as declared, by their paths, in the order of the file."""
    found: dict[OptionPath, Any] = {}
    for path, option, value in visits(schema, data):
        if option.get("x-declared") and not any(path[:length] in found for length in range(len(path))):
            found[path] = value
    for name, asset in entries(data, "assets"):
        listed = value_at(asset, "backup", "stores")
        waiting = [store for store in listed if ("stores", store) in found] if isinstance(listed, list) else []
        if waiting:
            found["assets", name, "backup", "stores"] = waiting
    return found


def by_place(found: Mapping[OptionPath, Any]) -> dict[str, Any]:
    """The same by the places' names: `assets.crud-db.drill`."""
    return {dotted(path): value for path, value in found.items()}
