"""How an option is declared: its sentence, unit and example, and the words of ours that the JSON Schema carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from intendance.model.frozen import dataclass


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


@dataclass(frozen=True, slots=True)
class Refers:
    """Names the sections of the plan under one of which the text must stand."""

    sections: tuple[str, ...]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(core) | {"x-refers": list(self.sections)}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a command line, of which two may be the same; any other list names each thing once."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(core) | {"x-words": True}


def option(
    sentence: str, *, example: Any, unit: str | None = None, default: Any = ..., performed: bool = True, **more: Any
) -> Any:
    """An option: what it means, an example, its unit, and its default (none: it must be written).

    Not `performed`: it is checked and kept in the adopted plan, and people are told that this version does nothing
    with it yet.
    """
    extra: dict[str, Any] = ({"x-unit": unit} if unit else {}) | ({} if performed else {"x-declared": True})
    return Field(default, description=sentence, examples=[example], json_schema_extra=extra or None, **more)


def optional(sentence: str, *, example: Any, unit: str | None = None, performed: bool = True) -> Any:
    """An option that may be left out."""
    return option(sentence, example=example, unit=unit, default=None, performed=performed)


class Group(BaseModel):
    """A mapping of options. `LATER`: options of the design that this version refuses because it does not perform them.

    `EXACTLY_ONE`: options of which one and only one is written. `SECRET`: a bare text written in its place is a
    secret. Not `PERFORMED`: the whole mapping is kept as declared.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    PERFORMED: ClassVar[bool] = True
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
        if not cls.PERFORMED:
            own["x-declared"] = True
        if cls.SECRET:
            own["x-secret"] = True
        if cls.EXACTLY_ONE:
            own["oneOf"] = [{"required": [name]} for name in cls.EXACTLY_ONE]
        return generated
