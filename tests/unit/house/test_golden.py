"""Golden files are compared to the letter, wherever they stand; nothing passes that they do not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import golden
from tests.unit.house.tree import ROOT


@pytest.fixture(autouse=True)
def reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOLDEN", raising=False)


def test_what_is_said_is_what_the_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "page.en.txt"
    path.write_text("one\ntwo\n", encoding="utf-8")
    golden.expect(path, golden.text(["one ", "two"]))


@pytest.mark.parametrize("held", ["one\ntwo", "one\n two\n", "one\ntwo\nthree\n", "One\ntwo\n", ""])
def test_any_other_text_is_refused_with_the_difference(tmp_path: Path, held: str) -> None:
    path = tmp_path / "page.en.txt"
    path.write_text(held, encoding="utf-8")
    with pytest.raises(AssertionError, match="what is said"):
        golden.expect(path, "one\ntwo\n")
    assert path.read_text(encoding="utf-8") == held


def test_a_page_without_its_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="does not exist"):
        golden.expect_json(tmp_path / "answer.json", {"a": 1})


def test_files_are_written_when_a_person_asks_and_never_where_tests_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLDEN", "write")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="does not exist"):
        golden.expect(tmp_path / "page.txt", "one\n")
    monkeypatch.delenv("CI")
    golden.expect_json(tmp_path / "of/answer.json", {"é": 1})
    assert (tmp_path / "of/answer.json").read_text(encoding="utf-8") == '{\n  "é": 1\n}\n'


def test_no_test_compares_golden_files_in_a_way_of_its_own() -> None:
    own = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if '"GOLDEN"' in path.read_text(encoding="utf-8")
    ]
    assert sorted(own) == ["tests/support/golden.py", "tests/unit/house/test_golden.py"]
