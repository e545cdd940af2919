"""What to write instead: values as YAML on one line, and an option's own example. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from intendance.plan.problems import OptionPath
from intendance.plan.saying import Names, Said, say

_PLAIN = re.compile(r"[A-Za-z/…][A-Za-z0-9_/.@…-]*( [A-Za-z0-9_/.@…-]+)*")
_WORDS = ("true", "false", "null", "yes", "no")


def flow(value: Any) -> str:
    """A value as YAML on one line, in the quotes that it needs."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def example(name: str, schema: Mapping[str, Any]) -> str:
    """An option with its example."""
    examples = schema.get("examples")
    return f"{name}: {flow(examples[0])}" if examples else f"{name}: …"


def write(path: OptionPath, schema: Mapping[str, Any]) -> Said:
    """What to write at `path`: the schema's own example."""
    name = path[-1] if path else ""
    examples = schema.get("examples")
    if not examples:
        return say("begin with `version: 1`; `docs/plan.md` describes every option")
    shown = f"{name}: {flow(examples[0])}" if isinstance(name, str) and name else flow(examples[0])
    return say("write `{example}`", example=shown)


def either(name: str, allowed: Iterable[Any]) -> Names:
    """The values that an option takes, each with its name."""
    prefix = f"{name}: " if name else ""
    return Names(tuple(f"`{prefix}{flow(value)}`" for value in allowed), "or")
