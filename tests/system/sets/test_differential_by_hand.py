"""A differential set opened by RESTORE.sh, in a shell where Intendance is not installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.trees import fill_oddly, snapshot
from tests.support.workshop import Workshop
from tests.system.sets.test_by_hand import Stranger, flip, one_key

pytestmark = pytest.mark.gnupg
__all__ = ["one_key"]


@pytest.fixture
def both(workshop: Workshop, one_key: Path) -> tuple[Stranger, Path]:
    """A stranger with the folders of a differential set and of its base side by side, as they lie in the store."""
    fill_oddly(workshop.tree)
    (workshop.tree / "old").mkdir()
    (workshop.tree / "old" / "gone").write_text("gone")
    (workshop.tree / "moved").mkdir()
    (workshop.tree / "moved" / "kept").write_text("kept")
    full = workshop.back_up()
    shutil.rmtree(workshop.tree / "old")
    (workshop.tree / "moved").rename(workshop.tree / "old")
    (workshop.tree / "new").write_text("new")
    done = workshop.back_up(kind="differential")
    assert done.kind == "differential"
    place = workshop.base / "elsewhere"
    (place / "tmp").mkdir(parents=True)
    for name in (full.set, done.set):
        shutil.copytree(workshop.folder(name), place / name)
    return Stranger(folder=place / done.set, home=one_key, place=place), place / full.set


def test_both_come_back_in_one_command(workshop: Workshop, both: tuple[Stranger, Path]) -> None:
    site, base = both
    assert "sh RESTORE.sh files DIR" in site.works("list")
    site.works("files", "back")
    assert snapshot(site.place / "back") == snapshot(workshop.tree)
    base.rename(site.place / "the base")
    assert base.name in site.refused("files", "again")
    assert not (site.place / "again").exists()
    site.works("files", "again", "the base")
    assert snapshot(site.place / "again") == snapshot(workshop.tree)


def test_another_set_is_no_base(workshop: Workshop, both: tuple[Stranger, Path]) -> None:
    site, _ = both
    other = workshop.folder(workshop.back_up().set)
    assert "which is not" in site.refused("files", "back", str(other))
    assert "which is not" in site.refused("files", "back", str(site.folder))
    assert not (site.place / "back").exists()


def test_a_damaged_base_is_refused(both: tuple[Stranger, Path]) -> None:
    site, base = both
    part = base / "tree-00000.zst.gpg"
    part.chmod(0o600)
    flip(part)
    assert "not complete; remove it" in site.refused("files", "back")
    manifest = base / "MANIFEST.json"
    manifest.chmod(0o600)
    flip(manifest)
    assert "which is not" in site.refused("files", "other")
