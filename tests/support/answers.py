"""The published forms of the answers for machines, to hold real answers against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parents[2] / "docs/answers"


def schemas() -> dict[str, Any]:
    found = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}
    return {schema["$id"].removeprefix("intendance."): schema for schema in found.values()}


def closed(schema: Any) -> Any:
    """The schema without the leave to add fields: what an answer holds and its schema does not name is found."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(each) for name, each in schema.items()}
    return inner | {"additionalProperties": False} if "properties" in inner else inner
