"""The rules as data: all of them, whole, in both languages, and every reason they can give."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest
import yaml

from intendance.catalogue import checks
from intendance.catalogue.load import load
from intendance.catalogue.rule import Rule, Text
from intendance.cli.words import NOUNS
from intendance.language.sentences import render
from intendance.model.evidence import KINDS
from intendance.model.verdict import Severity
from tests.support.evidence import ZONE
from tests.support.typography import french_faults
from tests.unit.catalogue.judged import verdict_of
from tests.unit.catalogue.samples import SAMPLES

RULEBOOK = load()
RULES = list(RULEBOOK.rules.values())
PERFORMED = {
    "MAINT_010",
    "MAINT_011",
    "MAINT_013",
    "MAINT_014",
    "ASBL_010",
    "ASBL_011",
    "ASBL_012",
    "ASBL_015",
    "ASBL_016",
    "ASBL_017",
    "ASBL_031",
    "ASBL_032",
    "MAINT_012",
    "ASBL_013",
    "ASBL_014",
}
INDEPENDENT = {f"MAINT_{n:03}" for n in (1, 2, 5, 10, 12, 13, 14, 15, 16, 40, 41)}
WARNINGS = {f"MAINT_{n:03}" for n in range(50, 55)} | {
    f"ASBL_{n:03}" for n in (14, 17, 20, 21, 23, 24, 25, 26, 30, 31, 32, 33, 34, 42, 50, 51, 52, 54, 62, 74)
}
DUTIES = {f"ASBL_{n:03}" for n in (41, 60, 61, 70, 71, 72, 73, 75)}


def _ids(catalogue: str, *ranges: tuple[int, int]) -> list[str]:
    return [f"{catalogue}_{n:03}" for first, last in ranges for n in range(first, last + 1)]


def test_both_catalogues_are_complete_and_in_order() -> None:
    maint = _ids("MAINT", (1, 5), (10, 16), (20, 24), (30, 35), (40, 43), (50, 54), (60, 63))
    asbl = _ids("ASBL", (10, 17), (20, 26), (30, 34), (40, 42), (50, 54), (60, 63), (70, 75))
    assert (len(maint), len(asbl)) == (36, 38)
    assert list(RULEBOOK.rules) == maint + asbl
    assert {rule.catalogue for rule in RULES if rule.id in maint} == {"maint"}


def test_severities_are_those_of_the_design() -> None:
    assert {rule.id for rule in RULES if rule.severity is Severity.WARNING} == WARNINGS
    assert {rule.id for rule in RULES if rule.severity is Severity.DUTY} == DUTIES


def test_the_rules_that_take_the_word_of_another_are_those_of_the_design() -> None:
    assert {rule.id for rule in RULES if rule.independent} == INDEPENDENT


def test_this_version_performs_what_it_has_evidence_for() -> None:
    assert {rule.id for rule in RULES if rule.performed} == PERFORMED


def test_the_manager_judges_what_it_hears() -> None:
    assert {rule.id for rule in RULES if rule.judged and not rule.performed} == {"MAINT_001", "MAINT_002", "MAINT_005"}


def _texts(rule: Rule) -> Iterator[tuple[str, Text]]:
    yield "title", rule.title
    yield "statement", rule.statement
    yield "breaks", rule.breaks
    yield "remedy", rule.remedy
    yield "family", RULEBOOK.families[rule.family]
    for name, text in (("proof", rule.proof), ("later", rule.later)):
        if text is not None:
            yield name, text
    for code, reason in rule.reasons.items():
        yield f"reasons.{code}", reason
        if reason.next is not None:
            yield f"reasons.{code}.next", reason.next


def _all_texts() -> list[tuple[str, Text]]:
    common = [(f"reasons.yaml {code}", text) for code, text in RULEBOOK.common.items()]
    return common + [(f"{rule.id} {name}", text) for rule in RULES for name, text in _texts(rule)]


def test_every_text_stands_in_both_languages() -> None:
    empty = [name for name, text in _all_texts() if not text.en.strip() or not text.fr.strip()]
    same = [name for name, text in _all_texts() if text.en == text.fr and name.partition(" ")[2] != "family"]
    assert empty == []
    assert same == []


def test_french_texts_keep_french_typography() -> None:
    assert [(name, fault) for name, text in _all_texts() for fault in french_faults(text.fr)] == []


def test_english_texts_have_no_french_spaces() -> None:
    wrong = [name for name, text in _all_texts() if re.search(r"[\u00a0\u202f ][;:!?%]", text.en)]
    assert wrong == []


def test_titles_are_short_enough_for_a_line() -> None:
    assert [(rule.id, len(t)) for rule in RULES for t in (rule.title.en, rule.title.fr) if len(t) > 72] == []


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_a_reason_says_the_same_in_both_languages() -> None:
    differing = [name for name, text in _all_texts() if _fields(text.en) != _fields(text.fr)]
    assert differing == []


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.performed], ids=lambda rule: rule.id)
def test_a_performed_rule_has_its_check_and_the_facts_that_it_reads(rule: Rule) -> None:
    assert callable(checks.find(rule.check or ""))
    assert rule.needs
    assert {need.kind for need in rule.needs} <= set(KINDS)
    assert all((need.days is not None) == (need.take == "window") for need in rule.needs)


def test_a_rule_that_is_not_performed_promises_no_reason() -> None:
    assert [rule.id for rule in RULES if not rule.judged and (rule.reasons or rule.later or rule.needs)] == []


def test_every_bound_is_a_length_of_time_a_share_or_a_count() -> None:
    shape = re.compile(r"\d+(\.\d+)?%|\d+|\d+ms")
    odd = [
        (rule.id, bound.value)
        for rule in RULES
        for bound in rule.bounds
        if bound.seconds is None and not shape.fullmatch(bound.value)
    ]
    assert odd == []


def test_a_quantity_is_strict_in_one_direction_only() -> None:
    directions = {(bound.quantity, bound.stricter) for rule in RULES for bound in rule.bounds}
    assert len(directions) == len({quantity for quantity, _ in directions})


def test_every_command_begins_with_a_noun_that_exists() -> None:
    advice = [rule.remedy for rule in RULES]
    advice += [each.next for rule in RULES for each in rule.reasons.values() if each.next]
    advice += [each.next for each in RULEBOOK.common.values() if each.next]
    commands = {each.command for each in advice if each.command and each.command.startswith("intendance ")}
    assert {command.split()[1] for command in commands} <= set(NOUNS)
    assert {command for command in commands if "\u00a0" in command or "\u202f" in command} == set()


@cache
def _given() -> dict[tuple[str, str], dict[str, object]]:
    return {
        (rule, code): dict(verdict_of(rule, *make()).reason.params)
        for rule, samples in SAMPLES.items()
        for code, (_, make) in samples.items()
    }


def test_every_reason_of_a_performed_rule_has_a_life_that_leads_to_it() -> None:
    told = {(rule.id, code) for rule in RULES if rule.performed for code in rule.reasons}
    assert told - set(_given()) == set()


@pytest.mark.parametrize(("rule", "code"), [(rule, code) for rule in SAMPLES for code in SAMPLES[rule]])
def test_every_parameter_of_a_sentence_is_given(rule: str, code: str) -> None:
    params = _given()[rule, code]
    text = RULEBOOK.reason(RULEBOOK.rules[rule], code)
    assert _fields(text.en) <= set(params)
    for language in ("en", "fr"):
        sentence = render(text.of(language), params, language, ZONE)  # type: ignore[arg-type]
        assert "{" not in sentence
        assert "None" not in sentence
    french = render(text.fr, params | {"message": "x", "fault": "x"}, "fr", ZONE)  # type: ignore[arg-type]
    assert list(french_faults(french)) == []


def test_adding_a_rule_is_one_entry(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    package = files("intendance.catalogue")
    (tmp_path / "reasons.yaml").write_bytes((package / "reasons.yaml").read_bytes())
    entry = yaml.safe_load((package / "rules" / "capacity.yaml").read_bytes())["rules"][0] | {"id": "ASBL_099"}
    family = {"family": {"en": "New", "fr": "Nouveau"}, "group": "paperwork", "rules": [entry]}
    (tmp_path / "rules" / "new.yaml").write_text(yaml.safe_dump(family, allow_unicode=True))
    rule = load(tmp_path).rules["ASBL_099"]
    assert (rule.catalogue, rule.family, rule.group) == ("asbl", "new", "paperwork")


@pytest.mark.parametrize("change", [{"severity": "grave"}, {"bounds": [{"quantity": "x"}]}, {"title": {"en": "x"}}])
def test_an_entry_that_is_no_rule_is_refused_with_its_file(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "rules").mkdir()
    package = files("intendance.catalogue")
    (tmp_path / "reasons.yaml").write_bytes((package / "reasons.yaml").read_bytes())
    entry = yaml.safe_load((package / "rules" / "capacity.yaml").read_bytes())["rules"][0] | change
    family = {"family": {"en": "New", "fr": "Nouveau"}, "group": "paperwork", "rules": [entry]}
    (tmp_path / "rules" / "new.yaml").write_text(yaml.safe_dump(family, allow_unicode=True))
    with pytest.raises(ValueError, match=r"new\.yaml"):
        load(tmp_path)
