"""Whether a plan's data has the shape that `schema.json` describes: all faults at once, in people's words. Pure.

It enforces the parts of JSON Schema that the generated schema uses, and reads its `x-` words: `x-form` (a function of
`forms.py`), `x-later` and `x-later-values` (not performed by this version), `x-secret` (a bare text here is a secret).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from intendance.plan.forms import FORMS, closest
from intendance.plan.problems import Fault, OptionPath

Schema = Mapping[str, Any]

NOT_PERFORMED = "is not performed by this version yet"
_SECRETIVE = re.compile(r"(?i)pass|pwd|secret|token|api_?key|private")
_PLAIN = re.compile(r"[A-Za-z/…][A-Za-z0-9_/.@…-]*( [A-Za-z0-9_/.@…-]+)*")
_TYPES: Mapping[str, str] = {
    "object": "a mapping of options",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
}


def flow(value: Any) -> str:
    """A value as YAML on one line, in the quotes that it needs."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if (
        isinstance(value, str)
        and _PLAIN.fullmatch(value)
        and value.lower() not in ("true", "false", "null", "yes", "no")
    ):
        return value
    return json.dumps(value, ensure_ascii=False)


def faults(schema: Schema, data: Any) -> list[Fault]:
    """Everything in which `data` departs from the schema, in the order of the file."""
    return list(_Walk(schema).visit(schema, data, ()))


class _Walk:
    def __init__(self, root: Schema) -> None:
        self._definitions: Mapping[str, Schema] = root.get("$defs", {})
        self._root = root

    def visit(self, schema: Schema, value: Any, path: OptionPath) -> Iterator[Fault]:
        schema = self._resolve(schema)
        if "discriminator" in schema:
            yield from self._choice(schema, value, path)
            return
        wanted = schema.get("type", "string")
        if _type_of(value) != wanted:
            yield self._wrong_type(schema, wanted, value, path)
        elif wanted == "object":
            yield from self._object(schema, value, path)
        elif wanted == "array":
            yield from self._array(schema, value, path)
        else:
            yield from self._scalar(schema, value, path)

    def _resolve(self, schema: Schema) -> Schema:
        """The schema with its reference followed; what stands beside the reference (sentence, example) wins."""
        reference = schema.get("$ref")
        if reference is None:
            return schema
        return {**self._definitions[reference.rpartition("/")[2]], **schema, "$ref": None}

    def _choice(self, schema: Schema, value: Any, path: OptionPath) -> Iterator[Fault]:
        """One of several mappings, told apart by one option."""
        name = schema["discriminator"]["propertyName"]
        kinds: Mapping[str, str] = schema["discriminator"]["mapping"]
        if not isinstance(value, Mapping):
            yield self._wrong_type({"examples": [{name: sorted(kinds)[0]}]}, "object", value, path)
        elif name not in value:
            yield Fault(path=path, at="name", message=f"`{name}` is missing", fix=f"add {_either(name, sorted(kinds))}")
        elif not isinstance(value[name], str) or value[name] not in kinds:
            listed = {"enum": sorted(kinds), "x-later-values": schema.get("x-later-values", ())}
            yield from self._enumerated(listed, value[name], (*path, name))
        else:
            yield from self.visit({"$ref": kinds[value[name]]}, value, path)

    def _object(self, schema: Schema, value: Mapping[str, Any], path: OptionPath) -> Iterator[Fault]:
        kind = schema.get("properties", {}).get("kind")
        if kind is not None and value.get("kind") in kind.get("x-later-values", ()):
            yield from self._enumerated(kind, value["kind"], (*path, "kind"))
            return
        if len(value) < schema.get("minProperties", 0):
            yield Fault(path=path, message="nothing is written here", fix=_write(path, schema))
        for name, inner in value.items():
            here = (*path, name)
            if name in schema.get("properties", {}):
                yield from self.visit(schema["properties"][name], inner, here)
            elif "patternProperties" in schema:
                yield from self._named(schema, name, inner, here)
            else:
                yield self._unknown(schema, name, here)
        yield from self._missing(schema, value, path)

    def _named(self, schema: Schema, name: str, inner: Any, path: OptionPath) -> Iterator[Fault]:
        """An entry of a mapping whose names people choose."""
        ((pattern, entry),) = schema["patternProperties"].items()
        misform = FORMS[schema["propertyNames"]["x-form"]](name)
        if misform is not None or not re.search(pattern, name):
            said = misform.message if misform else "this name cannot be used"
            yield Fault(path=path, at="name", message=f"`{name}`: {said}", fix=misform.fix if misform else "")
        yield from self.visit(entry, inner, path)

    def _missing(self, schema: Schema, value: Mapping[str, Any], path: OptionPath) -> Iterator[Fault]:
        for name in schema.get("required", ()):
            if name not in value:
                inner = self._resolve(schema["properties"][name])
                yield Fault(path=path, at="name", message=f"`{name}` is missing", fix=f"add `{_example(name, inner)}`")
        choices = [entry["required"][0] for entry in schema.get("oneOf", ())]
        present = [name for name in choices if name in value]
        if choices and len(present) != 1:
            listed = ", ".join(f"`{name}`" for name in choices[:-1]) + f" or `{choices[-1]}`"
            if present:
                yield Fault(
                    path=(*path, present[1]),
                    at="name",
                    message=f"only one of {listed} can be written",
                    fix=f"remove `{present[0]}` or `{present[1]}`",
                )
            else:
                example = _example(choices[0], self._resolve(schema["properties"][choices[0]]))
                yield Fault(path=path, at="name", message=f"{listed} is missing", fix=f"add `{example}`")

    def _unknown(self, schema: Schema, name: str, path: OptionPath) -> Fault:
        if name in schema.get("x-later", ()):
            return Fault(path=path, at="name", message=f"`{name}` {NOT_PERFORMED}", fix="remove it")
        if _SECRETIVE.search(name) and "credentials" in schema.get("properties", {}):
            return Fault(
                path=path,
                at="name",
                message=f"`{name}`: a secret never stands in a plan; the plan says where it is found",
                fix="write `credentials: {file: /etc/intendance/mariadb.cnf}` and put it there",
                secret=True,
            )
        secret = bool(_SECRETIVE.search(name))
        meant = closest(name, schema.get("properties", {}))
        if meant is not None:
            said = f"unknown option `{name}`; did you mean `{meant}`?"
            return Fault(path=path, at="name", message=said, fix=f"write `{meant}`", secret=secret)
        home = self._home(name)
        if home is not None:
            said = f"`{name}` is no option of this place; it belongs under `{home}`"
            return Fault(path=path, at="name", message=said, fix=f"move it under `{home}`", secret=secret)
        options = ", ".join(f"`{known}`" for known in schema.get("properties", {}))
        said = f"unknown option `{name}`"
        return Fault(
            path=path, at="name", message=said, fix=f"remove it; the options here are {options}", secret=secret
        )

    def _home(self, name: str) -> str | None:
        """The option under which `name` would be right, when there is just one such place."""
        homes = []
        for group in (self._root, *self._definitions.values()):
            for parent, inner in group.get("properties", {}).items():
                reference = inner.get("$ref", "").rpartition("/")[2]
                if name in self._definitions.get(reference, {}).get("properties", {}):
                    homes.append(parent)
        return homes[0] if len(set(homes)) == 1 else None

    def _array(self, schema: Schema, value: list[Any], path: OptionPath) -> Iterator[Fault]:
        if len(value) < schema.get("minItems", 0):
            yield Fault(path=path, message="this list is empty", fix=_write(path, schema))
        for index, item in enumerate(value):
            yield from self.visit(schema["items"], item, (*path, index))
            if isinstance(item, str) and item in value[:index]:
                yield Fault(path=(*path, index), message=f"`{item}` is listed twice", fix="remove one of them")

    def _scalar(self, schema: Schema, value: Any, path: OptionPath) -> Iterator[Fault]:
        if "enum" in schema or "const" in schema:
            yield from self._enumerated(schema, value, path)
            return
        if isinstance(value, int):
            low, high = schema.get("minimum", value), schema.get("maximum", value)
            if not low <= value <= high:
                yield Fault(path=path, message=f"{value} is not between {low} and {high}", fix=_write(path, schema))
            return
        form = FORMS.get(schema.get("x-form", ""))
        misform = form(value) if form else None
        if misform is not None:
            yield Fault(path=path, message=f"{_quoted(value)}: {misform.message}", fix=misform.fix)
        elif not _fits(schema, value):
            yield Fault(
                path=path, message=f"{_quoted(value)} does not have the form of this option", fix=_write(path, schema)
            )

    def _enumerated(self, schema: Schema, value: Any, path: OptionPath) -> Iterator[Fault]:
        allowed = schema.get("enum") or [schema["const"]]
        if value in allowed and type(value) is type(allowed[0]):
            return
        name = str(path[-1]) if isinstance(path[-1], str) else ""
        if value in schema.get("x-later-values", ()):
            yield Fault(
                path=path, message=f"`{value}` {NOT_PERFORMED}", fix=f"write {_either(name, allowed)}, or remove it"
            )
            return
        meant = closest(value, allowed) if isinstance(value, str) and isinstance(allowed[0], str) else None
        question = f"; did you mean `{meant}`?" if meant else ""
        said = f"{_quoted(value)} is none of the values of this option{question}"
        yield Fault(path=path, message=said, fix=f"write {_either(name, [meant] if meant else allowed)}")

    def _wrong_type(self, schema: Schema, wanted: str, value: Any, path: OptionPath) -> Fault:
        if schema.get("x-secret") and not isinstance(value, Mapping) and value is not None:
            return Fault(
                path=path,
                message="a secret never stands in a plan; the plan says where it is found",
                fix=_write(path, schema) + " and put the secret there",
                secret=True,
            )
        if value is None:
            return Fault(path=path, at="name", message="no value is written", fix=_write(path, schema))
        if wanted == "string" and _type_of(value) in ("integer", "number", "boolean"):
            said = f"without quotes this is read as {_named_type(value)}, and this option is a text"
            form = FORMS.get(schema.get("x-form", ""))
            misform = form(str(value)) if form else None
            fix = misform.fix if misform else f'put it in quotes: "{value}"'
            return Fault(path=path, message=said, fix=fix)
        if wanted == "array" and isinstance(value, str | int):
            return Fault(path=path, message="a list is needed here", fix=f"write `[{flow(value)}]`")
        said = f"{_TYPES.get(wanted, wanted)} is needed here, and this is {_named_type(value)}"
        return Fault(path=path, message=said, fix=_write(path, schema))


def _type_of(value: Any) -> str:
    for name, types in (("boolean", bool), ("integer", int), ("number", float), ("string", str), ("array", list)):
        if isinstance(value, types):
            return name
    return "object" if isinstance(value, Mapping) else "null"


def _named_type(value: Any) -> str:
    return {**_TYPES, "boolean": "yes or no", "number": "a number", "null": "nothing"}[_type_of(value)]


def _fits(schema: Schema, value: str) -> bool:
    return re.search(schema.get("pattern", ""), value) is not None and schema.get("minLength", 0) <= len(
        value
    ) <= schema.get("maxLength", len(value))


def _quoted(value: Any) -> str:
    """The value as written, short enough for a sentence."""
    text = value if isinstance(value, str) else flow(value)
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"


def _example(name: str, schema: Schema) -> str:
    examples = schema.get("examples")
    return f"{name}: {flow(examples[0])}" if examples else f"{name}: …"


def _write(path: OptionPath, schema: Schema) -> str:
    """What to write at `path`: the schema's own example."""
    name = path[-1] if path else ""
    examples = schema.get("examples")
    if not examples:
        return "begin with `version: 1`; `docs/plan.md` describes every option"
    return f"write `{name}: {flow(examples[0])}`" if isinstance(name, str) and name else f"write `{flow(examples[0])}`"


def _either(name: str, allowed: list[Any]) -> str:
    prefix = f"{name}: " if name else ""
    return " or ".join(f"`{prefix}{flow(value)}`" for value in allowed)
