"""The restore of a site killed with SIGKILL at a boundary: under its name stands all of it, or nothing; and of a SQLite
database as well."""

from __future__ import annotations

import pytest

from tests.crash.test_restore_killed import again, count, killed, parts_of
from tests.support.sqlite import dump
from tests.support.state import Site
from tests.support.trees import snapshot
from tests.system.test_site_restore import two

pytestmark = pytest.mark.gnupg
__all__ = ["two"]


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.long), 6])
def test_a_site_is_whole_or_absent(two: Site, step: int) -> None:
    assert two.run("backup", "run").code == 0
    parent = two.base / "restores"
    parent.mkdir()
    tree, rows = snapshot(two.tree), dump(two.base / "members.sqlite")
    boundaries = count(two, "crud", str(parent / "whole"))
    assert boundaries >= 20, "two assets, and the folder around them"
    seen = {True: 0, False: 0}
    for fatal in (*range(1, boundaries, step), boundaries):
        target = parent / f"r{fatal}"
        killed(two, fatal, "crud", str(target))
        seen[target.exists()] += 1
        if target.exists():
            assert snapshot(target / "site-files") == tree
            assert dump(target / "members.sqlite") == rows
    assert min(seen.values()) >= 1, seen
    left = parts_of(parent)
    assert left
    target = parent / left[0].removeprefix(".").removesuffix(".intendance-partial")
    assert again(two, "crud", str(target)).code == 0
    assert snapshot(target / "site-files") == tree
    assert left[0] not in parts_of(parent)


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.long), 4])
def test_a_sqlite_database_is_whole_or_absent(two: Site, step: int) -> None:
    assert two.run("backup", "run", "members").code == 0
    parent = two.base / "restores"
    parent.mkdir()
    rows = dump(two.base / "members.sqlite")
    boundaries = count(two, "members", str(parent / "whole.sqlite"))
    seen = {True: 0, False: 0}
    for fatal in (*range(1, boundaries, step), boundaries):
        target = parent / f"r{fatal}.sqlite"
        killed(two, fatal, "members", str(target))
        seen[target.exists()] += 1
        if target.exists():
            assert dump(target) == rows
    assert min(seen.values()) >= 1, seen
