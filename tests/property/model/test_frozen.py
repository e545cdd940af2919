"""Our `dataclass` makes of a class what the standard one makes of it."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.model import frozen
from intendance.model.verdict import Citation, Fact

NAMES = st.sampled_from(["a", "b", "set", "self_", "x1", "name", "at"])
VALUES = st.one_of(st.integers(-3, 3), st.text(max_size=2), st.none(), st.tuples(st.integers(0, 1)))
ABSENT = object()

Shape = list[tuple[str, Any]]


@st.composite
def shapes(draw: st.DrawFn, *, kw_only: bool) -> Shape:
    """Names with a default, a factory of one, or none; positional ones without a default come first."""
    names = draw(st.lists(NAMES, unique=True, max_size=6))
    shape = [(name, draw(st.one_of(st.just(ABSENT), VALUES, st.just(dict)))) for name in names]
    return shape if kw_only else sorted(shape, key=lambda each: each[1] is not ABSENT)


def made(
    decorate: Callable[..., Any], shape: Shape, *, kw_only: bool, base: type = object, frozen: bool = True
) -> type:
    body: dict[str, Any] = {"__annotations__": {name: "Any" for name, _ in shape}, "__doc__": "A class."}
    body |= {"__module__": __name__, "__qualname__": "Made"}
    for name, default in shape:
        if default is dict:
            body[name] = dataclasses.field(default_factory=dict)
        elif default is not ABSENT:
            body[name] = default
    decorated: type = decorate(frozen=frozen, slots=True, kw_only=kw_only)(type("Made", (base,), body))
    return decorated


def outcome(work: Callable[[], Any]) -> tuple[str, str]:
    try:
        return "done", repr(work())
    except Exception as error:  # noqa: BLE001 -- what is raised is the answer
        return type(error).__name__, str(error)


@given(st.data(), st.booleans())
def test_as_the_standard_one(data: st.DataObject, kw_only: bool) -> None:
    shape = data.draw(shapes(kw_only=kw_only))
    ours, theirs = (made(each, shape, kw_only=kw_only) for each in (frozen.dataclass, dataclasses.dataclass))
    given_ = data.draw(st.dictionaries(NAMES, VALUES, max_size=7))
    built = [outcome(partial(each, **given_)) for each in (ours, theirs)]
    assert built[0] == built[1]
    positional = data.draw(st.lists(VALUES, max_size=7))
    assert outcome(lambda: ours(*positional)) == outcome(lambda: theirs(*positional))
    assert inspect.signature(ours).parameters.keys() == inspect.signature(theirs).parameters.keys()
    if built[0][0] == "done":
        _compare(ours(**given_), theirs(**given_), data)


@given(st.data(), st.booleans())
def test_one_that_may_be_changed_as_the_standard_one(data: st.DataObject, kw_only: bool) -> None:
    shape = data.draw(shapes(kw_only=kw_only))
    kinds = [made(each, shape, kw_only=kw_only, frozen=False) for each in (frozen.dataclass, dataclasses.dataclass)]
    given_ = data.draw(st.dictionaries(NAMES, VALUES, max_size=7))
    built = [outcome(partial(each, **given_)) for each in kinds]
    assert built[0] == built[1]
    if built[0][0] != "done":
        return
    mine, other = (each(**given_) for each in kinds)
    assert outcome(lambda: hash(mine)) == outcome(lambda: hash(other)) == ("TypeError", "unhashable type: 'Made'")
    changed = data.draw(VALUES)
    for name, _ in shape:
        for each in (mine, other):
            setattr(each, name, changed)
    assert repr(mine) == repr(other)
    assert copy.deepcopy(mine) == mine
    assert mine != other
    assert outcome(lambda: setattr(mine, "more", 1))[0] == outcome(lambda: setattr(other, "more", 1))[0]


def _compare(mine: Any, other: Any, data: st.DataObject) -> None:
    assert [each.name for each in dataclasses.fields(mine)] == [each.name for each in dataclasses.fields(other)]
    assert dataclasses.asdict(mine) == dataclasses.asdict(other)
    assert outcome(lambda: hash(mine)) == outcome(lambda: hash(other))
    assert mine == dataclasses.replace(mine)
    assert (mine == other) is False
    assert copy.deepcopy(mine) == mine
    assert msgspec.json.encode(mine) == msgspec.json.encode(other)
    for field in dataclasses.fields(mine):
        changed = data.draw(VALUES)
        same = [dataclasses.replace(each, **{field.name: changed}) == each for each in (mine, other)]
        assert same[0] == same[1]
        name = field.name
        for work in (partial(setattr, mine, name, 1), partial(delattr, mine, name)):
            with pytest.raises(dataclasses.FrozenInstanceError, match=f"field '{name}'"):
                work()
    with pytest.raises(AttributeError):
        mine.other = 1


@given(st.data())
def test_a_class_that_adds_to_another(data: st.DataObject) -> None:
    first, more = data.draw(shapes(kw_only=True)), data.draw(shapes(kw_only=True))
    taken = {name for name, _ in first}
    more = [each for each in more if each[0] not in taken]
    kinds = [
        made(each, more, kw_only=True, base=made(each, first, kw_only=True))
        for each in (frozen.dataclass, dataclasses.dataclass)
    ]
    given_ = data.draw(st.dictionaries(NAMES, VALUES, max_size=7))
    built = [outcome(partial(each, **given_)) for each in kinds]
    assert built[0] == built[1]


def test_decoding_reads_it_and_pickle_keeps_it() -> None:
    citation = msgspec.convert({"node": "web-01", "seq": 3}, Citation)
    assert citation == Citation(node="web-01", seq=3)
    assert pickle.loads(pickle.dumps(citation)) == citation
    assert len({citation, Citation(node="web-01", seq=3)}) == 1


@pytest.mark.parametrize(
    ("own", "fields"),
    [
        ({"__eq__": lambda self, other: True}, {}),
        ({"__init__": lambda self: None}, {}),
        ({}, {"a": dataclasses.field(default=1, compare=False)}),
        ({}, {"a": dataclasses.field(default=1, init=False)}),
    ],
)
def test_what_it_would_do_otherwise_is_refused(own: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    plain = type("Plain", (), {**own, **fields, "__annotations__": dict.fromkeys(fields, "int")})
    with pytest.raises(TypeError, match="take the standard dataclass"):
        frozen.dataclass(frozen=True, slots=True)(plain)


def test_others_are_the_standard_ones() -> None:
    plain: Any = frozen.dataclass()(type("Plain", (), {"__annotations__": {"a": int}}))
    thing = plain(1)
    thing.a = thing.b = 2
    assert thing == plain(2)
    assert inspect.isfunction(plain.__dict__["__init__"])


def test_nothing_is_compiled_before_it_is_needed() -> None:
    made_late = made(frozen.dataclass, [("a", ABSENT)], kw_only=True)
    assert not inspect.isfunction(made_late.__dict__["__init__"])
    made_late(a=1)
    assert inspect.isfunction(made_late.__dict__["__init__"])


def test_a_generic_class_too() -> None:
    names = [each.name for each in dataclasses.fields(Fact)]
    values: dict[str, Any] = {name: SimpleNamespace(name=name) for name in names}
    sample: Any = Fact(**values)
    assert all(getattr(sample, name).name == name for name in names)
    assert sys.modules[Fact.__module__].Fact is Fact
