"""A real archive extracted by the real tar: where it may go, and what a damaged or hostile one may not do."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from intendance.engines.files import FilesEngine
from intendance.model.errors.engine import (
    DestinationTaken,
    DestinationUnusable,
    LoadFailed,
)
from intendance.model.plan import FilesAsset
from tests.support import engines

BIG = 4 << 20
ROOT = os.geteuid() == 0


@pytest.fixture
def site(tmp_path: Path) -> FilesAsset:
    """A tree whose first file, in tar's order, is longer than a pipe."""
    tree = tmp_path / "site"
    tree.mkdir()
    (tree / "big").write_bytes(b"0123456789abcdef" * (BIG // 16))
    (tmp_path / "scratch").mkdir()
    return FilesAsset(name="site", path=str(tree), backup=None)


def test_a_destination_inside_the_source_is_refused(site: FilesAsset, tmp_path: Path) -> None:
    taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch"))
    (tmp_path / "way").symlink_to(site.path)
    for into in (f"{site.path}/back", str(tmp_path / "way/back"), site.path):
        with pytest.raises(DestinationUnusable, match="inside"):
            FilesEngine(site).restore(taken.in_set, {}, into, tmp_path)


def test_nothing_that_stands_somewhere_is_a_destination(site: FilesAsset, tmp_path: Path) -> None:
    taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch"))
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/precious").write_text("keep me")
    (tmp_path / "file").write_text("keep me")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("dir", "file", "dangling"):
        session = FilesEngine(site).restore(taken.in_set, {}, str(tmp_path / name), tmp_path)
        with pytest.raises(DestinationTaken):
            session.prepare()
        session.discard()
    assert (tmp_path / "dir/precious").read_text() == "keep me"
    assert (tmp_path / "dangling").is_symlink()
    session = FilesEngine(site).restore(taken.in_set, {}, str(tmp_path / "no/parent"), tmp_path)
    with pytest.raises(DestinationUnusable):
        session.prepare()


def test_a_destination_is_closed_to_others_until_its_archived_mode_comes(site: FilesAsset, tmp_path: Path) -> None:
    Path(site.path).chmod(0o751)
    taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch"))
    session = FilesEngine(site).restore(taken.in_set, {}, str(tmp_path / "back"), tmp_path)
    session.prepare()
    assert not (tmp_path / "back").exists()
    assert Path(session.unfinished).stat().st_mode & 0o777 == 0o700
    for consumer in session.consumers():
        engines.feed(consumer, taken.streams[consumer.stream].content)
    session.publish()
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o751


def test_a_destination_that_is_too_small_is_refused_beforehand(site: FilesAsset, tmp_path: Path) -> None:
    taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch"))
    details = taken.in_set[0].details | {"archive_bytes": 1 << 60}
    streams = [replace(taken.in_set[0], details=details)]
    session = FilesEngine(site).restore(streams, {}, str(tmp_path / "back"), tmp_path)
    with pytest.raises(DestinationUnusable, match="bytes are needed"):
        session.prepare()
    assert not (tmp_path / "back").exists()


def test_a_damaged_archive_is_one_sentence_and_leaves_nothing(site: FilesAsset, tmp_path: Path) -> None:
    taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch"))
    session = FilesEngine(site).restore(taken.in_set, {}, str(tmp_path / "back"), tmp_path)
    session.prepare()
    (consumer,) = session.consumers()
    with pytest.raises(LoadFailed) as failed:
        engines.feed(consumer, os.urandom(20_480))
    assert "\n" not in failed.value.message
    session.discard()
    assert not (tmp_path / "back").exists()


def test_a_hostile_archive_writes_nothing_outside(site: FilesAsset, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    (evil / "in").mkdir(parents=True)
    (evil / "out").write_text("pwned")
    tar = ["tar", "-P", "-cf", "-", "-C", str(evil / "in"), "../out", f"{evil}/out"]
    archive = subprocess.run(tar, capture_output=True, check=True).stdout
    (evil / "out").unlink()
    taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch"))
    (evil / "back").mkdir()
    session = FilesEngine(site).restore(taken.in_set, {}, str(evil / "back/here"), tmp_path)
    session.prepare()
    (consumer,) = session.consumers()
    with pytest.raises(LoadFailed):
        engines.feed(consumer, archive)
    assert not (evil / "out").exists()
    assert not (evil / "back/out").exists()
    session.discard()


def test_missing_files_are_seen_after_a_restore(site: FilesAsset, tmp_path: Path) -> None:
    taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch"))
    session = FilesEngine(site).restore(taken.in_set, {}, str(tmp_path / "back"), tmp_path)
    engines.load(session, taken)
    (tmp_path / "back/big").unlink()
    assert engines.failed(session.check()) == ["files: 0 instead of 1", f"bytes: 0 instead of {BIG}"]
