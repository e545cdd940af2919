"""The JSON Schema of a plan file, from the declaration."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from intendance.plan.schema.root import Plan


class _Generator(GenerateJsonSchema):
    """JSON Schema without titles and without null: an option is written with a value, or left out."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return (
            self.generate_inner(schema["schema"]) if schema.get("default") is None else super().default_schema(schema)
        )

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return super().dict_schema(schema) | {"additionalProperties": False}

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002 -- its signature
        return value  # the order of declaration is the order of reading

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 -- its signature
        return False


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan file, for editors and for `plan check`."""
    generated = Plan.model_json_schema(schema_generator=_Generator)
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "intendance.yaml", **_without_titles(generated)}


def _without_titles(value: Any) -> Any:
    """Class names are ours, not the reader's; options named `title` would be mappings and stay."""
    if isinstance(value, dict):
        return {
            name: _without_titles(inner)
            for name, inner in value.items()
            if not (name == "title" and isinstance(inner, str))
        }
    if isinstance(value, list):
        return [_without_titles(inner) for inner in value]
    return value
