"""How an option is declared: its sentence, unit and example, and the words of ours that the JSON Schema carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class Form:
    """Names the function of `plan/forms.py` that checks a text beyond its pattern."""

    name: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(core) | {"x-form": self.name}


@dataclass(frozen=True, slots=True)
class Later:
    """Values of an option that a later version performs."""

    values: tuple[str, ...]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(core) | {"x-later-values": list(self.values)}


def option(sentence: str, *, example: Any, unit: str | None = None, default: Any = ...) -> Any:
    """An option: what it means, an example, its unit, and its default (none: it must be written)."""
    return Field(
        default, description=sentence, examples=[example], json_schema_extra={"x-unit": unit} if unit else None
    )


def optional(sentence: str, *, example: Any, unit: str | None = None) -> Any:
    """An option that may be left out."""
    return option(sentence, example=example, unit=unit, default=None)


class Group(BaseModel):
    """A mapping of options. `LATER`: options of the design that this version refuses because it does not perform them.

    `EXACTLY_ONE`: sets of options of which one and only one is written. `SECRET`: a bare text written in its place is
    a secret.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    LATER: ClassVar[tuple[str, ...]] = ()
    EXACTLY_ONE: ClassVar[tuple[str, ...]] = ()
    SECRET: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _exactly_one(cls, value: Any) -> Any:
        if cls.EXACTLY_ONE and isinstance(value, Mapping) and sum(name in value for name in cls.EXACTLY_ONE) != 1:
            raise ValueError(f"exactly one of {', '.join(cls.EXACTLY_ONE)}")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        generated = handler(core)
        own = handler.resolve_ref_schema(generated)
        own["description"] = " ".join((cls.__doc__ or "").split())
        if cls.LATER:
            own["x-later"] = list(cls.LATER)
        if cls.SECRET:
            own["x-secret"] = True
        if cls.EXACTLY_ONE:
            own["oneOf"] = [{"required": [name]} for name in cls.EXACTLY_ONE]
        return generated
