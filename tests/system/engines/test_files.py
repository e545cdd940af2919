"""A real tree read by the real tar: what changes meanwhile and what cannot be read."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from intendance.engines import Producer
from intendance.engines.files import FilesEngine
from intendance.model.errors.engine import (
    EngineFailed,
    NothingLeft,
    SourceMissing,
)
from intendance.model.plan import FilesAsset
from intendance.system import process
from tests.support import engines
from tests.support.engines import TakenSet

BIG = 4 << 20
NAMED = "named in agent/snapshots/site.names of the state folder"
ROOT = os.geteuid() == 0


@pytest.fixture
def site(tmp_path: Path) -> FilesAsset:
    """A tree whose first file, in tar's order, is longer than a pipe."""
    tree = tmp_path / "site"
    tree.mkdir()
    (tree / "big").write_bytes(b"0123456789abcdef" * (BIG // 16))
    (tmp_path / "scratch").mkdir()
    return FilesAsset(name="site", path=str(tree), backup=None)


def _held_in_big(producer: Producer) -> tuple[process.Child, bytes]:
    """tar started and stuck in the content of `big`: its output is not read further."""
    child = engines.start(producer)
    begun = b""
    while b"0123456789abcdef" not in begun:
        read = os.read(child.stdout.fileno(), 4096)
        assert read, child.stderr()
        begun += read
    return child, begun


def _take_with(asset: FilesAsset, scratch: Path, meddle: Callable[[], object], again: Callable[[], object]) -> TakenSet:
    """A backup during which `meddle` is done while the tree is read, and `again` while the changed files are."""
    session = FilesEngine(asset).back_up("full", scratch)
    streams = {}
    for act in (meddle, again):
        producer = session.next_producer()
        if producer is None:
            break
        child, begun = _held_in_big(producer)
        act()
        streams[producer.stream] = engines.finish(producer, child, begun)
    assert session.next_producer() is None
    session.close()
    return TakenSet(session.source, streams, engines.told_apart(session))


def _nothing() -> None: ...


def test_a_file_that_changes_is_read_again_and_comes_back_as_it_was_then(site: FilesAsset, tmp_path: Path) -> None:
    big = Path(site.path, "big")

    def change() -> None:
        with big.open("r+b") as file:
            file.seek(0)
            file.write(b"CHANGED")
            file.seek(BIG - 16)
            file.write(b"FEDCBA9876543210")

    taken = _take_with(site, tmp_path / "scratch", change, _nothing)
    assert list(taken.streams) == ["tree", "again"]
    assert taken.warnings == ()
    session = FilesEngine(site).restore(taken.in_set, {}, str(tmp_path / "back"), tmp_path)
    assert engines.failed(engines.load(session, taken)) == []
    assert (tmp_path / "back/big").read_bytes() == big.read_bytes()
    assert (tmp_path / "back/big").read_bytes().startswith(b"CHANGED")


def test_a_file_that_still_changes_is_listed(site: FilesAsset, tmp_path: Path) -> None:
    big = Path(site.path, "big")

    def grow() -> None:
        with big.open("ab") as file:
            file.write(b"more")

    taken = _take_with(site, tmp_path / "scratch", grow, grow)
    assert taken.warnings == (f"still changing when read again: 1 ({NAMED})",)
    assert taken.told_apart == ("still changing when read again:", "  big")


def test_a_file_that_shrinks_is_read_again(site: FilesAsset, tmp_path: Path) -> None:
    taken = _take_with(site, tmp_path / "scratch", lambda: os.truncate(f"{site.path}/big", 1 << 20), _nothing)
    session = FilesEngine(site).restore(taken.in_set, {}, str(tmp_path / "back"), tmp_path)
    engines.load(session, taken)
    assert (tmp_path / "back/big").stat().st_size == 1 << 20


def test_a_file_that_vanishes_is_listed_and_the_rest_is_whole(site: FilesAsset, tmp_path: Path) -> None:
    # tar reads a folder's names in the folder's own order; only those after `big` are still to come.
    later: list[str] = []
    for number in range(1000):
        Path(site.path, f"z{number:03}").write_text("here")
        names = [path.name for path in Path(site.path).iterdir()]
        later = names[names.index("big") + 1 :]
        if len(later) >= 3:
            break

    def lose() -> None:
        for name in later:
            Path(site.path, name).unlink()

    taken = _take_with(site, tmp_path / "scratch", lose, _nothing)
    (warning,) = (warning for warning in taken.warnings if "gone before" in warning)
    assert warning == f"gone before they could be read: {len(later)} ({NAMED})"
    assert sorted(taken.told_apart) == sorted(["gone before they could be read:", *(f"  {name}" for name in later)])
    session = FilesEngine(site).restore(taken.in_set, {}, str(tmp_path / "back"), tmp_path)
    assert engines.failed(engines.load(session, taken)) == []
    assert sorted([path.name for path in (tmp_path / "back").iterdir()]) == sorted(
        path.name for path in Path(site.path).iterdir()
    )


def test_a_changed_file_that_vanishes_before_it_is_read_again_keeps_its_first_reading(
    site: FilesAsset, tmp_path: Path
) -> None:
    big = Path(site.path, "big")
    session = FilesEngine(site).back_up("full", tmp_path / "scratch")
    producer = session.next_producer()
    assert producer is not None
    child, begun = _held_in_big(producer)
    big.write_bytes(big.read_bytes()[:-1] + b"!")
    streams = {"tree": engines.finish(producer, child, begun)}
    big.unlink()
    producer = session.next_producer()
    assert producer is not None
    streams["again"] = engines.finish(producer, engines.start(producer))
    taken = TakenSet(session.source, streams)
    restore = FilesEngine(site).restore(taken.in_set, {}, str(tmp_path / "back"), tmp_path)
    assert engines.failed(engines.load(restore, taken)) == []
    assert (tmp_path / "back/big").stat().st_size == BIG


def test_sockets_are_counted_and_left_out(site: FilesAsset, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="int-", dir="/tmp") as short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{short}/s")
        Path(short, "s").rename(Path(site.path, "s"))
        taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch"))
    assert taken.warnings == ("sockets, which hold nothing, were left out: 1",)


def test_excludes_leave_out_and_are_counted(site: FilesAsset, tmp_path: Path) -> None:
    for name in ("cache/a/b", "sub/cache/c", "sub/x.log", "sub/kept"):
        path = Path(site.path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    asset = replace(site, exclude=("cache/*", "*.log", "logs/"))
    source = FilesEngine(asset).look()
    assert source.estimated_bytes == BIG + 5
    assert any("`logs/` excludes nothing" in warning for warning in source.warnings)
    taken = engines.take(FilesEngine(asset).back_up("full", tmp_path / "scratch"))
    session = FilesEngine(asset).restore(taken.in_set, {}, str(tmp_path / "back"), tmp_path)
    assert engines.failed(engines.load(session, taken)) == []
    back = tmp_path / "back"
    assert sorted(str(path.relative_to(back)) for path in back.rglob("*")) == [
        "big", "cache", "sub", "sub/cache", "sub/kept",
    ]  # fmt: skip


@pytest.mark.parametrize("expected_bytes", [None, BIG])
@pytest.mark.parametrize("pattern", ["*", ".*", "?", ".", "./*", ".?*"])
def test_patterns_that_leave_nothing_are_refused(
    site: FilesAsset, tmp_path: Path, pattern: str, expected_bytes: int | None
) -> None:
    with pytest.raises(NothingLeft):
        engines.take(
            FilesEngine(replace(site, exclude=(pattern,))).back_up("full", tmp_path / "scratch", expected_bytes)
        )


def test_the_pattern_that_is_advised_leaves_out_hidden_names_only(site: FilesAsset) -> None:
    Path(site.path, ".git").mkdir()
    Path(site.path, ".git/x").write_text("x")
    found = FilesEngine(replace(site, exclude=(".[!/]*",))).look()
    assert found.estimated_bytes == BIG


@pytest.mark.parametrize("expected_bytes", [None, BIG])
def test_a_live_sqlite_database_is_a_warning(site: FilesAsset, tmp_path: Path, expected_bytes: int | None) -> None:
    connection = sqlite3.connect(f"{site.path}/data.bin")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    Path(site.path, "notes.db").write_text("not a database")
    taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch", expected_bytes))
    connection.close()
    assert [warning for warning in taken.warnings if "SQLite" in warning and warning.endswith(f": 1 ({NAMED})")]
    assert taken.told_apart[1:] == ("  data.bin",)


def test_a_database_that_this_process_has_open_keeps_its_locks(site: FilesAsset) -> None:
    place = Path(site.path, "state.db")
    connection = sqlite3.connect(place, isolation_level=None)
    connection.execute("CREATE TABLE t (a)")
    connection.execute("BEGIN IMMEDIATE")
    assert [warning for warning in FilesEngine(site).look().warnings if warning.startswith("SQLite databases")]
    intruder = f"import sqlite3; sqlite3.connect({str(place)!r}, timeout=0).execute('BEGIN IMMEDIATE')"
    done = subprocess.run([sys.executable, "-c", intruder], capture_output=True, text=True, check=False)
    connection.close()
    assert "database is locked" in done.stderr


@pytest.mark.parametrize("expected_bytes", [None, 0])
def test_an_empty_folder_is_backed_up_with_a_question(tmp_path: Path, expected_bytes: int | None) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "scratch").mkdir()
    asset = FilesAsset(name="site", path=str(tmp_path / "empty"), backup=None)
    taken = engines.take(FilesEngine(asset).back_up("full", tmp_path / "scratch", expected_bytes))
    assert taken.warnings == ("the folder is empty: is a disk not mounted?",)
    session = FilesEngine(asset).restore(taken.in_set, {}, str(tmp_path / "back"), tmp_path)
    assert engines.failed(engines.load(session, taken)) == []


def test_a_path_that_is_a_file_is_one_sentence(site: FilesAsset) -> None:
    with pytest.raises(SourceMissing, match="is not a folder"):
        FilesEngine(replace(site, path=f"{site.path}/big")).look()


def test_a_link_to_the_tree_is_the_same_source(site: FilesAsset, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("site")
    linked = FilesEngine(replace(site, path=str(tmp_path / "current"))).look()
    assert linked.identity == FilesEngine(site).look().identity
    assert linked.estimated_bytes == BIG


def _as_nobody(code: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a user who owns nothing (only root can); modes mean nothing to root itself."""
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", code, *argv]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


TRY = """
import sys
from pathlib import Path
from intendance.engines.files import FilesEngine
from intendance.model.errors import IntendanceError
from intendance.model.plan import FilesAsset
from tests.support import engines
session = None
try:
    session = FilesEngine(FilesAsset(name="site", path=sys.argv[1], backup=None)).back_up("full", Path(sys.argv[2]))
    engines.take(session)
    print("taken")
except IntendanceError as error:
    print(type(error).__name__, error.message, "|", error.advice)
    print(session and session.told_apart)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder below /tmp that any user may enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="int-files-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
def test_a_file_that_may_not_be_read_fails_the_backup_and_is_named(open_folder: Path) -> None:
    tree = open_folder / "site"
    (tree / "closed").mkdir(parents=True)
    (tree / "closed").chmod(0o700)
    (tree / "secret\n.txt").write_text("x")
    (tree / "secret\n.txt").chmod(0o600)
    scratch = open_folder / "scratch"
    scratch.mkdir()
    os.chown(scratch, 65534, 65534)
    ended = _as_nobody(TRY, str(tree), str(scratch))
    assert ended.stdout.startswith("AccessDenied "), ended
    said, _, apart = ended.stdout.partition(" | ")
    assert said.endswith(f": Cannot open: Permission denied: 2 ({NAMED})."), said
    assert "secret\\\\n.txt: Cannot open: Permission denied" in apart
    assert "closed" in apart
    assert "`exclude`" in apart


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
def test_a_folder_that_may_not_be_read_is_one_sentence(open_folder: Path) -> None:
    (open_folder / "site").mkdir(mode=0o700)
    (open_folder / "scratch").mkdir()
    ended = _as_nobody(TRY, str(open_folder / "site"), str(open_folder / "scratch"))
    assert ended.stdout.startswith("AccessDenied "), ended
    assert "cannot be read by this user" in ended.stdout


def test_another_file_system_in_the_tree_is_left_out_and_named(site: FilesAsset, tmp_path: Path) -> None:
    inside = Path(site.path, "mounted")
    inside.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "none", str(inside)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this user may not mount")
    try:
        (inside / "elsewhere").write_text("not ours")
        taken = engines.take(FilesEngine(site).back_up("full", tmp_path / "scratch"))
    finally:
        subprocess.run(["umount", str(inside)], check=True)
    (warning,) = taken.warnings
    assert warning.startswith("other file systems are mounted in the tree")
    assert warning.endswith(f": 1 ({NAMED})")
    assert taken.told_apart[1:] == ("  mounted",)
    assert b"not ours" not in taken.streams["tree"].content


def test_an_interrupted_tar_is_an_error(site: FilesAsset, tmp_path: Path) -> None:
    session = FilesEngine(site).back_up("full", tmp_path / "scratch")
    producer = session.next_producer()
    assert producer is not None
    child, begun = _held_in_big(producer)
    child.end()
    with pytest.raises(EngineFailed, match="signal 9"):
        engines.finish(producer, child, begun)
