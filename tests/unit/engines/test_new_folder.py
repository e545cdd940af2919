"""A folder that has its name only once it is whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intendance.engines.new_folder import NewFolder, partial_name
from intendance.model.errors.engine import DestinationTaken, DestinationUnusable
from intendance.system import publish


def made(path: Path) -> NewFolder:
    folder = NewFolder(path)
    folder.create()
    (folder.place / "content").write_text("all of it")
    return folder


def test_it_has_its_name_only_when_published(tmp_path: Path) -> None:
    folder = made(tmp_path / "back")
    assert [path.name for path in tmp_path.iterdir()] == [".back.intendance-partial"]
    assert folder.place.stat().st_mode & 0o777 == 0o700
    folder.publish()
    folder.close()
    assert [path.name for path in tmp_path.iterdir()] == ["back"]
    assert (folder.place / "content").read_text() == "all of it"


def test_given_up_before_or_after_its_name_it_is_gone(tmp_path: Path) -> None:
    for publishes in (False, True):
        folder = made(tmp_path / "back")
        (folder.place / "closed").mkdir(mode=0o000)
        if publishes:
            folder.publish()
        folder.discard()
        folder.close()
        assert list(tmp_path.iterdir()) == []


def test_stopped_right_after_the_renaming_it_is_gone_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publish, "sync_directory", stopped)
    folder = made(tmp_path / "back")
    with pytest.raises(KeyboardInterrupt):
        folder.publish()
    assert (tmp_path / "back").exists()
    folder.discard()
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_restore_left_is_cleared_away(tmp_path: Path) -> None:
    left = made(tmp_path / "back")
    (left.place / "old").mkdir()
    left.place.chmod(0o555)
    left.close()  # as its death would: the lock is gone, nothing else
    folder = made(tmp_path / "back")
    assert [path.name for path in folder.place.iterdir()] == ["content"]
    folder.close()


def test_one_that_is_under_way_is_left_alone(tmp_path: Path) -> None:
    first = made(tmp_path / "back")
    second = NewFolder(tmp_path / "back")
    with pytest.raises(DestinationUnusable, match="under way"):
        second.create()
    second.discard()
    second.close()
    assert (first.place / "content").exists()
    first.publish()
    first.close()


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    partial = tmp_path / partial_name("back")
    for make in (lambda: partial.symlink_to(precious), lambda: partial.write_text("x")):
        make()
        with pytest.raises(DestinationUnusable, match="stands in its way"):
            NewFolder(tmp_path / "back").create()
        partial.unlink()
    assert precious.exists()


def test_whoever_takes_the_name_meanwhile_keeps_it(tmp_path: Path) -> None:
    for take in (Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")):
        folder = made(tmp_path / "back")
        take(tmp_path / "back")
        with pytest.raises(DestinationTaken):
            folder.publish()
        folder.discard()
        folder.close()
        (left,) = tmp_path.iterdir()
        assert left == tmp_path / "back"
        left.rmdir() if left.is_dir() else left.unlink()


def test_where_renaming_cannot_be_exclusive_nothing_is_replaced_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(temporary: Path, path: Path) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(publish, "_rename_without_replacing", unknown)
    (tmp_path / "taken").mkdir()
    for name in ("taken", "free"):
        (tmp_path / f"new-{name}").mkdir()
    with pytest.raises(FileExistsError):
        publish.publish_folder(tmp_path / "new-taken", tmp_path / "taken")
    publish.publish_folder(tmp_path / "new-free", tmp_path / "free")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["free", "new-taken", "taken"]


@pytest.mark.parametrize("name", ["a", "n" * 255, "é" * 127])
def test_its_partial_name_is_a_name(name: str) -> None:
    partial = partial_name(name)
    assert len(os.fsencode(partial)) <= 255
    assert partial.startswith(".")
    assert partial.endswith(".intendance-partial")
    assert partial != partial_name(name[:-1] + "b")
