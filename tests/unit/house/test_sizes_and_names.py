"""Budgets that keep the code liveable: files, functions, and names that say what is inside."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.unit.house import tree

FILE_LINES = 400
FUNCTION_LINES = 50
ONE_FILE = {"src/intendance/ledger/standalone/verify.py": 1100, "src/intendance/sets/RESTORE.sh": 480}
"""What strangers carry away as one file has its own budget."""
GRAB_BAGS = {"utils", "util", "helpers", "common", "misc", "tools", "lib", "stuff"}


def _too_long_functions(path: Path) -> list[str]:
    return [
        f"{path}:{node.lineno} {node.name}: {length} lines"
        for node in ast.walk(ast.parse(tree.text(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]


def test_no_source_file_grows_past_its_budget() -> None:
    sources = [*tree.files(".py", ".sh", ".sql"), Path("dev")]
    long = [
        f"{path}: {n} lines"
        for path in sources
        if (n := len(tree.text(path).splitlines())) > ONE_FILE.get(str(path), FILE_LINES)
    ]
    assert long == []


def test_no_function_grows_past_its_budget() -> None:
    assert [line for path in tree.files(".py") for line in _too_long_functions(path)] == []


def test_the_budget_of_functions_would_be_noticed(tmp_path: Path) -> None:
    body = "def f():\n" + "    pass\n" * FUNCTION_LINES
    planted = tmp_path / "planted.py"
    planted.write_text(body)
    assert len(_too_long_functions(planted)) == 1


def test_no_folder_or_module_is_a_grab_bag() -> None:
    named = [str(path) for path in tree.files(".py") if GRAB_BAGS & {*path.parts[:-1], path.stem}]
    assert named == []


def test_every_module_says_what_it_is_responsible_for() -> None:
    silent = [
        str(path)
        for path in tree.files(".py")
        if tree.text(path).strip() and not ast.get_docstring(ast.parse(tree.text(path)))
    ]
    assert silent == []
