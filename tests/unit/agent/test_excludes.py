"""What exclusions leave out is what tar leaves out: names compared with a real archive's, patterns of every kind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from intendance.agent import excludes
from intendance.model.errors.engine import SourceMissing
from intendance.model.plan import FilesAsset
from intendance.plan.excluding import leaves_out

PATTERNS = [
    "cache", "cache/*", "./cache", "*.log", "logs/*", "[cC]ache", "?.tmp", "with space", "*/cache/x", "cache/**",
    "new*", "*\xe9*", "nothing",
]  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in (
        "cache/x",
        "a/cache/deep/y",
        "logs/1.log",
        "a/b.log",
        "a.tmp",
        "with space/z",
        "keep",
        "Cache/q",
        "caché",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode() * 100)
    (root / "new\nline").write_text("odd")
    Path(os.fsdecode(os.fsencode(root) + b"/bad\xff\\name")).write_text("odder")
    (root / "link").symlink_to("keep")
    os.link(root / "keep", root / "hard")
    (root / "empty").mkdir()
    return root


def archived(root: Path, patterns: list[str], scratch: Path) -> frozenset[bytes]:
    """What a real archive with these patterns holds, by extracting it elsewhere."""
    target = scratch / "extracted"
    target.mkdir()
    words = [f"--exclude={pattern}" for pattern in patterns]
    made = subprocess.run(
        ["tar", "-C", root, *words, "-cf", "-", "."],
        check=True,
        capture_output=True,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    subprocess.run(["tar", "-C", target, "-xf", "-"], input=made.stdout, check=True)
    found = {b"."} if made.stdout.strip(b"\0") else set()
    for folder, folders, names in os.walk(os.fsencode(target)):
        found |= {b"./" + os.path.relpath(os.path.join(folder, name), os.fsencode(target)) for name in folders + names}
    return frozenset(found)


@pytest.mark.parametrize("patterns", [[], *[[pattern] for pattern in PATTERNS], ["*.log", "cache", "a/*"]])
def test_the_members_are_those_of_a_real_archive(patterns: list[str], tree: Path, tmp_path: Path) -> None:
    assert excludes.members(str(tree), patterns) == archived(tree, patterns, tmp_path)


@pytest.mark.parametrize("pattern", [*PATTERNS, "*", ".", "./a", "b.log", "a"])
def test_the_pure_reading_of_a_pattern_agrees_with_tar(pattern: str, tree: Path) -> None:
    kept = excludes.members(str(tree), [pattern])
    for member in excludes.members(str(tree), []):
        relative = os.fsdecode(member.removeprefix(b"./"))
        if member != b"." and "\xff" not in relative and relative.isprintable():
            assert leaves_out([pattern], relative) == (member not in kept), relative


def test_counts_and_bytes(tree: Path) -> None:
    found = excludes.count(FilesAsset(name="t", path=str(tree), backup=None, exclude=("cache", "*.log", "nothing")))
    assert found.excluded.files == 4  # cache/x, a/cache/deep/y, logs/1.log, a/b.log
    assert found.excluded.folders == 3  # cache, a/cache, a/cache/deep
    assert found.excluded.size_bytes == 100 * sum(map(len, ("cache/x", "a/cache/deep/y", "logs/1.log", "a/b.log")))
    assert (found.by_pattern["cache"].files, found.by_pattern["*.log"].files) == (2, 2)
    assert found.by_pattern["nothing"] == excludes.Amount(files=0, folders=0, size_bytes=0)
    total = excludes.count(FilesAsset(name="t", path=str(tree), backup=None))
    assert total.excluded.files == total.excluded.folders == total.excluded.size_bytes == 0
    assert total.kept.files == found.kept.files + found.excluded.files
    assert total.kept.size_bytes == found.kept.size_bytes + found.excluded.size_bytes


def test_a_file_with_two_names_is_counted_once_in_bytes(tree: Path) -> None:
    (tree / "hard").unlink()
    before = excludes.count(FilesAsset(name="t", path=str(tree), backup=None)).kept
    os.link(tree / "keep", tree / "hard")
    after = excludes.count(FilesAsset(name="t", path=str(tree), backup=None)).kept
    assert (after.files, after.size_bytes) == (before.files + 1, before.size_bytes)


def test_a_tree_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        excludes.count(FilesAsset(name="t", path=str(tmp_path / "none"), backup=None))
