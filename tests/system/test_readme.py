"""The README and the manual say only what exists: commands, options, `./dev` verbs, plans."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import generate
from tests.unit.house import tree

PAGES = [path for path in tree.files(".md") if path.parts[0] not in {"tests", "changelog.d"}]
GLOBAL = {"--plan", "--state", "--lang", "--version", "--help", "--json"}


def _spans(page: Path) -> Iterator[str]:
    """Lines of code blocks and inline code, without prompts and comments."""
    text = tree.text(page)
    for block in re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield from (line.removeprefix("$ ").strip() for line in block.splitlines())
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def _written(word: str) -> list[tuple[Path, list[str]]]:
    found = []
    for page in PAGES:
        for span in _spans(page):
            bare = re.sub(r"^([A-Z]+=\S+ )+", "", span)
            bare = bare.removeprefix("./dev sh -- ") if word == "intendance" else bare
            if bare.split(" ")[0] == word:
                found.append((page, shlex.split(bare.split(" | ")[0].split(" && ")[0], comments=True)))
    return found


def test_every_intendance_command_that_is_written_exists() -> None:
    known = dict(generate.commands())
    nouns = {name.split()[1] for name in known}
    wrong = []
    written = _written("intendance")
    assert written
    for page, words in written:
        names = [w for w in words[1:] if not w.startswith(("-", "."))]
        candidates = [" ".join(["intendance", *names[:n]]) for n in (2, 1)]
        command = next((known[name] for name in candidates if name in known), None)
        options = {w.partition("=")[0] for w in words if w.startswith("--")} - GLOBAL
        if command is None:
            if names and names[0] not in nouns:
                wrong.append(f"{page}: {' '.join(words)}")
        elif not options <= {spelling for p in command.params for spelling in p.opts}:
            wrong.append(f"{page}: {' '.join(words)}")
    assert wrong == []


def test_every_dev_verb_that_is_written_exists() -> None:
    verbs = set(re.findall(r"^  ([a-z]+)\)", tree.text(Path("dev")), flags=re.MULTILINE))
    assert verbs >= {"run", "test", "check", "bench", "system", "lock", "sh"}
    wrong = [f"{page}: {' '.join(words)}" for page, words in _written("./dev") if words[1:] and words[1] not in verbs]
    assert wrong == []


@pytest.mark.parametrize("command", ["./dev run", "./dev test"])
def test_the_readme_holds_its_two_commands(command: str) -> None:
    assert command in tree.text(Path("README.md"))


def test_the_plan_in_the_readme_lacks_only_its_keys(tmp_path: Path) -> None:
    written = re.findall(r"^```yaml\n(.*?)^```", tree.text(Path("README.md")), flags=re.MULTILINE | re.DOTALL)
    assert len(written) == 1
    (tmp_path / "intendance.yaml").write_text(written[0])
    command = [sys.executable, "-m", "intendance", "plan", "check", str(tmp_path / "intendance.yaml"), "--json"]
    answer = json.loads(subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL).stdout)
    paths = [problem["path"] for problem in answer["problems"]]
    assert paths == [f"keys.backup_recipients[{n}].file" for n in range(3)]
