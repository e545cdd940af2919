"""A comparison is worth what it would notice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from demonstration.comparison import NotTheSame, compare_databases, compare_trees
from intendance.engines.private_mariadb import PrivateServer


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    original, copy = tmp_path / "original", tmp_path / "copy"
    (original / "uploads").mkdir(parents=True)
    (original / "uploads/a.jpg").write_bytes(b"abc")
    (original / "index.php").symlink_to("uploads/a.jpg")
    (original / "cache").mkdir()
    (original / "cache/x").write_text("left out of the backup")
    (original / "uploads/error.log").write_text("left out too")
    shutil.copytree(original, copy, symlinks=True)
    (copy / "cache/x").unlink()
    (copy / "uploads/error.log").unlink()
    return original, copy


def test_equal_trees_are_equal_without_what_the_plan_excludes(trees: tuple[Path, Path]) -> None:
    assert compare_trees(*trees) == "3 paths, every content, mode, time and link equal"


def _flip(copy: Path) -> None:
    status = (copy / "uploads/a.jpg").stat()
    (copy / "uploads/a.jpg").write_bytes(b"abd")
    os.utime(copy / "uploads/a.jpg", ns=(status.st_atime_ns, status.st_mtime_ns))


def _lose(copy: Path) -> None:
    (copy / "uploads/a.jpg").unlink()


def _add(copy: Path) -> None:
    (copy / "extra").touch()


def _open(copy: Path) -> None:
    (copy / "uploads/a.jpg").chmod(0o777)


def _age(copy: Path) -> None:
    os.utime(copy / "uploads/a.jpg", (1, 1))


def _relink(copy: Path) -> None:
    (copy / "index.php").unlink()
    (copy / "index.php").symlink_to("elsewhere")


@pytest.mark.parametrize("damage", [_flip, _lose, _add, _open, _age, _relink])
def test_any_difference_between_trees_is_noticed(trees: tuple[Path, Path], damage: Callable[[Path], None]) -> None:
    damage(trees[1])
    with pytest.raises(NotTheSame):
        compare_trees(*trees)


TABLES = "CREATE TABLE member (id INT PRIMARY KEY, name TEXT); INSERT INTO member VALUES (1, 'Ève'), (2, 'Ada');"


@pytest.mark.mariadb
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE member SET name = 'Eve' WHERE id = 1",
        "DELETE FROM member WHERE id = 2",
        "CREATE TABLE extra (id INT)",
        "DROP TABLE member",
    ],
)
def test_any_difference_between_databases_is_noticed(
    mariadb_server: PrivateServer, mariadb_database_maker: Callable[[], str], damage: str
) -> None:
    original, copy = mariadb_database_maker(), mariadb_database_maker()
    for name in (original, copy):
        mariadb_server.execute(TABLES, database=name)
    assert compare_databases(mariadb_server, original, copy) == "1 tables with 2 rows, every checksum equal"
    mariadb_server.execute(damage, database=copy)
    with pytest.raises(NotTheSame, match=r"member|extra|holds no table"):
        compare_databases(mariadb_server, original, copy)


@pytest.mark.mariadb
def test_an_empty_original_proves_nothing(
    mariadb_server: PrivateServer, mariadb_database_maker: Callable[[], str]
) -> None:
    with pytest.raises(NotTheSame, match="holds no table"):
        compare_databases(mariadb_server, mariadb_database_maker(), mariadb_database_maker())
