"""`gate`, word for word, in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest

from intendance.agent.gating import Passage, gate
from intendance.cli.gate import as_json, draw
from intendance.cli.page import Page, width_of
from intendance.language.texts import translator
from intendance.model.errors import Exit
from tests.golden.lives import live
from tests.support import golden
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "gate"
# a name of the answer -> the life, the rule that is mended, the exit code
ANSWERS = {
    "open": ("all-well", None, Exit.DONE),
    "unknown": ("alone-under-maint", None, Exit.UNKNOWN),
    "shut": ("trouble", None, Exit.BROKEN),
    "repair-of-one": ("trouble", "MAINT_010", Exit.BROKEN),
    "repair": ("late-inspection", "ASBL_012", Exit.DONE),
}
Language = Literal["en", "fr"]


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Passage]:
    found = {}
    for name, (life, fixes, _code) in ANSWERS.items():
        state = tmp_path_factory.mktemp(name)
        ticket = None if fixes is None else "OPS-118"
        found[name] = gate(state, live(life, state), fixes=fixes, ticket=ticket, actor="person:ada")
    return found


def _drawn(passage: Passage, language: Language, width: int) -> str:
    page = Page(width=width)
    draw(page, translator(language, "gate", "verdicts"), passage)
    return golden.text(page.lines)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", ANSWERS)
def test_what_people_read(passages: dict[str, Passage], name: str, language: Language) -> None:
    golden.expect(FOLDER / f"{name}.{language}.txt", _drawn(passages[name], language, 88))


@pytest.mark.parametrize("name", ANSWERS)
def test_what_machines_read(passages: dict[str, Passage], name: str) -> None:
    answer = as_json(passages[name])
    known = len(answer["scope"].pop("not_performed"))  # grows with every version
    assert known + len(answer["scope"]["performed"]) > 30
    golden.expect_json(FOLDER / f"{name}.json", answer)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_exit_code(passages: dict[str, Passage], name: str) -> None:
    assert passages[name].exit_code is ANSWERS[name][2]


@pytest.mark.parametrize("width", [40, 60, 100])
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_is_wider_than_the_terminal_but_commands(
    passages: dict[str, Passage], name: str, language: Language, width: int
) -> None:
    lines = _drawn(passages[name], language, width).splitlines()
    assert [line for line in lines if width_of(line) > width and "intendance " not in line] == []


@pytest.mark.parametrize("name", ANSWERS)
def test_french_pages_keep_french_typography(passages: dict[str, Passage], name: str) -> None:
    lines = _drawn(passages[name], "fr", 100).splitlines()
    prose = " ".join(line for line in lines if "intendance " not in line and not line.lstrip().startswith("?"))
    prose = re.sub(
        "(shop-db cannot be reached: connection refused|its manifest is not .*? it was replaced)", "x", prose
    )
    assert list(french_faults(re.sub(" +", " ", prose))) == []
