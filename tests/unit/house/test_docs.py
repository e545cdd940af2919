"""Documentation that cannot go stale: generated pages are current, links lead somewhere, every term has its entry."""

from __future__ import annotations

import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import intendance
from docs import generate
from intendance.cli.words import NOUNS
from intendance.model.errors import IntendanceError
from intendance.model.evidence import KINDS
from intendance.model.verdict import Attestor, Severity, State
from tests.unit.house import tree
from tests.unit.house.tree import ROOT

FRAGMENT = re.compile(r"[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md")


@pytest.mark.parametrize("page", generate.PAGES)
def test_a_generated_page_is_current(page: str) -> None:
    assert (ROOT / "docs" / page).read_text() == generate.PAGES[page](), "run: ./dev sh -- python docs/generate.py"


def _all_errors(root: type[IntendanceError] = IntendanceError) -> Iterator[type[IntendanceError]]:
    for child in root.__subclasses__():
        yield child
        yield from _all_errors(child)


def test_every_error_of_the_product_is_declared_in_a_family() -> None:
    for module in pkgutil.walk_packages(intendance.__path__, "intendance."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    stray = [
        f"{error.__module__}.{error.__qualname__}"
        for error in _all_errors()
        if error.__module__.startswith("intendance.") and not error.__module__.startswith("intendance.model.errors")
    ]
    assert stray == []


def test_error_codes_are_unique() -> None:
    codes = [generate._code_of(e) for declared in generate.error_families().values() for e in declared]
    assert len(codes) == len(set(codes))


def test_every_error_says_what_to_do_next() -> None:
    declared = [e for family in generate.error_families().values() for e in family]
    silent = [e.__name__ for e in declared if not e.next_step and e.__doc__ != "{message}"]
    assert silent == []


def test_every_command_and_option_has_its_sentence() -> None:
    silent = [
        f"{name} {parameter.name}".strip()
        for name, command in generate.commands()
        for parameter in command.params
        if not (generate.help_of(parameter) or parameter.name == "help")
    ]
    silent += [name for name, command in generate.commands() if not command.help]
    assert silent == []


def _glossary() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    return {english.strip(): (french.strip(), meaning.strip()) for english, french, meaning in rows[1:]}


def test_the_glossary_holds_every_word_that_people_meet() -> None:
    met = {*NOUNS, *State, *Severity, *(kind.split(".")[0] for kind in KINDS)}
    met |= {a.value.replace("_", " ") for a in Attestor if a is not Attestor.SELF}
    known = set(_glossary())
    assert {word.replace("_", " ") for word in met} - known - {"agent"} == set()


def test_the_glossary_is_whole_and_sorted() -> None:
    entries = _glossary()
    assert [english for english, (french, meaning) in entries.items() if not french or not meaning.endswith(".")] == []
    words = [word.casefold() for word in entries]
    assert words == sorted(words)


def test_changelog_fragments_are_well_formed() -> None:
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    assert fragments
    for path in fragments:
        content = path.read_text()
        assert FRAGMENT.fullmatch(path.name), f"{path.name}: name it <what>.<added|changed|fixed|removed|security>.md"
        assert content[:1].isupper() or content[:1] == "`", path.name
        assert content.endswith(".\n"), path.name
        assert "\n\n" not in content, f"{path.name}: one paragraph"


def _headings(path: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in found}


def test_links_between_pages_lead_somewhere() -> None:
    lost = []
    for page in tree.files(".md"):
        for target in re.findall(r"\]\(([^)\s]+)\)", tree.text(page)):
            if re.match(r"https?://|mailto:", target):
                continue
            path, _, anchor = target.partition("#")
            wanted = (ROOT / page).parent / path if path else ROOT / page
            if not wanted.exists() or (anchor and anchor not in _headings(wanted)):
                lost.append(f"{page}: {target}")
    assert lost == []


def test_every_decision_is_listed() -> None:
    index = (ROOT / "docs/adr/README.md").read_text()
    unlisted = [p.name for p in (ROOT / "docs/adr").glob("[0-9]*.md") if f"]({p.name})" not in index]
    assert unlisted == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    reasons = re.findall(r"^\| ([\w-]+) \|", (ROOT / "docs/adr/0001-dependencies.md").read_text(), flags=re.MULTILINE)
    assert sorted(re.split(r"[>=<\[]", d)[0].lower() for d in project["dependencies"]) == sorted(
        name.lower() for name in reasons if name != "package"
    )


def test_the_manual_lists_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = [path.relative_to("docs") for path in tree.files(".md") if path.parts[0] == "docs"]
    unlisted = [str(p) for p in pages if f"({p})" not in index and f"({p.parent}/README.md)" not in index]
    assert [name for name in unlisted if name != "README.md"] == []
