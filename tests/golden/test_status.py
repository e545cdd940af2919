"""`status`, word for word, in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest

from intendance.agent.judging import Judgement, judge
from intendance.cli.page import Page, width_of
from intendance.cli.status import as_json, draw
from intendance.language.texts import translator
from intendance.model.errors import Exit
from tests.golden.lives import LIVES, live
from tests.support import golden
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "status"
EXITS = {
    "first-day": Exit.DONE,
    "all-well": Exit.DONE,
    "alone-under-maint": Exit.UNKNOWN,
    "trouble": Exit.BROKEN,
    "no-database": Exit.BROKEN,
    "late-inspection": Exit.BROKEN,
    "excused": Exit.BROKEN,
    "files-alone": Exit.DONE,
}
ENGLISH_OF_EVIDENCE = (
    "shop-db cannot be reached: connection refused",
    "its manifest is not the one in the ledger: it was replaced",
)

Language = Literal["en", "fr"]


@pytest.fixture(scope="module")
def judgements(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judgement]:
    found = {}
    for name in LIVES:
        state = tmp_path_factory.mktemp(name)
        found[name] = judge(state, live(name, state))
    return found


def _drawn(judgement: Judgement, language: Language, width: int, *, everything: bool = False) -> str:
    page = Page(width=width)
    draw(page, translator(language, "status", "verdicts", "standing"), judgement, everything=everything)
    return golden.text(page.lines)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", LIVES)
def test_what_people_read(judgements: dict[str, Judgement], name: str, language: Language) -> None:
    golden.expect(FOLDER / f"{name}.{language}.txt", _drawn(judgements[name], language, 88))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_people_read_on_a_narrow_terminal(judgements: dict[str, Judgement], language: Language) -> None:
    golden.expect(FOLDER / f"trouble-60.{language}.txt", _drawn(judgements["trouble"], language, 60))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_people_read_with_all(judgements: dict[str, Judgement], language: Language) -> None:
    golden.expect(
        FOLDER / f"all-well-all.{language}.txt", _drawn(judgements["all-well"], language, 88, everything=True)
    )


@pytest.mark.parametrize("name", LIVES)
def test_what_machines_read(judgements: dict[str, Judgement], name: str) -> None:
    answer = as_json(judgements[name])
    answer["verdicts"] = [each for each in answer["verdicts"] if each["performed"]]
    golden.expect_json(FOLDER / f"{name}.json", answer)


@pytest.mark.parametrize("name", LIVES)
def test_the_exit_code(judgements: dict[str, Judgement], name: str) -> None:
    assert judgements[name].exit_code is EXITS[name]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", LIVES)
def test_nothing_is_wider_than_the_terminal_but_commands(
    judgements: dict[str, Judgement], name: str, language: Language, width: int
) -> None:
    lines = _drawn(judgements[name], language, width, everything=True).splitlines()
    wide = [line for line in lines if width_of(line) > width and "intendance " not in line]
    assert wide == []


@pytest.mark.parametrize("name", LIVES)
def test_french_pages_keep_french_typography(judgements: dict[str, Judgement], name: str) -> None:
    lines = _drawn(judgements[name], "fr", 100).splitlines()
    prose = " ".join(line for line in lines if "intendance " not in line and not line.startswith("?"))
    prose = re.sub(" +", " ", prose)
    for english in ENGLISH_OF_EVIDENCE:
        prose = prose.replace(english, "x")
    assert list(french_faults(prose)) == []
