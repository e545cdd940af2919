"""One plan file for a whole fleet: a common part, and under `nodes` what is otherwise or more on each node. Pure.

A node's plan is the common part with its entry laid over it. Mappings are merged option by option; a list of the entry
adds to the common one; any other value of the entry stands instead of the common one. So an entry can take nothing
away: what the fleet names in a list or under a name is named on each of its nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from intendance.model.frozen import dataclass
from intendance.plan.forms import FORMS
from intendance.plan.problems import Fault, OptionPath
from intendance.plan.reading import value_at
from intendance.plan.saying import say
from intendance.plan.shape import Schema, alternative, resolved, type_of

NODES = "nodes"
OF_THE_FLEET = ("version", "fleet", NODES)
"""What no entry may write: it is the same for all nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """The data of one node's plan. `origins`: of its parts that stand in the node's entry, where in the file.

    `node` is empty where the whole file is the plan of one node.
    """

    data: Any
    node: str = ""
    origins: Mapping[OptionPath, OptionPath] = field(default_factory=dict)

    def origin(self, path: OptionPath) -> OptionPath:
        """Where in the file an option of this node stands; what nobody wrote belongs to the node's entry."""
        for length in range(len(path), 0, -1):
            start = self.origins.get(path[:length])
            if start is not None:
                return (*start, *path[length:])
        return path if path or not self.node else (NODES, self.node)


def is_fleet(data: Any) -> bool:
    """Whether a file is about several nodes."""
    return isinstance(data, Mapping) and NODES in data


def faults(data: Any) -> Iterator[Fault]:
    """What is wrong with the entries themselves, in the order of the file."""
    entries = value_at(data, NODES)
    if not isinstance(entries, Mapping) or not entries:
        fix = say("write `{example}`", example="nodes: {web-01: {}, web-02: {}}")
        yield Fault(path=(NODES,), code="no-nodes", message=say("no node is named here"), fix=fix)
        return
    yield from _named_outside(value_at(data, "node"), ("node",))
    for name, entry in entries.items():
        misform = FORMS["slug"](name)
        if misform is not None:
            said = say("{value}: {what}", value=f"`{name}`", what=misform.message)
            yield Fault(path=(NODES, name), at="name", code=misform.code, message=said, fix=misform.fix)
        if not isinstance(entry, Mapping):
            said = say("what is otherwise on this node is a mapping of options")
            fix = say("write `{example}` where nothing is", example=f"{name}: {{}}")
            yield Fault(path=(NODES, name), at="name", code="type", message=said, fix=fix)
            continue
        for option in OF_THE_FLEET:
            if option in entry:
                said = say("`{option}` is the same for all nodes", option=option)
                fix = say("write it once, outside of `nodes`")
                yield Fault(path=(NODES, name, option), at="name", code="of-the-fleet", message=said, fix=fix)
        yield from _named_outside(entry.get("node"), (NODES, name, "node"))


def _named_outside(node: Any, path: OptionPath) -> Iterator[Fault]:
    if isinstance(node, Mapping) and "id" in node:
        said = say("a node of a fleet has its name under `nodes`")
        yield Fault(path=(*path, "id"), at="name", code="of-the-fleet", message=said, fix=say("remove it"))


def nodes(schema: Schema, data: Any) -> tuple[NodePlan, ...]:
    """The plan of each node that is written as it should be; of a file for one node, the whole file."""
    if not is_fleet(data):
        return (NodePlan(data=data),)
    entries = value_at(data, NODES)
    if not isinstance(entries, Mapping):
        return ()
    sound = {name: each for name, each in entries.items() if isinstance(each, Mapping) and not FORMS["slug"](name)}
    return tuple(_node(schema, data, name, entry) for name, entry in sound.items())


def common(data: Any) -> Any:
    """What all nodes of a fleet share."""
    return {name: value for name, value in data.items() if name != NODES}


def _node(schema: Schema, data: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> NodePlan:
    laid = _Laying(schema)
    allowed = {option: value for option, value in entry.items() if option not in OF_THE_FLEET}
    found = laid.over(schema, common(data), allowed, (), (NODES, name))
    described = found.get("node", {})
    if isinstance(described, Mapping):  # its name is the entry's, whatever else is written
        found = {**found, "node": {**described, "id": name}}
        laid.origins["node", "id"] = (NODES, name)
    return NodePlan(data=found, node=name, origins=laid.origins)


class _Laying:
    """Lays an entry over the common part. `origins` collects whatever comes from the entry."""

    def __init__(self, root: Schema) -> None:
        self._definitions: Mapping[str, Schema] = root.get("$defs", {})
        self.origins: dict[OptionPath, OptionPath] = {}

    def over(self, schema: Schema, base: Any, entry: Any, path: OptionPath, origin: OptionPath) -> Any:
        """`entry` laid over `base`, neither of which is changed."""
        schema = alternative(resolved(schema, self._definitions), entry, self._definitions)
        if type_of(base) == type_of(entry) == "object":
            return self._mapping(schema, base, entry, path, origin)
        if type_of(base) == type_of(entry) == "array" and not schema.get("x-words"):
            return self._list(base, entry, path, origin)
        self.origins[path] = origin
        return entry

    def _mapping(
        self, schema: Schema, base: Mapping[str, Any], entry: Mapping[str, Any], path: OptionPath, origin: OptionPath
    ) -> dict[str, Any]:
        schema = self._kind(schema, base, entry)
        choices = {each["required"][0] for each in schema.get("oneOf", ()) if "required" in each}
        replaced = choices - entry.keys() if choices & entry.keys() else set()
        found = {name: value for name, value in base.items() if name not in replaced}
        known: Mapping[str, Schema] = schema.get("properties", {})
        named: Schema = next(iter(schema.get("patternProperties", {}).values()), {})
        for name, value in entry.items():
            here, there = (*path, name), (*origin, name)
            if name in found:
                found[name] = self.over(known.get(name, named), found[name], value, here, there)
            else:
                found[name], self.origins[here] = value, there
        return found

    def _kind(self, schema: Schema, base: Mapping[str, Any], entry: Mapping[str, Any]) -> Schema:
        """Of mappings told apart by one option, the one that the node's plan will name."""
        if "discriminator" not in schema:
            return schema
        option = schema["discriminator"]["propertyName"]
        chosen = entry.get(option, base.get(option))
        kinds: Mapping[str, str] = schema["discriminator"]["mapping"]
        known = isinstance(chosen, str) and chosen in kinds
        return resolved({"$ref": kinds[chosen]}, self._definitions) if known else {}

    def _list(self, base: list[Any], entry: list[Any], path: OptionPath, origin: OptionPath) -> list[Any]:
        found = list(base)
        for number, item in enumerate(entry):
            if not any(type(item) is type(each) and item == each for each in base):
                self.origins[*path, len(found)] = (*origin, number)
                found.append(item)
        return found
