"""`docs/adding-a-rule.md`, performed as it stands: one entry and one function, and the product has another rule."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.rule_pages import rule_page
from intendance.catalogue import checks
from intendance.catalogue import load as loading
from intendance.catalogue.evaluate import evaluate
from intendance.catalogue.load import load
from intendance.catalogue.rule import Rulebook
from intendance.cli.page import Page
from intendance.cli.rules import draw_rule
from intendance.language.sentences import render
from intendance.language.texts import translator
from intendance.model.verdict import State
from intendance.plan.bounds.limits import limit
from tests.support.evidence import ZONE
from tests.support.typography import french_faults
from tests.unit.catalogue import samples

ROOT = Path(__file__).parents[3]
PACKAGE = Path(loading.__file__).parent
RULE = "ASBL_018"


def _blocks(language: str) -> list[str]:
    page = (ROOT / "docs" / "adding-a-rule.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.fixture
def rulebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rulebook]:
    """The product's rules with that entry, read from a copy of them; its function beside those of the package."""
    shutil.copytree(PACKAGE / "rules", tmp_path / "rules")
    shutil.copy(PACKAGE / "reasons.yaml", tmp_path)
    (entry,) = _blocks("yml")
    with (tmp_path / "rules" / "backup.yaml").open("a", encoding="utf-8") as file:
        file.write("\n" + entry)
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "places.py").write_text(_blocks("python")[0], encoding="utf-8")
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path / "checks")])
    yield load(tmp_path)
    sys.modules.pop("intendance.catalogue.checks.places", None)


def _samples() -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = eval("{" + _blocks("python")[1] + "}", vars(samples))
    return found[RULE]


def test_the_rule_is_there_and_no_other_has_changed(rulebook: Rulebook) -> None:
    before = load()
    assert set(rulebook.rules) - set(before.rules) == {RULE}
    assert all(rulebook.rules[name] == rule for name, rule in before.rules.items())
    assert rulebook.rules[RULE].performed
    found = limit(rulebook, ("asbl",), "stores.count_min", "mariadb")
    assert found is not None
    assert found.value == 2


@pytest.mark.parametrize("code", ["enough", "too_few"])
def test_it_is_judged(rulebook: Rulebook, code: str) -> None:
    state, make = _samples()[code]
    log, now = make()
    (verdict,) = (each for each in evaluate(rulebook, log.facts, now, log.node) if each.rule == RULE)
    assert (verdict.state, verdict.reason.code, verdict.asset) == (state, code, "shop-db")
    for language in ("en", "fr"):
        text = rulebook.reason(rulebook.rules[RULE], code).of(language)
        sentence = render(text, verdict.reason.params, language, ZONE)
        assert str(verdict.reason.params["count"]) in sentence
        assert language == "en" or list(french_faults(sentence)) == []


def test_its_samples_hold_and_break(rulebook: Rulebook) -> None:
    assert {state for state, _ in _samples().values()} == {State.PASS, State.FAIL}
    assert set(_samples()) == set(rulebook.rules[RULE].reasons)


def test_it_has_its_pages(rulebook: Rulebook) -> None:
    written = rule_page(rulebook, rulebook.rules[RULE])
    assert "# ASBL_018 · Backups are kept in two places" in written
    assert "checks/places.py" in written
    page = Page(width=80)
    draw_rule(page, translator("fr", "rules", "verdicts"), rulebook, rulebook.rules[RULE])
    assert "Les sauvegardes sont gardées à deux endroits" in "\n".join(page.lines)


def test_a_check_that_fails_is_an_error_and_never_a_pass(rulebook: Rulebook, tmp_path: Path) -> None:
    (tmp_path / "checks" / "places.py").write_text("def enough(rule, subject, now):\n    raise KeyError(rule)\n")
    log, now = _samples()["enough"][1]()
    (verdict,) = (each for each in evaluate(rulebook, log.facts, now, log.node) if each.rule == RULE)
    assert (verdict.state, verdict.reason.code) == (State.ERROR, "check_failed")
