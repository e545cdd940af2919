"""Codes of findings: each is said somewhere, none is said in vain, and none of those that were published goes."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from intendance.ledger.report import Case, Fault

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "docs/answers/verification-1.json"


def said() -> set[str]:
    """The cases that the source names."""
    return {
        node.attr
        for path in (ROOT / "src/intendance").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Case"
    }


def test_every_case_is_said_and_has_its_name_as_its_code() -> None:
    assert said() == {case.name for case in Case}
    assert all(case.value == case.name.lower() == str(case) for case in Case)
    assert {case.fault for case in Case} == set(Fault)


def test_the_published_form_names_them_all() -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert published["properties"]["findings"]["items"]["properties"]["code"]["enum"] == [str(case) for case in Case]
