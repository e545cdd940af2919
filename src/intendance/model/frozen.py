"""`dataclass` for types with slots, frozen or not, as the standard library has it, but quick to define.

The standard decorator compiles six methods for each class while its module is imported, about 1 ms a class on the
machines that Intendance runs on; a command imports a hundred of these classes and makes instances of a third of them.
Here the fields are the standard library's, `__init__` is compiled when the first instance is made, and the other
methods are shared (decision 12; `tests/property/model/test_frozen.py` compares both).
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

_OWN_METHODS = ("__init__", "__eq__", "__hash__", "__setattr__", "__delattr__")


def _late(*, frozen: bool = False, slots: bool = False, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """What the standard decorator does; late for classes with slots, which are nearly all.

    Raises TypeError for such a class with an own method in place of those made, or a field with options that matter
    to them.
    """
    if not slots:
        return dataclasses.dataclass(frozen=frozen, slots=slots, kw_only=kw_only)

    def decorated(plain: type[T]) -> type[T]:
        written = [name for name in _OWN_METHODS if name in plain.__dict__]
        if written:
            raise TypeError(f"{plain.__qualname__} writes {written[0]} itself: take the standard dataclass")
        if plain.__doc__ is None:
            plain.__doc__ = plain.__name__  # the standard decorator would write the signature: 0.7 ms
        made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(plain)
        fields = dataclasses.fields(made)  # type: ignore[arg-type]  # the decorator was called as a plain function
        if not all(each.init and each.repr and each.compare and each.hash is None for each in fields):
            raise TypeError(f"{plain.__qualname__} has a field with options: take the standard dataclass")
        _equip(made, tuple(each.name for each in fields), frozen=frozen)
        return made

    return decorated


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 -- so that others may import it from here
else:
    dataclass = _late


class _LateInit:
    """Stands in for `__init__` until somebody looks at it."""

    __slots__ = ("_owner",)

    def __init__(self, owner: type) -> None:
        self._owner = owner

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        method = _initializer(self._owner)
        self._owner.__init__ = method  # type: ignore[misc]  # that is the point
        return method.__get__(instance, owner)


def _equip(made: type, names: tuple[str, ...], *, frozen: bool) -> None:
    """Give a class the methods of a dataclass; one that is not frozen has no hash and may be changed."""
    values = _reader(names)

    def __eq__(self: object, other: object) -> bool:  # noqa: N807 -- becomes the method
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:  # noqa: N807 -- becomes the method
        return hash(values(self))

    methods: dict[str, Any] = {
        "__init__": _LateInit(made),
        "__eq__": __eq__,
        "__hash__": __hash__ if frozen else None,
    }
    if frozen:
        methods |= {"__setattr__": _refuse_assignment, "__delattr__": _refuse_deletion}
    optional: dict[str, Any] = {"__repr__": _written}
    if frozen:
        optional |= {"__getstate__": _state, "__setstate__": _restore}
    methods |= {name: method for name, method in optional.items() if name not in made.__dict__}
    for name, method in methods.items():
        setattr(made, name, method)


def _reader(names: tuple[str, ...]) -> Callable[[object], tuple[Any, ...]]:
    """All values of an instance, in order."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _initializer(owner: type) -> Callable[..., None]:
    """The `__init__` that the standard library would write."""
    fields = sorted(dataclasses.fields(owner), key=lambda each: bool(each.kw_only))
    given: dict[str, Any] = {"_set": object.__setattr__, "_absent": dataclasses.MISSING}
    parameters, body = ["self"], []
    for field in fields:
        name, value = field.name, field.name
        if field.kw_only and "*" not in parameters:
            parameters.append("*")
        if field.default_factory is not dataclasses.MISSING:
            given[f"_make_{name}"] = field.default_factory
            value = f"_make_{name}() if {name} is _absent else {name}"
            parameters.append(f"{name}=_absent")
        elif field.default is not dataclasses.MISSING:
            given[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        body.append(f"  _set(self, {name!r}, {value})")
    if hasattr(owner, "__post_init__"):
        body.append("  self.__post_init__()")
    lines = [f"def _write({', '.join(given)}):", f" def __init__({', '.join(parameters)}):", *(body or ["  pass"])]
    space: dict[str, Any] = {}
    module = sys.modules.get(owner.__module__)
    exec("\n".join([*lines, " return __init__"]), {} if module is None else module.__dict__, space)  # noqa: S102 -- names of fields only
    method: Callable[..., None] = space["_write"](**given)
    method.__qualname__ = f"{owner.__qualname__}.__init__"
    method.__annotations__ = {field.name: field.type for field in fields} | {"return": None}
    return method


def _written(self: Any) -> str:
    shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self))
    return f"{self.__class__.__qualname__}({shown})"


def _refuse_assignment(_: object, name: str, __: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(_: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
