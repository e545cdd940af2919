"""The command line's texts: every one has its French, every French text is used, and the files are read right."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from intendance.language.texts import Entry, read, translator
from tests.support.typography import french_faults

ROOT = Path(__file__).resolve().parents[3]
CATALOGUES = ROOT / "src/intendance/language/locale/fr/LC_MESSAGES"
DOMAINS = sorted(path.stem for path in CATALOGUES.glob("*.po"))
BY_ITSELF = {"errors", "error_parts", "usage", "help"}
"""Catalogues of what no call of `_` gives out: `test_spoken.py` and `test_help.py` compare them with the code."""
OF_MODULES = [domain for domain in DOMAINS if domain not in BY_ITSELF]
_IN_PAGE = re.compile(r'_\("([^"]*)"\)')
_FIELD = re.compile(r"\{(\w*)\}")


def _sources(domain: str) -> list[Path]:
    """The modules whose texts a catalogue holds: one of the command line, or all of a room."""
    if domain == "plan_said":
        return sorted((ROOT / "src/intendance/plan").rglob("*.py"))
    if domain == "web":
        pages = ROOT / "src/intendance/web"
        return sorted([*pages.rglob("*.py"), *pages.rglob("*.html")])
    if domain == "fallback":
        return [ROOT / "src/intendance/agent/fallback/words.py"]
    if domain == "alert_texts":
        return [ROOT / "src/intendance/fleet/alerts/texts.py"]
    if domain == "activities":
        return [ROOT / "src/intendance/language/activities.py"]
    return [ROOT / "src/intendance/cli" / f"{domain}.py"]


def _used(domain: str) -> Iterator[tuple[str, str | None]]:
    """The texts in the code of a noun: (text, plural)."""
    for source in _sources(domain):
        if source.suffix == ".html":
            yield from ((found, None) for found in _IN_PAGE.findall(source.read_text(encoding="utf-8")))
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or (source.name == "saying.py" and not _is_literal(node)):
                continue
            called = ast.unparse(node.func)
            if called in ("_", "say"):
                yield ast.literal_eval(node.args[0]), None
            elif called in ("_.plural", "counted"):
                yield ast.literal_eval(node.args[0]), ast.literal_eval(node.args[1])


def _is_literal(call: ast.Call) -> bool:
    """What gives sentences out takes them as parameters too."""
    return bool(call.args) and isinstance(call.args[0], ast.Constant)


def _entries(domain: str) -> list[Entry]:
    return list(read((CATALOGUES / f"{domain}.po").read_text(encoding="utf-8")))


def test_the_catalogues_are_those_of_the_code() -> None:
    assert {"status", "rules", "verdicts"} <= set(DOMAINS)
    assert set(DOMAINS) >= BY_ITSELF
    assert [domain for domain in OF_MODULES if not all(source.exists() for source in _sources(domain))] == []


@pytest.mark.parametrize("domain", OF_MODULES)
def test_every_text_has_its_translation_and_every_translation_its_text(domain: str) -> None:
    used = set(_used(domain))
    assert used
    listed = [(entry.text, entry.plural) for entry in _entries(domain)]
    assert set(listed) == used
    assert len(listed) == len(used), "an entry stands twice"


@pytest.mark.parametrize("domain", DOMAINS)
def test_translations_are_finished_and_keep_their_parameters(domain: str) -> None:
    for entry in _entries(domain):
        assert not entry.fuzzy
        assert len(entry.forms) == (1 if entry.plural is None else 2)
        for form in entry.forms:
            assert form.strip(" \n") == form or entry.text.strip() != entry.text
            assert set(_FIELD.findall(form)) == set(_FIELD.findall(entry.text)), entry.text


@pytest.mark.parametrize("domain", DOMAINS)
def test_translations_keep_french_typography(domain: str) -> None:
    assert [fault for entry in _entries(domain) for form in entry.forms for fault in french_faults(form)] == []


def test_french_counts_zero_and_one_as_one_and_english_does_not() -> None:
    french = translator("fr", "verdicts")
    english = translator("en", "verdicts")
    counted = [french.plural("{n} holds", "{n} hold", n).format(n=n) for n in (0, 1, 2)]
    assert counted == ["0 tient", "1 tient", "2 tiennent"]
    assert [english.plural("{n} holds", "{n} hold", n) for n in (0, 1, 2)] == ["{n} hold", "{n} holds", "{n} hold"]


def test_a_text_without_translation_stays_english() -> None:
    french = translator("fr", "status")
    assert french("nobody translated this") == "nobody translated this"
    assert french.plural("one thing", "{n} things", 0) == "{n} things"


def test_the_reader_understands_what_editors_write() -> None:
    content = (
        '# a note\nmsgid ""\nmsgstr ""\n"Language: fr\\n"\n\n'
        '#: somewhere.py:3\n#, python-brace-format\nmsgid ""\n"two "\n"lines\\n"\nmsgstr "deux "\n"lignes\\n"\n\n'
        '#, fuzzy\nmsgid "guess"\nmsgstr "devinette"\n\n'
        'msgid "{n} \\"rule\\""\nmsgid_plural "{n} rules"\nmsgstr[0] "{n} règle"\nmsgstr[1] "{n} règles"\n'
    )
    assert list(read(content)) == [
        Entry("two lines\n", None, ["deux lignes\n"]),
        Entry("guess", None, ["devinette"], fuzzy=True),
        Entry('{n} "rule"', "{n} rules", ["{n} règle", "{n} règles"]),
    ]


def test_entries_that_a_merge_left_without_a_blank_line_are_told_apart() -> None:
    content = (
        'msgid ""\nmsgstr ""\n"Language: fr\\n"\nmsgid "a"\nmsgstr "A"\n"B"\n# of the next\n#, fuzzy\nmsgid "b"\n'
        'msgid_plural "bs"\nmsgstr[0] "B"\nmsgstr[1] "Bs"\nmsgid "c"\nmsgstr "C"\n'
    )
    entries = [Entry("a", None, ["AB"]), Entry("b", "bs", ["B", "Bs"], fuzzy=True), Entry("c", None, ["C"])]
    assert list(read(content)) == entries


def test_what_two_sides_add_at_one_place_is_merged_by_git_and_read(tmp_path: Path) -> None:
    """With the merge driver that the repository names for these files."""
    shutil.copyfile(ROOT / ".gitattributes", tmp_path / ".gitattributes")
    texts = tmp_path / "texts.po"
    alone = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
        subprocess.run(["git", *who, "-C", str(tmp_path), *words], check=True, capture_output=True, env=alone)

    def commit(text: str) -> None:
        texts.write_text(text)
        git("add", "-A")
        git("commit", "-qm", "texts")

    first = 'msgid "first"\nmsgstr "premier"\n'
    git("init", "-q")
    commit(first)
    git("checkout", "-qb", "side")
    commit(first + '\nmsgid "ours"\nmsgstr "le nôtre"\n')
    git("checkout", "-q", "main")
    commit(first + '\n#, fuzzy\nmsgid "theirs"\nmsgid_plural "of others"\nmsgstr[0] "le leur"\nmsgstr[1] "les leurs"\n')
    git("merge", "-q", "--no-edit", "side")
    found = {entry.text: entry.forms for entry in read(texts.read_text())}
    assert found == {"first": ["premier"], "ours": ["le nôtre"], "theirs": ["le leur", "les leurs"]}


def test_two_translations_of_one_text_are_refused() -> None:
    """As where both sides of a merge changed the same entry."""
    with pytest.raises(ValueError, match="'a' has 2 forms"):
        list(read('msgid "a"\nmsgstr "A"\nmsgstr "B"\n'))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('msgid "a"\nmsgstr b', "line 2"),
        ('"alone"\n', "line 1"),
        ('msgid "x"\nmsgstr "y"\n\nmsgid "a"\n', "line 4"),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"\n', "line 1"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(content: str, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        list(read(content))
