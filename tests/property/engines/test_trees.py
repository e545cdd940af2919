# ruff: noqa: PTH101, PTH102, PTH114, PTH115, PTH211 -- names here are bytes, which pathlib does not take
"""Arbitrary trees go through the engine's tar and come back bit by bit; patterns leave out what tar leaves out."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from intendance.engines.files import FilesEngine, walk
from intendance.engines.files.excludes import Excludes
from intendance.model.plan import FilesAsset
from tests.support import engines

ROOT = os.geteuid() == 0

# Names as a file system takes them: any bytes but / and NUL. Short ones meet often, odd ones break parsers.
NAME = st.one_of(
    st.sampled_from([b"a", b"b", b"-v", b"--help", b"\n", b"a\nb", b" ", b'"', b"\\", b"\xff\xfe", "é".encode(), b"*",
                     b"x" * 255, b"./a"[2:], b"tar: x", b"\x1b[0m", b"~", b"a.log", b"cache"]),
    st.binary(min_size=1, max_size=40).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"0")),
).filter(lambda name: name not in (b".", b".."))  # fmt: skip
CONTENT = st.one_of(
    st.binary(max_size=3000),
    st.integers(0, 5).map(lambda blocks: b"\0" * 512 * blocks),
    st.tuples(st.integers(0, 200_000), st.binary(min_size=1, max_size=20)).map(lambda hole: b"\0" * hole[0] + hole[1]),
)
# Years 1970 to 2242: what an ext4 inode holds. Nanoseconds survive too.
TIME = st.integers(0, 8_589_934_591 * 10**9 - 1)


@dataclass(frozen=True)
class Node:
    """One thing in a tree: a folder has children, a link a target, a second name the number of a file."""

    kind: str
    mode: int
    time_ns: int
    content: bytes = b""
    children: tuple[tuple[bytes, Node], ...] = ()
    attribute: bytes | None = None


def _leaf() -> st.SearchStrategy[Node]:
    modes = st.integers(0, 0o7777) if ROOT else st.integers(0, 0o777).map(lambda mode: mode | 0o600)
    file = st.builds(
        Node,
        kind=st.sampled_from(["file", "file", "sparse"]),
        mode=modes,
        time_ns=TIME,
        content=CONTENT,
        attribute=st.none() | st.binary(max_size=30),
    )
    link = st.builds(Node, kind=st.just("symlink"), mode=st.just(0), time_ns=st.just(0), content=NAME)
    second = st.builds(Node, kind=st.just("second name"), mode=st.just(0), time_ns=st.just(0))
    pipe = st.builds(Node, kind=st.just("pipe"), mode=modes, time_ns=TIME)
    return st.one_of(file, file, file, link, second, pipe)


def _folder(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    modes = st.integers(0, 0o7777) if ROOT else st.integers(0, 0o777).map(lambda mode: mode | 0o700)
    entries = st.dictionaries(NAME, children, max_size=6).map(lambda named: tuple(named.items()))
    return st.builds(Node, kind=st.just("folder"), mode=modes, time_ns=TIME, children=entries)


TREE = _folder(st.recursive(_leaf(), _folder, max_leaves=12))


def _write(node: Node, path: bytes, files: list[bytes]) -> None:
    if node.kind == "folder":
        os.mkdir(path, 0o700)
        for name, child in node.children:
            _write(child, path + b"/" + name, files)
    elif node.kind == "symlink":
        os.symlink(node.content, path)
        return
    elif node.kind == "second name":
        if files:
            os.link(files[len(files) // 2], path)
        return
    elif node.kind == "pipe":
        os.mkfifo(path)
    else:
        _write_file(node, path)
        files.append(path)
    os.chmod(path, node.mode)
    os.utime(path, ns=(node.time_ns, node.time_ns))


def _write_file(node: Node, path: bytes) -> None:
    with open(path, "wb") as file:
        if node.kind == "sparse":
            file.truncate(len(node.content) + 100_000)
            file.seek(50_000)
        file.write(node.content)
    if node.attribute is not None:
        try:
            os.setxattr(path, "user.note", node.attribute)
        except OSError:  # not every file system has them
            return


def _fingerprint(root: bytes) -> dict[bytes, tuple[object, ...]]:
    """Everything that a restore must bring back, by name; times of links are not tar's to keep."""
    found: dict[bytes, tuple[object, ...]] = {}
    numbers: dict[int, bytes] = {}
    for place, folders, names in os.walk(root):
        for name in [b".", *names, *(folder for folder in folders if os.path.islink(place + b"/" + folder))]:
            path = place + b"/" + name
            seen = os.lstat(path)
            short = os.path.relpath(path, root)
            first = numbers.setdefault(seen.st_ino, short) if not stat.S_ISDIR(seen.st_mode) else short
            entry: list[object] = [stat.S_IFMT(seen.st_mode)]
            if stat.S_ISLNK(seen.st_mode):
                entry.append(os.readlink(path))
            else:
                entry += [seen.st_mode, seen.st_mtime_ns, seen.st_uid, seen.st_gid, _attributes(path), first]
            if stat.S_ISREG(seen.st_mode):
                with open(path, "rb") as file:
                    entry.append(file.read())
            found[short] = tuple(entry)
    # Which of several names was met first depends on the folder's order: compare the groups, not their first name.
    groups: dict[object, list[bytes]] = {}
    for short, entry_ in found.items():
        groups.setdefault(entry_[6] if len(entry_) > 6 else short, []).append(short)
    together = {short: tuple(sorted(group)) for group in groups.values() for short in group}
    return {short: (*entry_[:6], together[short], *entry_[7:]) for short, entry_ in found.items()}


def _attributes(path: bytes) -> dict[str, bytes]:
    try:
        return {name: os.getxattr(path, name) for name in os.listxattr(path) if name.startswith("user.")}
    except OSError:
        return {}


@contextmanager
def _room() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="int-tree-"))
    try:
        yield folder
    finally:
        for place, names, _ in os.walk(os.fsencode(folder)):
            for name in names:
                if not os.path.islink(place + b"/" + name):
                    os.chmod(place + b"/" + name, 0o700)
        shutil.rmtree(os.fsencode(folder))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tree=TREE)
def test_a_tree_survives_bit_by_bit(tree: Node) -> None:
    with _room() as room:
        _write(tree, os.fsencode(room) + b"/tree", [])
        (room / "scratch").mkdir()
        before = _fingerprint(os.fsencode(room) + b"/tree")
        engine = FilesEngine(FilesAsset(name="site", path=str(room / "tree"), backup=None))
        taken = engines.take(engine.back_up("full", room / "scratch"))
        assert list(taken.streams) == ["tree"]
        session = engine.restore(taken.in_set, {}, str(room / "back"), room / "scratch")
        assert engines.failed(engines.load(session, taken)) == []
        assert _fingerprint(os.fsencode(room) + b"/back") == before
        session.discard()
        assert not (room / "back").exists()


PATTERN = st.text(alphabet="ab/*?[]!^-\\.", min_size=1, max_size=6)
PLAIN_NAMES = st.text(alphabet="ab]!^-\\*.", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(st.lists(PLAIN_NAMES, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8)


@settings(max_examples=150)
@given(patterns=st.lists(PATTERN, min_size=1, max_size=3), paths=PATHS)
@example(patterns=["[\\]"], paths=["\\", "a"])
@example(patterns=["[b\\]a]"], paths=["b", "]", "\\", "!"])
@example(patterns=["[]--!]"], paths=["!", "]", "-"])
@example(patterns=["[[.b]-", "[a[=]"], paths=["b-", ".-", "a"])
@example(patterns=["[[.a.]b]"], paths=["a", "b", "."])
def test_patterns_leave_out_what_tar_leaves_out(patterns: list[str], paths: list[str]) -> None:
    with _room() as room:
        for name in paths:
            path = room / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                continue
        excluded = [f"--exclude={pattern}" for pattern in patterns]
        listed = subprocess.run(
            ["tar", "-cf", "/dev/null", "-C", str(room), "-v", "--quoting-style=literal", *excluded, "."],
            capture_output=True, text=True, check=True, env=os.environ | {"LC_ALL": "C.UTF-8"},
        ).stdout.splitlines()  # fmt: skip
        excludes = Excludes(patterns)
        assert excludes.match(".") == (not listed)
        if listed:
            found = walk.count(str(room), excludes)
            assert found.directories + found.files == len(listed)
