"""Entries that change places, stopped at every act: the next start finishes it, or takes it back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intendance.engines.files import placing
from intendance.engines.files.excludes import Excludes
from intendance.engines.files.placing import Placing, find_moves

BEFORE = {"both": "old", "stranger": "stranger", "folder/a": "old a", "folder/b": "old b"}
AFTER = {"both": "new", "lost": "found", "folder/a": "new a"}
MOST = 40


class Stopped(BaseException):
    """The process ended here."""


def contents(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def begun(base: Path) -> tuple[Placing, Path]:
    """Two trees, and what exchanges them."""
    shutil.rmtree(base, ignore_errors=True)
    root, restored, replaced = base / "root", base / "case/restored", base / "case/replaced"
    for tree, held in ((root, BEFORE), (restored, AFTER)):
        for name, text in held.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
    moves = find_moves(root, restored, Excludes(()), (), base / "case")
    found = Placing(moves, root, restored, replaced)
    found.note()
    return found, root


def stop_at(patch: pytest.MonkeyPatch, boundary: int) -> None:
    """Before and after every act, as a kill would."""
    passed = 0

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*places: Path) -> Any:
            count()
            answer = real(*places)
            count()
            return answer

        return act

    def count() -> None:
        nonlocal passed
        passed += 1
        if passed == boundary:
            raise Stopped

    for name in ("exchange", "rename_new"):
        patch.setattr(placing, name, around(getattr(placing, name)))


def stopped(act: Callable[[], None], boundary: int) -> bool:
    """Whether there was such a boundary."""
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, boundary)
        try:
            act()
        except Stopped:
            return True
    return False


def boundaries(base: Path, prepared: Callable[[Placing], None], act: Callable[[Placing], None]) -> list[int]:
    found: list[int] = []
    for boundary in range(1, MOST):
        placed, _ = begun(base)
        prepared(placed)
        if not stopped(lambda placed=placed: act(placed), boundary):  # type: ignore[misc]
            return found
        found.append(boundary)
    raise AssertionError("more acts than expected")


def test_stopped_on_the_way_there_it_is_finished_or_taken_back(tmp_path: Path) -> None:
    tried = boundaries(tmp_path / "tried", lambda _: None, Placing.forward)
    assert len(tried) >= 12
    for boundary in tried:
        placed, root = begun(tmp_path / "there")
        assert stopped(placed.forward, boundary)
        placed.back()
        assert contents(root) == BEFORE, boundary
        placed, root = begun(tmp_path / "there")
        assert stopped(placed.forward, boundary)
        placed.forward()
        assert contents(root) == AFTER, boundary
        placed.back()
        assert contents(root) == BEFORE, boundary


@pytest.mark.parametrize("written", [False, True], ids=["as it was put", "written anew since"])
def test_stopped_on_the_way_back_it_is_taken_back(tmp_path: Path, written: bool) -> None:
    def there(placed: Placing) -> None:
        placed.forward()
        if written:
            fresh = placed._root / "fresh"
            fresh.write_text("written since")
            fresh.rename(placed._root / "both")

    tried = boundaries(tmp_path / "tried", there, Placing.back)
    assert len(tried) >= 12
    for boundary in tried:
        placed, root = begun(tmp_path / "back")
        there(placed)
        assert stopped(placed.back, boundary)
        placed.back()
        assert contents(root) == BEFORE, boundary
        kept = {path.read_text() for path in (tmp_path / "back/case").rglob("*") if path.is_file()}
        assert ({"written since"} if written else {"new"}) <= kept, boundary
