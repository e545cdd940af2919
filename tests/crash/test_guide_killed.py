"""A guided restore killed with SIGKILL at every act on production: the next start finishes it, or takes it back.

Whatever stood there before is somewhere, whole, at every instant.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from intendance.engines.private_mariadb import PrivateServer
from tests.support.state import Answer, Site
from tests.support.trees import snapshot

pytestmark = pytest.mark.gnupg

ROOT = Path(__file__).parents[2]
MOST = 3
"""Boundaries tried in the normal suite, spread over all of them; the long one tries each."""


def guide(site: Site, *words: str) -> Answer:
    return site.run("restore", "guide", *words, environment={"GNUPGHOME": str(site.keys.owner.home)}, timeout=300)


def fragile(site: Site, fatal: int, name: str, direction: str) -> subprocess.CompletedProcess[str]:
    environment = dict(site._environment({"GNUPGHOME": str(site.keys.owner.home)}))
    environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'src'}"
    argv = [sys.executable, "-m", "tests.support.fragile_guide", str(fatal), str(site.state), name, direction]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=300)


def prepared(site: Site, name: str) -> None:
    """Everything up to the safety copy: what follows is what is killed."""
    assert guide(site, name).code == 3


def count(site: Site, name: str, direction: str) -> int:
    done = fragile(site, 0, name, direction)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def spread(boundaries: int, most: int) -> list[int]:
    """Some of them, from the whole way."""
    if boundaries <= most:
        return list(range(1, boundaries + 1))
    return sorted({1 + round((step + 0.5) * (boundaries - 1) / most) for step in range(most)})


def rehearse(site: Site, name: str, harm: Callable[[], None], look: Callable[[], object], most: int) -> None:
    """Killed on the way there and finished; killed on the way there and taken back; killed on the way back."""
    wanted = look()
    harm()
    harmed = look()
    prepared(site, name)
    boundaries = count(site, name, "forward")
    assert look() == wanted
    ways = count(site, name, "back")
    assert look() == harmed
    assert boundaries >= 8, "the plan written down, each act, the records"
    for number, fatal in enumerate(spread(boundaries, most)):
        prepared(site, name)
        killed = fragile(site, fatal, name, "forward")
        assert killed.returncode == -9, f"boundary {fatal}: {killed.stderr}"
        again = guide(site, name, "--back", "--confirm", name) if number % 2 else None
        if again is None or again.code == 2:  # nothing was touched yet, so that nothing is to be taken back
            finished = guide(site, name, "--confirm", name)
            if finished.code == 2:  # it had ended already
                assert look() == wanted, f"boundary {fatal}"
            else:
                assert finished.code == 0, f"boundary {fatal}: {finished.err}"
                assert look() == wanted, f"boundary {fatal}"
            assert guide(site, name, "--back", "--confirm", name).code == 0
        assert look() == harmed, f"boundary {fatal}"
    for fatal in spread(ways, max(1, most // 2)):
        prepared(site, name)
        assert guide(site, name, "--confirm", name).code == 0
        killed = fragile(site, fatal, name, "back")
        assert killed.returncode == -9, f"way back, boundary {fatal}: {killed.stderr}"
        guide(site, name, "--back", "--confirm", name)  # 2: it had ended already
        assert look() == harmed, f"way back, boundary {fatal}"
    assert site.run("ledger", "verify").code == 0


def _a_tree(site: Site, most: int) -> None:
    assert site.run("backup", "run", "site-files").code == 0

    def harm() -> None:
        (site.tree / "photo.bin").write_bytes(b"")
        shutil.rmtree(site.tree / "dossier 0")
        (site.tree / "stranger").write_text("stranger")

    rehearse(site, "site-files", harm, lambda: snapshot(site.tree), most)


def _a_database(site: Site, server: PrivateServer, name: str, most: int) -> None:
    server.execute(
        f"USE {name}; CREATE TABLE dues (id INT, FOREIGN KEY (id) REFERENCES members (id));"
        "INSERT INTO dues VALUES (1); CREATE VIEW v AS SELECT * FROM dues; CREATE PROCEDURE p() SELECT 1;"
        "CREATE TRIGGER t BEFORE INSERT ON dues FOR EACH ROW SET NEW.id = NEW.id"
    )
    assert site.run("backup", "run", "crud-db").code == 0

    def look() -> object:
        return [
            server.execute(sql)
            for sql in (
                f"SHOW FULL TABLES FROM {name}",
                f"SELECT COUNT(*) FROM {name}.members",
                f"SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{name}'",
                f"SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '{name}'",
                f"SHOW CREATE TABLE {name}.dues",
            )
        ]

    def harm() -> None:
        server.execute(
            f"USE {name}; DELETE FROM members WHERE id > 9; CREATE OR REPLACE PROCEDURE p() SELECT 2;"
            "DROP TRIGGER t; CREATE TABLE stranger (a INT)"
        )

    try:
        rehearse(site, "crud-db", harm, look, most)
    finally:
        for each in server.execute("SHOW DATABASES").split():
            if each.startswith((f"{name}_restored_", f"{name}_replaced_")):
                server.execute(f"DROP DATABASE {each}")


def test_killed_at_an_act_a_tree_is_finished_or_taken_back(site: Site) -> None:
    _a_tree(site, MOST)


@pytest.mark.mariadb
def test_killed_at_an_act_a_database_is_finished_or_taken_back(
    database_site: Site, mariadb_server: PrivateServer, mariadb_database: str
) -> None:
    _a_database(database_site, mariadb_server, mariadb_database, MOST)


@pytest.mark.long
def test_killed_at_every_act_a_tree_is_finished_or_taken_back(site: Site) -> None:
    _a_tree(site, 10_000)


@pytest.mark.long
@pytest.mark.mariadb
def test_killed_at_every_act_a_database_is_finished_or_taken_back(
    database_site: Site, mariadb_server: PrivateServer, mariadb_database: str
) -> None:
    _a_database(database_site, mariadb_server, mariadb_database, 10_000)
