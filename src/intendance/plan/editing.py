"""The JSON Schema that editors read: that of a plan for one node, or of one for several. Pure.

A file for several nodes may leave anything out of its common part that its entries write, so there the groups ask for
nothing; `plan check` asks it of each node's plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intendance.plan.fleet import NODES, OF_THE_FLEET
from intendance.plan.shape import Schema

_PLACE = "#/$defs/"
_PART = "PartOf"
_DEMANDS = ("required", "minItems", "minProperties")
_SENTENCE = "What is otherwise or more on each node, under its name; it is laid over the rest of the file."


def editor_schema(published: Schema) -> dict[str, Any]:
    """The schema of `plan check`, with the choice between one node and several."""
    groups: Mapping[str, Schema] = published["$defs"]
    root = {name: value for name, value in published.items() if name not in ("$schema", "title", "$defs")}
    parts = {f"{_PART}{name}": _part(group) for name, group in groups.items()}
    shared = _part(root)
    parts[f"{_PART}Node"]["properties"].pop("id")
    entry = {**shared, "properties": {n: v for n, v in shared["properties"].items() if n not in OF_THE_FLEET}}
    (pattern,) = published["properties"]["assets"]["patternProperties"]
    named = {
        "type": "object",
        "patternProperties": {pattern: {"$ref": f"{_PLACE}EntryOfNode"}},
        "additionalProperties": False,
        "minProperties": 1,
        "description": _SENTENCE,
        "examples": [{"web-01": {}, "web-02": {"node": {"site": "namur"}}}],
    }
    fleet = {
        **shared,
        "properties": {**shared["properties"], NODES: named},
        "required": ["version", "fleet", NODES],
        "description": "How the nodes of a fleet must be maintained.",
    }
    return {
        "$schema": published["$schema"],
        "title": published["title"],
        "if": {"required": [NODES]},
        "then": {"$ref": f"{_PLACE}PlanOfFleet"},
        "else": {"$ref": f"{_PLACE}PlanOfNode"},
        "$defs": {**groups, "PlanOfNode": root, **parts, "EntryOfNode": entry, "PlanOfFleet": fleet},
    }


def _part(schema: Any) -> Any:
    """The same without what must be there, but for the items of lists, which are whole."""
    if not isinstance(schema, Mapping):
        return schema
    found = {name: value for name, value in schema.items() if name not in _DEMANDS}
    if "discriminator" in schema:
        del found["discriminator"]
        found["anyOf"] = [_part(each) for each in found.pop("oneOf")]
    elif "oneOf" in schema:  # one option of several must be there
        del found["oneOf"]
    elif "anyOf" in schema:
        found["anyOf"] = [_part(each) for each in schema["anyOf"]]
    if "$ref" in schema:
        found["$ref"] = schema["$ref"].replace(_PLACE, f"{_PLACE}{_PART}")
    for group in ("properties", "patternProperties"):
        if group in schema:
            found[group] = {name: _part(inner) for name, inner in schema[group].items()}
    return found
