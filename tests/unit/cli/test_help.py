"""The pages of `--help`: every command's sentence in full, however narrow the terminal."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from intendance.cli.commands import build
from intendance.cli.main import run
from intendance.cli.words import NOUNS
from intendance.language import texts
from tests.support import golden
from tests.support.typography import french_faults

PAGES = Path(__file__).resolve().parents[2] / "golden/help"


def page(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "intendance", *words, "--help"],
        capture_output=True, text=True, check=True, env={"COLUMNS": "80", "LC_ALL": "C.UTF-8", "HOME": "/"},
    )  # fmt: skip
    return " ".join(done.stdout.split())


def test_no_sentence_is_cut_off() -> None:
    found = page().partition("Commands:")[2]
    assert "..." not in found
    for noun, (_, sentence) in NOUNS.items():
        assert f"{noun} {sentence}" in found


@pytest.mark.parametrize("noun", ["backup", "ledger"])
def test_nor_below_a_noun(noun: str) -> None:
    assert "..." not in page(noun).partition("Commands:")[2]


def helps(command: Any) -> Iterator[str]:
    """Every text that the help of a command and of those below it shows."""
    if command.help:
        yield inspect.cleandoc(command.help)
    for parameter in command.params:
        if getattr(parameter, "help", None):
            yield parameter.help
    for each in getattr(command, "commands", {}).values():
        yield from helps(each)


def french() -> dict[str, str]:
    catalogue = Path(texts.__file__).parent / "locale/fr/LC_MESSAGES/help.po"
    return {entry.text: entry.forms[0] for entry in texts.read(catalogue.read_text(encoding="utf-8"))}


def test_every_command_and_option_has_its_french_and_nothing_else_has() -> None:
    shown = set(helps(typer.main.get_command(build(None, everything=True)))) | {line for _, line in NOUNS.values()}
    listed = french()
    assert sorted(shown - set(listed)) == []
    assert sorted(set(listed) - shown - OF_TYPER) == []


OF_TYPER = {
    "Install completion for the specified shell.",
    "Show completion for the specified shell, to copy it or customize the installation.",
    "Show this message and exit.",
    "Usage", "Arguments", "Options", "Commands", "required", "default: {default}",
}  # fmt: skip


def asked(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {"COLUMNS": "80", "LC_ALL": "C.UTF-8", "HOME": "/", "TERMINAL_WIDTH": "80"}
    return subprocess.run(
        [sys.executable, "-m", "intendance", *words],
        check=False,
        capture_output=True,
        text=True,
        env=known | environment,
    )


Capsys = pytest.CaptureFixture[str]


def typed(capsys: Capsys, *words: str) -> tuple[object, str, str]:
    """What a command line comes to in this process: exit code, answer, talk."""
    with pytest.raises(SystemExit) as ended:
        run(words)
    said = capsys.readouterr()
    return ended.value.code or 0, said.out, said.err


def prose_of(page: str) -> str:
    """A page without its code and its columns."""
    return re.sub(r"[ \n]+", " ", re.sub(r"`[^`]*`|\[[A-Z]+\]\S*|<[^>]*>|--[a-z-]+", "x", page))


@pytest.mark.parametrize("words", [(), ("ledger",), ("ledger", "show"), ("waiver", "grant"), ("restore", "run")])
def test_help_is_french_word_for_word(words: tuple[str, ...], capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, page, _ = typed(capsys, "--lang", "fr", *words, "--help")
    assert code == 0
    golden.expect(PAGES / f"help{''.join(f'-{word}' for word in words)}.fr.txt", golden.text(page.splitlines()))
    _, english, _ = typed(capsys, "--lang", "en", *words, "--help")
    prose = [line.strip() for line in english.splitlines() if len(re.findall("[a-z]{3,}", line)) > 4]
    assert prose
    assert [line for line in prose if line in page] == []
    assert list(french_faults(prose_of(page))) == []


def test_the_environment_chooses_and_a_word_overrules_it() -> None:
    assert asked("plan", "--help", LC_ALL="", LC_MESSAGES="fr_BE.UTF-8").stdout.startswith("Utilisation\u00a0:")
    assert asked("--lang", "en", "plan", "--help", LC_ALL="fr_BE.UTF-8").stdout.startswith("Usage:")
    bare = asked("--lang", "fr", "plan")
    assert (bare.returncode, bare.stderr[:13]) == (2, "Utilisation\u00a0:")


WRONG = {
    "no command": ("foo",),
    "nearly a command": ("ledger", "verif"),
    "no option": ("status", "--foo"),
    "nearly an option": ("status", "--asse", "x"),
    "no argument": ("waiver", "grant"),
    "no value": ("status", "--rule"),
    "a value for a flag": ("status", "--all=x"),
    "no number": ("ledger", "show", "abc"),
    "out of range": ("ledger", "show", "--last", "0"),
    "none of the choices": ("init", "--catalogue", "foo"),
    "too many words": ("doctor", "x", "y"),
    "an empty option": ("--state=", "status"),
    "no state": ("--state", "/nowhere/at/all", "status"),
    "no plan": ("plan", "check", "/nowhere/plan.yaml"),
    "no rule": ("rules", "show", "ASBL_999"),
    "no catalogue": ("rules", "list", "--catalogue", "x"),
}


def test_wrong_words_are_answered_in_french_and_machines_get_english(capsys: Capsys) -> None:
    said = []
    for case, words in WRONG.items():
        code, answer, told = typed(capsys, "--lang", "fr", *words)
        assert (code, answer) == (2, ""), case
        assert re.search(r"\b(the|is|of|not|no|with)\b", re.sub("`[^`]*`", "", told)) is None, told
        said += [f"`intendance {' '.join(words)}`", *told.splitlines(), ""]
    golden.expect(PAGES / "wrong-words.fr.txt", golden.text(said))
    assert list(french_faults(prose_of("\n".join(said)))) == []
    machine = json.loads(typed(capsys, "--lang", "fr", "rules", "show", "ASBL_999", "--json")[1])
    assert machine["error"]["message"] == "There is no rule `ASBL_999`."


def test_a_language_that_is_none_is_refused_in_that_of_the_environment() -> None:
    assert asked("--lang", "de", "status", LC_ALL="fr_FR.UTF-8").stderr.startswith("usage\u00a0: `--lang de` n’est pas")
    assert asked("--lang", "de", "status").stderr.startswith("usage: `--lang de` is not")


def test_an_answer_without_an_error_reads_no_french_of_errors() -> None:
    for words in (("rules", "list"), ("rules", "list", "--lang", "fr"), ("plan", "--help")):
        traced = asked(*words, PYTHONPROFILEIMPORTTIME="1")
        assert traced.returncode == 0
        assert "intendance.cli.main" in traced.stderr
        assert "intendance.language.spoken" not in traced.stderr


def test_completion_speaks_french_too() -> None:
    line = {"_INTENDANCE_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "intendance pla", "LC_ALL": "fr_FR.UTF-8"}
    assert "Contrôler, montrer, comparer" in asked(**line).stdout
