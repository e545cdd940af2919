"""A published file is whole or absent, and never written over unless that was asked for."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from intendance.system import publish as publishing
from intendance.system.publish import make_folder, publish


def test_a_file_appears_whole_with_its_mode_and_nothing_beside_it(tmp_path: Path) -> None:
    publish(tmp_path / "a/b/key", b"secret", mode=0o600)
    assert (tmp_path / "a/b/key").read_bytes() == b"secret"
    assert stat.S_IMODE((tmp_path / "a/b/key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["key"]


def test_a_name_that_is_taken_stays_as_it_is_unless_replacing(tmp_path: Path) -> None:
    publish(tmp_path / "x", b"first")
    with pytest.raises(FileExistsError):
        publish(tmp_path / "x", b"second")
    assert (tmp_path / "x").read_bytes() == b"first"
    publish(tmp_path / "x", b"third", replace=True)
    assert (tmp_path / "x").read_bytes() == b"third"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_the_names_of_new_folders_are_synced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(publishing, "sync_directory", synced.append)
    make_folder(tmp_path / "a/b/c")
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a/b"]
    make_folder(tmp_path / "a/b/c")
    assert len(synced) == 3
    assert (tmp_path / "a/b/c").is_dir()
