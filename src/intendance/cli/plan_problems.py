"""What is wrong with a plan and what is only declared in it, drawn for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from intendance.language.texts import Translator
from intendance.model.plan import Plan
from intendance.plan.load import Checked
from intendance.plan.problems import Problem
from intendance.plan.saying import plain

WIDTH = 100


def as_json(checked: Checked) -> dict[str, Any]:
    """`plan check --json`."""
    return {
        "schema": "intendance.plan-check/1",
        "file": checked.file,
        "valid": checked.plan is not None,
        "problems": [problem_json(problem) for problem in checked.problems],
        "warnings": [problem_json(problem) for problem in checked.warnings],
        "declared": [] if checked.plan is None else list(checked.plan.declared),
    }


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem in the contract's shape: its code and parameters, and both sentences in English."""
    fields = ("file", "line", "column", "path", "rule", "message", "fix", "code")
    params = plain((*problem.said.params, *problem.remedy.params))
    return {name: getattr(problem, name) for name in fields} | {"params": params}


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
    for problem in checked.warnings:
        yield from _drawn(_, problem, _("warning: "))


def declared(_: Translator, plan: Plan) -> Iterator[str]:
    """What the plan declares and this version does nothing with yet; nothing where all of it is performed."""
    if plan.declared:
        said = _("Declared, not yet performed by this version: {places}.")
        yield said.format(places=", ".join(plan.declared))


def _drawn(_: Translator, problem: Problem, word: str) -> Iterator[str]:
    """A problem with its line, a caret under the place, and what to write instead."""
    rule = f" [{problem.rule}]" if problem.rule else ""
    where = _("{place}: ").format(place=problem.path) if problem.path else ""
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
