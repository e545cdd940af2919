"""Whether a plan's data has the shape that `schema.json` describes: all faults at once, in people's words. Pure.

It enforces the parts of JSON Schema that the generated schema uses, and reads its `x-` words: `x-form` (a function of
`forms/`), `x-later` and `x-later-values` (refused by this version), `x-secret` (a bare text here is a secret).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from intendance.plan.forms import FORMS, closest
from intendance.plan.problems import Fault, OptionPath
from intendance.plan.saying import Said, quoted, say
from intendance.plan.writing import either, example, flow, write

Schema = Mapping[str, Any]

_SECRETIVE = re.compile(r"(?i)pass|pwd|secret|token|api_?key|private")
_NAMED_AS = {"boolean": bool, "integer": int, "number": float, "string": str, "array": list}


def faults(schema: Schema, data: Any) -> list[Fault]:
    """Everything in which `data` departs from the schema, in the order of the file."""
    return list(_Walk(schema).visit(schema, data, ()))


def faults_of(schema: Schema, option: str, value: Any) -> list[Fault]:
    """Everything in which the value of one of the plan's first options departs from the schema."""
    return list(_Walk(schema).visit(schema["properties"][option], value, (option,)))


def resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The schema with its reference followed; what stands beside the reference (sentence, example) wins."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return {**definitions[reference.rpartition("/")[2]], **schema, "$ref": None}


def alternative(schema: Schema, value: Any, definitions: Mapping[str, Schema]) -> Schema:
    """Of the forms that an option may take (`anyOf`), the one that `value` has the type of, else the first.

    A choice of mappings told apart by one option gives the mapping that this option names.
    """
    if "anyOf" in schema:
        forms = [resolved(each, definitions) for each in schema["anyOf"]]
        chosen = next((each for each in forms if each.get("type", "string") == type_of(value)), forms[0])
        return {**chosen, "examples": schema.get("examples", chosen.get("examples"))}
    return schema


class _Walk:
    def __init__(self, root: Schema) -> None:
        self._definitions: Mapping[str, Schema] = root.get("$defs", {})
        self._root = root

    def visit(self, schema: Schema, value: Any, path: OptionPath) -> Iterator[Fault]:
        schema = alternative(resolved(schema, self._definitions), value, self._definitions)
        if "discriminator" in schema:
            yield from self._choice(schema, value, path)
            return
        wanted = schema.get("type", "string")
        if type_of(value) != wanted:
            yield self._wrong_type(schema, wanted, value, path)
        elif wanted == "object":
            yield from self._object(schema, value, path)
        elif wanted == "array":
            yield from self._array(schema, value, path)
        else:
            yield from self._scalar(schema, value, path)

    def _choice(self, schema: Schema, value: Any, path: OptionPath) -> Iterator[Fault]:
        """One of several mappings, told apart by one option."""
        name = schema["discriminator"]["propertyName"]
        kinds: Mapping[str, str] = schema["discriminator"]["mapping"]
        if not isinstance(value, Mapping):
            yield self._wrong_type({"examples": [{name: sorted(kinds)[0]}]}, "object", value, path)
        elif name not in value:
            fix = say("add {choices}", choices=either(name, sorted(kinds)))
            yield _missing_option(path, name, fix)
        elif not isinstance(value[name], str) or value[name] not in kinds:
            listed = {"enum": sorted(kinds), "x-later-values": schema.get("x-later-values", ())}
            yield from self._enumerated(listed, value[name], (*path, name))
        else:
            yield from self.visit({"$ref": kinds[value[name]]}, value, path)

    def _object(self, schema: Schema, value: Mapping[str, Any], path: OptionPath) -> Iterator[Fault]:
        if len(value) < schema.get("minProperties", 0):
            yield Fault(path=path, code="nothing", message=say("nothing is written here"), fix=write(path, schema))
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
            what = misform.message if misform else say("this name cannot be used")
            said = say("{value}: {what}", value=f"`{name}`", what=what)
            fix = misform.fix if misform else say("write another name")
            yield Fault(path=path, at="name", code=misform.code if misform else "name", message=said, fix=fix)
        yield from self.visit(entry, inner, path)

    def _missing(self, schema: Schema, value: Mapping[str, Any], path: OptionPath) -> Iterator[Fault]:
        for name in schema.get("required", ()):
            if name not in value:
                inner = resolved(schema["properties"][name], self._definitions)
                yield _missing_option(path, name, say("add `{example}`", example=example(name, inner)))
        choices = [entry["required"][0] for entry in schema.get("oneOf", ())]
        present = [name for name in choices if name in value]
        if not choices or len(present) == 1:
            return
        listed = quoted(choices)
        if present:
            fix = say("remove {choices}", choices=quoted(present[:2]))
            said = say("only one of {choices} can be written", choices=listed)
            yield Fault(path=(*path, present[1]), at="name", code="only-one", message=said, fix=fix)
        else:
            inner = resolved(schema["properties"][choices[0]], self._definitions)
            fix = say("add `{example}`", example=example(choices[0], inner))
            said = say("{choices} is missing", choices=listed)
            yield Fault(path=path, at="name", code="missing", message=said, fix=fix)

    def _unknown(self, schema: Schema, name: str, path: OptionPath) -> Fault:
        secret = bool(_SECRETIVE.search(name))

        def fault(code: str, said: Said, fix: Said) -> Fault:
            return Fault(path=path, at="name", code=code, message=said, fix=fix, secret=secret)

        if name in schema.get("x-later", ()):
            return fault("later", say("`{value}` is not performed by this version yet", value=name), say("remove it"))
        if secret and "credentials" in schema.get("properties", {}):
            said = say("`{name}`: a secret never stands in a plan; the plan says where it is found", name=name)
            inner = resolved(schema["properties"]["credentials"], self._definitions)
            fix = say("write `{example}` and put it there", example=example("credentials", inner))
            return fault("secret", said, fix)
        meant = closest(name, schema.get("properties", {}))
        if meant is not None:
            said = say("unknown option `{name}`; did you mean `{meant}`?", name=name, meant=meant)
            return fault("unknown-option", said, say("write `{example}`", example=meant))
        home = self._home(name)
        if home is not None:
            said = say("`{name}` is no option of this place; it belongs under `{home}`", name=name, home=home)
            return fault("misplaced-option", said, say("move it under `{home}`", home=home))
        options = ", ".join(f"`{known}`" for known in schema.get("properties", {}))
        fix = say("remove it; the options here are {options}", options=options)
        return fault("unknown-option", say("unknown option `{name}`", name=name), fix)

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
            if not value:
                said = say("this list is empty")
            else:
                said = say("this list is too short: {least} at least", least=schema["minItems"])
            yield Fault(path=path, code="short-list", message=said, fix=write(path, schema))
        for index, item in enumerate(value):
            yield from self.visit(schema["items"], item, (*path, index))
            if isinstance(item, str) and item in value[:index] and not schema.get("x-words"):
                said = say("`{value}` is listed twice", value=item)
                yield Fault(path=(*path, index), code="listed-twice", message=said, fix=say("remove one of them"))

    def _scalar(self, schema: Schema, value: Any, path: OptionPath) -> Iterator[Fault]:
        if "enum" in schema or "const" in schema:
            yield from self._enumerated(schema, value, path)
        elif isinstance(value, int):
            yield from _range(schema, value, path)
        elif isinstance(value, str):
            form = FORMS.get(schema.get("x-form", ""))
            misform = form(value) if form else None
            if misform is not None:
                said = say("{value}: {what}", value=_quoted(value), what=misform.message)
                yield Fault(path=path, code=misform.code, message=said, fix=misform.fix)
            elif not _fits(schema, value):
                said = say("{value} does not have the form of this option", value=_quoted(value))
                yield Fault(path=path, code="form", message=said, fix=write(path, schema))

    def _enumerated(self, schema: Schema, value: Any, path: OptionPath) -> Iterator[Fault]:
        allowed = schema.get("enum") or [schema["const"]]
        if value in allowed and type(value) is type(allowed[0]):
            return
        name = str(path[-1]) if isinstance(path[-1], str) else ""
        if value in schema.get("x-later-values", ()):
            fix = say("write {choices}, or remove it", choices=either(name, allowed))
            said = say("`{value}` is not performed by this version yet", value=str(value))
            yield Fault(path=path, code="later", message=said, fix=fix)
            return
        meant = closest(value, allowed) if isinstance(value, str) and isinstance(allowed[0], str) else None
        if meant:
            said = say(
                "{value} is none of the values of this option; did you mean `{meant}`?",
                value=_quoted(value),
                meant=meant,
            )
        else:
            said = say("{value} is none of the values of this option", value=_quoted(value))
        fix = say("write {choices}", choices=either(name, [meant] if meant else allowed))
        yield Fault(path=path, code="value", message=said, fix=fix)

    def _wrong_type(self, schema: Schema, wanted: str, value: Any, path: OptionPath) -> Fault:
        if schema.get("x-secret") and not isinstance(value, Mapping) and value is not None:
            said = say("a secret never stands in a plan; the plan says where it is found")
            fix = say("{write} and put the secret there", write=write(path, schema))
            return Fault(path=path, code="secret", message=said, fix=fix, secret=True)
        if value is None:
            return Fault(
                path=path, at="name", code="no-value", message=say("no value is written"), fix=write(path, schema)
            )
        if wanted == "string" and type_of(value) in ("integer", "number", "boolean"):
            said = say("without quotes this is read as {found}, and this option is a text", found=_type_words(value))
            form = FORMS.get(schema.get("x-form", ""))
            misform = form(str(value)) if form else None
            fix = misform.fix if misform else say('put it in quotes: "{value}"', value=str(value))
            return Fault(path=path, code="not-a-text", message=said, fix=fix)
        if wanted == "array" and isinstance(value, str | int):
            fix = say("write `{example}`", example=f"[{flow(value)}]")
            return Fault(path=path, code="not-a-list", message=say("a list is needed here"), fix=fix)
        said = say("{wanted} is needed here, and this is {found}", wanted=_words(wanted), found=_type_words(value))
        return Fault(path=path, code="type", message=said, fix=write(path, schema))


def _missing_option(path: OptionPath, name: str, fix: Said) -> Fault:
    return Fault(path=path, at="name", code="missing", message=say("`{name}` is missing", name=name), fix=fix)


def _range(schema: Schema, value: int, path: OptionPath) -> Iterator[Fault]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and value < low and high is None:
        said = say("{value} is less than {low}", value=str(value), low=str(low))
    elif (low is not None and value < low) or (high is not None and value > high):
        said = say("{value} is not between {low} and {high}", value=str(value), low=str(low), high=str(high))
    else:
        return
    yield Fault(path=path, code="range", message=said, fix=write(path, schema))


def type_of(value: Any) -> str:
    """The value's type in the words of JSON Schema."""
    for name, kind in _NAMED_AS.items():
        if isinstance(value, kind):
            return name
    return "object" if isinstance(value, Mapping) else "null"


def _type_words(value: Any) -> Said:
    return _words(type_of(value))


def _words(kind: str) -> Said:
    match kind:
        case "object":
            return say("a mapping of options")
        case "array":
            return say("a list")
        case "string":
            return say("a text")
        case "integer":
            return say("a whole number")
        case "boolean":
            return say("yes or no")
        case "number":
            return say("a number")
        case _:
            return say("nothing")


def _fits(schema: Schema, value: str) -> bool:
    return re.search(schema.get("pattern", ""), value) is not None and schema.get("minLength", 0) <= len(
        value
    ) <= schema.get("maxLength", len(value))


def _quoted(value: Any) -> str:
    """The value as written, short enough for a sentence."""
    text = value if isinstance(value, str) else flow(value)
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"
