"""Thresholds of a plan: compiled, and told when they change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from intendance.model.plan import Plan, Threshold
from intendance.plan import adopted
from intendance.plan.compiled import compile_plan
from tests.unit.plan.test_diff import PLAN, between

WRITTEN = {
    "disk": "79.5%",
    "memory": {"above": "60%", "for": "90s"},
    "cpu": "70%",
    "connections": 80,
    "slow_query": "2500ms",
    "page": "2s",
}
DATA = {
    "version": 1, "fleet": "asbl", "organisation": {"name": "x", "timezone": "Europe/Brussels", "language": "fr"},
    "catalogues": ["asbl"], "node": {"id": "web-01"}, "stores": {}, "assets": {}, "contacts": {},
}  # fmt: skip


def test_each_is_compiled_in_the_unit_of_its_figure() -> None:
    compiled = compile_plan(DATA | {"thresholds": WRITTEN}, (), Path("/"), {"thresholds.page": "2s"})
    assert compiled.thresholds == {
        "disk": Threshold(above=795),
        "memory": Threshold(above=600, for_seconds=90),
        "cpu": Threshold(above=700),
        "connections": Threshold(above=80),
        "slow_query": Threshold(above=2500),
    }
    assert adopted.decode(adopted.encode(compiled)) == compiled
    assert compile_plan(DATA, (), Path("/")).thresholds == {}


def codes(former: Plan, new: Plan) -> list[tuple[str, bool]]:
    return [(each.code, each.severe) for each in between(former, new)]


def test_what_is_added_changed_and_dropped_is_told() -> None:
    some = replace(PLAN, thresholds={"disk": Threshold(above=800)})
    other = replace(PLAN, thresholds={"disk": Threshold(above=700)})
    assert codes(PLAN, some) == [("threshold-added", False)]
    assert codes(some, other) == [("threshold-changed", False)]
    assert codes(some, PLAN) == [("threshold-dropped", True)]
    assert codes(some, some) == []


def test_a_release_that_only_kept_them_as_declared_had_the_same() -> None:
    former = replace(PLAN, declared={"thresholds": {"disk": "80%", "page": "2s"}})
    new = replace(PLAN, thresholds={"disk": Threshold(above=800)}, declared={"thresholds.page": "2s"})
    assert codes(former, new) == []
    assert codes(former, PLAN) == [("threshold-dropped", True), ("declared-dropped", True)]
