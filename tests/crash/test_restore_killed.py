"""A real restore killed with SIGKILL at every boundary: under its name stands nothing, or all of it.

Then the next restore to that name: it clears away what it may, names what it may not, and succeeds.
"""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import pytest

from intendance.engines.mariadb.load import UNFINISHED
from intendance.engines.new_folder import partial_name
from intendance.engines.private_mariadb import PrivateServer
from tests.support import warm
from tests.support.state import Answer, Site, until
from tests.support.trees import snapshot

pytestmark = pytest.mark.gnupg

ROOT = Path(__file__).parents[2]


def fragile(site: Site, fatal: int, asset: str, into: str) -> subprocess.CompletedProcess[str]:
    environment = site._environment({"GNUPGHOME": str(site.keys.owner.home)})
    words = (str(fatal), str(site.state), asset, into)
    return warm.run("tests.support.fragile_restore", words, cwd=ROOT, environment=environment, timeout_seconds=300)


def count(site: Site, asset: str, into: str) -> int:
    whole = fragile(site, 0, asset, into)
    assert whole.returncode == 0, whole.stderr
    return int(whole.stdout)


def killed(site: Site, fatal: int, asset: str, into: str) -> None:
    done = fragile(site, fatal, asset, into)
    assert done.returncode == -9, f"boundary {fatal}: {done.stderr}"


def again(site: Site, asset: str, into: str) -> Answer:
    return site.run("restore", "run", asset, "--into", into, environment={"GNUPGHOME": str(site.keys.owner.home)})


def parts_of(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.glob(".*partial"))


def test_killed_at_every_boundary_a_tree_is_whole_or_absent(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    parent = site.base / "restores"
    parent.mkdir()
    wanted = snapshot(site.tree)
    boundaries = count(site, "site-files", str(parent / "whole"))
    assert boundaries >= 10, "create, first bytes, check, rename, sync, step, end"
    absent = whole = 0
    for fatal in range(1, boundaries + 1):
        target = parent / f"r{fatal}"
        killed(site, fatal, "site-files", str(target))
        if target.exists():
            whole += 1
            assert snapshot(target) == wanted
        else:
            absent += 1
    assert absent >= 5
    assert whole >= 4
    left = parts_of(parent)
    assert left, "what a kill leaves has the name that says so"
    for name in left:
        target = parent / name.removeprefix(".").removesuffix(".intendance-partial")
        assert again(site, "site-files", str(target)).code == 0
        assert snapshot(target) == wanted
    assert parts_of(parent) == []


def state_of(server: PrivateServer, name: str) -> str:
    if name not in server.execute("SHOW DATABASES").split():
        return "absent"
    tables = server.execute("SHOW TABLES", database=name).split()
    if UNFINISHED in tables:
        return "unfinished"
    return "whole" if tables == ["members"] else "empty" if tables == [] else f"unmarked: {tables}"


def forgotten(server: PrivateServer) -> bool:
    """Whether the server has done with all that were killed: their last statements may still be under way."""
    others = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Daemon' AND ID <> CONNECTION_ID()"
    return server.execute(others).strip() == "0"


@pytest.mark.mariadb
def test_killed_at_every_boundary_a_database_is_whole_or_says_that_it_is_not(
    database_site: Site, mariadb_server: PrivateServer, mariadb_database: str
) -> None:
    assert database_site.run("backup", "run", "crud-db").code == 0
    target = f"{mariadb_database}_back"
    seen: dict[str, int] = {}
    try:
        boundaries = count(database_site, "crud-db", target)
        content = mariadb_server.execute(f"CHECKSUM TABLE {target}.members EXTENDED").split("\t")[-1]
        mariadb_server.execute(f"DROP DATABASE {target}")
        for fatal in range(1, boundaries + 1):
            killed(database_site, fatal, "crud-db", target)
            until(partial(forgotten, mariadb_server), "the server to have done with who was killed")
            state = state_of(mariadb_server, target)
            seen[state] = seen.get(state, 0) + 1
            if state == "whole":
                assert mariadb_server.execute(f"CHECKSUM TABLE {target}.members EXTENDED").split("\t")[-1] == content
            elif state == "unfinished" and seen[state] == 1:
                refused = again(database_site, "crud-db", target)
                assert refused.code == 2
                assert f"The database {target} holds a restore that was broken off" in refused.err
                assert f"DROP DATABASE `{target}`;" in refused.err
            mariadb_server.execute(f"DROP DATABASE IF EXISTS {target}")
        assert set(seen) <= {"absent", "empty", "unfinished", "whole"}
        assert min(seen.get("unfinished", 0), seen.get("whole", 0)) >= 3, seen
        assert again(database_site, "crud-db", target).code == 0
        assert state_of(mariadb_server, target) == "whole"
    finally:
        mariadb_server.execute(f"DROP DATABASE IF EXISTS {target}")


@pytest.mark.long
@pytest.mark.mariadb
def test_killed_at_every_boundary_a_server_in_a_folder_is_whole_or_absent(
    database_site: Site, mariadb_server: PrivateServer, mariadb_database: str
) -> None:
    assert database_site.run("backup", "run", "crud-db").code == 0
    parent = database_site.base
    boundaries = count(database_site, "crud-db", str(parent / "whole"))
    wanted = mariadb_server.execute(f"CHECKSUM TABLE {mariadb_database}.members EXTENDED")
    for fatal in range(1, boundaries + 1):
        target = parent / f"r{fatal}"
        killed(database_site, fatal, "crud-db", str(target))
        if not target.exists():
            if (parent / partial_name(target.name)).exists():
                assert again(database_site, "crud-db", str(target)).code == 0
                assert not (parent / partial_name(target.name)).exists()
            continue
        restored = PrivateServer(target / "data")
        restored.start()
        try:
            assert restored.execute(f"CHECKSUM TABLE {mariadb_database}.members EXTENDED") == wanted
        finally:
            restored.stop()
