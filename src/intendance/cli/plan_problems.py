"""What is wrong with a plan and what is only declared in it, drawn for people and for machines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from intendance.language.texts import Translator
from intendance.plan.declared import waits
from intendance.plan.fleet import NODES
from intendance.plan.load import Checked
from intendance.plan.problems import Problem
from intendance.plan.saying import plain

WIDTH = 100


def as_json(checked: Checked) -> dict[str, Any]:
    """`plan check --json`."""
    return {
        "schema": "intendance.plan-check/1",
        "file": checked.file,
        "valid": checked.is_valid,
        "nodes": list(checked.plans),
        "problems": [problem_json(problem) for problem in checked.problems],
        "warnings": [problem_json(problem) for problem in checked.warnings],
        "declared": list(checked.declared),
    }


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem in the contract's shape: its code and parameters, and both sentences in English."""
    fields = ("file", "line", "column", "path", "rule", "message", "fix", "code")
    params = plain((*problem.said.params, *problem.remedy.params))
    return {name: getattr(problem, name) for name in fields} | {"params": params, "nodes": list(problem.nodes)}


def problems(_: Translator, checked: Checked) -> Iterator[str]:
    """Every problem and warning, and how many there are to correct."""
    for problem in checked.problems:
        yield from _drawn(_, problem, "")
    yield from warnings(_, checked)
    count = len(checked.problems)
    yield _.plural("{file}: {n} problem to correct.", "{file}: {n} problems to correct.", count).format(
        file=checked.file, n=count
    )


def warnings(_: Translator, checked: Checked) -> Iterator[str]:
    """Every warning."""
    yield from warned(_, checked.warnings)


def warned(_: Translator, found: Iterable[Problem]) -> Iterator[str]:
    """Some of them."""
    for problem in found:
        yield from _drawn(_, problem, _("warning: "))


def declared(_: Translator, places: Collection[str]) -> Iterator[str]:
    """What a plan declares and this version does nothing with yet; nothing where all of it is performed."""
    waiting = [place for place in places if waits(place)]
    if waiting:
        said = _("Declared, not yet performed by this version: {places}.")
        yield said.format(places=", ".join(waiting))


def _where(_: Translator, problem: Problem) -> str:
    """The option, and the nodes whose plan is wrong where it is the common part that says so."""
    if problem.nodes and not problem.path.startswith(f"{NODES}."):
        named = ", ".join(problem.nodes)
        return _("{place} (on {nodes}): ").format(place=problem.path, nodes=named)
    return _("{place}: ").format(place=problem.path) if problem.path else ""


def _drawn(_: Translator, problem: Problem, word: str) -> Iterator[str]:
    """A problem with its line, a caret under the place, and what to write instead."""
    rule = f" [{problem.rule}]" if problem.rule else ""
    where = _where(_, problem)
    yield f"{problem.file}:{problem.line}:{problem.column}: {word}{where}{problem.said.write(_)}{rule}"
    if problem.source.strip():
        first = max(0, problem.column - 1 - WIDTH // 2) if len(problem.source) > WIDTH else 0
        shown = problem.source[first : first + WIDTH].replace("\t", " ")
        before = "…" if first else ""
        margin = f"{problem.line:>6} │ "
        yield f"{margin}{before}{shown}{'…' if len(problem.source) > first + WIDTH else ''}"
        yield f"{' ' * 6} │ {' ' * (len(before) + problem.column - 1 - first)}^"
    yield f"  → {problem.remedy.write(_)}"
    yield ""
