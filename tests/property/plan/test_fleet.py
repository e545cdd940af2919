"""Entries of nodes laid over a common part: nothing is lost, every option knows its place, checking never breaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from intendance.plan import fleet, source
from intendance.plan.load import check
from intendance.plan.problems import OptionPath
from tests.property.plan.test_reading import NOW, SCHEMA, plans
from tests.property.plan.test_whole import SLOW, WHOLE

_WHOLE = {name: value for name, value in yaml.safe_load(WHOLE).items() if name not in ("version", "fleet", "node")}
_MORE: dict[str, Any] = {
    "catalogues": ["maint", "asbl"],
    "stores": {"local": {"path": "/mnt/b"}, "more": {"kind": "directory", "path": "/m"}},
    "assets": {"crud-db": {"databases": ["b"], "connect": {"host": "db"}, "backup": {"stores": ["more"]}}},
    "keys": {"backup_recipients": [{"name": "third"}]}, "thresholds": {"cpu": "60%", "disk": {"above": "70%"}},
    "node": {"site": "namur", "id": "other"}, "fleet": "other", "version": 2, "nodes": {"x": {}},
}  # fmt: skip
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(0, 9), st.sampled_from(["a", "90d", "/x", "mariadb", "files"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "kind", "file", "env", "host", "socket", "assets"]), inner, max_size=3),
    ),
    max_leaves=8,
)


@st.composite
def parts(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """Some of a plan's options, at any depth, some with another value."""
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(sorted(whole)), unique=True, max_size=5)):
        value = whole[name]
        if isinstance(value, dict) and value and draw(st.booleans()):
            value = draw(parts(value))
        elif isinstance(value, list) and draw(st.booleans()):
            value = value[: draw(st.integers(0, len(value)))]
        elif draw(st.integers(0, 9)) == 0:
            value = draw(anything)
        found[name] = value
    return found


entries = st.one_of(parts(_MORE), parts(_WHOLE))


def laid(common: Any, entry: Any) -> fleet.NodePlan:
    (node,) = fleet.nodes(SCHEMA, {**common, "nodes": {"n": entry}})
    return node


def kept(common: Any, node: Any, entry: Any) -> bool:
    """Whether all that the common part names is named still, where the entry writes nothing of another type there.

    Of options that exclude each other, the entry may choose another.
    """
    if isinstance(common, dict) and isinstance(node, dict):
        over = entry if isinstance(entry, dict) else {}
        chosen = bool({"file", "env", "command", "host", "socket"} & over.keys())
        return all(chosen or (name in node and kept(common[name], node[name], over.get(name))) for name in common)
    if isinstance(common, list) and isinstance(node, list):
        return all(item in node for item in common)
    return True


@SLOW
@given(plans(), entries)
def test_what_the_file_names_for_all_every_node_has(common: dict[str, Any], entry: dict[str, Any]) -> None:
    common.pop("node", None)
    before = json.dumps([common, entry])
    node = laid(common, entry)
    assert json.dumps([common, entry]) == before
    assert kept(common, node.data, entry)
    assert {name: node.data[name] for name in ("version", "fleet")} == {
        name: common[name] for name in ("version", "fleet")
    }
    assert "nodes" not in node.data
    if isinstance(node.data["node"], dict):
        assert node.data["node"]["id"] == "n"


@SLOW
@given(plans(), entries)
def test_an_entry_laid_twice_is_an_entry_laid_once(common: dict[str, Any], entry: dict[str, Any]) -> None:
    once = laid(common, entry).data
    again = laid({name: value for name, value in once.items() if name != "node"}, entry).data
    assert {**again, "node": None} == {**once, "node": None}


@SLOW
@given(plans())
def test_an_entry_that_writes_nothing_changes_nothing(common: dict[str, Any]) -> None:
    node = common.pop("node")
    common["node"] = {name: value for name, value in node.items() if name != "id"}
    assert laid(common, {}).data == {**common, "node": {**common["node"], "id": "n"}}


def leaves(value: Any, path: OptionPath = ()) -> list[OptionPath]:
    if isinstance(value, dict):
        return [path, *(each for name, inner in value.items() for each in leaves(inner, (*path, name)))]
    if isinstance(value, list):
        return [path, *(each for number, inner in enumerate(value) for each in leaves(inner, (*path, number)))]
    return [path]


@SLOW
@given(plans(), entries)
def test_every_option_of_a_node_stands_somewhere_in_the_file(common: dict[str, Any], entry: dict[str, Any]) -> None:
    common.pop("node", None)
    text = yaml.safe_dump({**common, "nodes": {"n": entry}}, sort_keys=False, allow_unicode=True)
    located, _ = source.read(text)
    (node,) = fleet.nodes(SCHEMA, located.data)
    for path in leaves(node.data):
        if path not in ((), ("node",), ("node", "id")):
            assert node.origin(path) in located.places, path
            at: Any = located.data
            for step in node.origin(path):
                at = at[step]
            here: Any = node.data
            for step in path:
                here = here[step]
            assert type(at) is type(here)
            assert isinstance(at, dict | list) or at == here


@SLOW
@given(plans(), st.dictionaries(st.sampled_from(["web-01", "db-01", "Bad Name"]), st.one_of(entries, anything)))
def test_checking_never_breaks(common: dict[str, Any], nodes: dict[str, Any]) -> None:
    text = yaml.safe_dump({**common, "nodes": nodes}, sort_keys=False, allow_unicode=True)
    checked = check(text.encode(), file="plan", folder=Path("/nonexistent"), now=NOW)
    assert checked.problems
    assert all(each.line > 0 and each.column > 0 for each in checked.problems)
