"""`rules show` and `rules list`, word for word, in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest

from intendance.catalogue.load import load
from intendance.cli.page import Page, width_of
from intendance.cli.rules import draw_list, draw_rule
from intendance.language.texts import translator
from tests.support import golden
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "rules"
RULEBOOK = load()
SHOWN = ("MAINT_010", "MAINT_011", "MAINT_050", "ASBL_012", "ASBL_063")

Language = Literal["en", "fr"]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("rule", SHOWN)
def test_a_rule_reads_like_a_page_of_a_manual(rule: str, language: Language) -> None:
    page = Page(width=80)
    draw_rule(page, translator(language, "rules", "verdicts"), RULEBOOK, RULEBOOK.rules[rule])
    golden.expect(FOLDER / f"{rule}.{language}.txt", golden.text(page.lines))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_list_of_all_rules(language: Language) -> None:
    page = Page(width=100)
    draw_list(page, translator(language, "rules", "verdicts"), RULEBOOK, list(RULEBOOK.rules.values()))
    golden.expect(FOLDER / f"list.{language}.txt", golden.text(page.lines))


@pytest.mark.parametrize("rule", list(RULEBOOK.rules))
def test_every_page_keeps_french_typography_and_its_width(rule: str) -> None:
    page = Page(width=72)
    draw_rule(page, translator("fr", "rules", "verdicts"), RULEBOOK, RULEBOOK.rules[rule])
    told = [line for line in page.lines if "▸" not in line]
    assert [line for line in told if width_of(line) > 72] == []
    prose = [line.strip() for line in told if line.strip() and not re.match(r"\s+[a-z_]+\.[a-z0-9_]+\s", line)]
    paragraphs = " ".join(prose).replace("intendance status --rule", "x")
    assert list(french_faults(paragraphs)) == []
