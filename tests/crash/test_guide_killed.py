"""A guided restore killed with SIGKILL at every act on production: the next start finishes it, or takes it back.

Whatever stood there before is somewhere, whole, at every instant.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

import pytest

from intendance.engines.private_mariadb import PrivateServer
from tests.support.state import Site
from tests.support.trees import snapshot

pytestmark = pytest.mark.gnupg

ROOT = Path(__file__).parents[2]
MOST = 3
"""Boundaries tried in the normal suite, spread over all of them; the long one tries each."""


class Guides:
    """Guided restores of one name; each call is a process of its own, killed at a boundary when one is given."""

    def __init__(self, site: Site, name: str) -> None:
        self.site, self.name = site, name
        environment = dict(site._environment({"GNUPGHOME": str(site.keys.owner.home)}))
        environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'src'}"
        argv = [sys.executable, "-m", "tests.support.fragile_guide", str(site.state)]
        self._process = subprocess.Popen(argv, env=environment, stdin=PIPE, stdout=PIPE, text=True)
        site.started.append(self._process)

    def __call__(self, act: str, fatal: int = 0) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{fatal} {self.name} {act}\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))

    def prepared(self) -> None:
        """Everything up to the safety copy: what follows is what is killed."""
        assert self("test").code == 0

    def count(self, act: str) -> int:
        done = self(act)
        assert done.code == 0, done.said
        return done.passed

    def end(self) -> None:
        self._process.communicate()


@dataclass(frozen=True)
class Ended:
    """How one call ended, how many boundaries it passed, and what it said."""

    code: int
    passed: int
    said: str


def spread(boundaries: int, most: int) -> list[int]:
    """Some of them, from the whole way."""
    if boundaries <= most:
        return list(range(1, boundaries + 1))
    return sorted({1 + round((step + 0.5) * (boundaries - 1) / most) for step in range(most)})


def rehearse(guides: Guides, harm: Callable[[], None], look: Callable[[], object], most: int) -> None:
    """Killed on the way there and finished; killed on the way there and taken back; killed on the way back."""
    wanted = look()
    harm()
    harmed = look()
    guides.prepared()
    boundaries = guides.count("forward")
    assert look() == wanted
    ways = guides.count("back")
    assert look() == harmed
    assert boundaries >= 8, "the plan written down, each act, the records"
    for number, fatal in enumerate(spread(boundaries, most)):
        guides.prepared()
        killed = guides("forward", fatal)
        assert killed.code == -9, f"boundary {fatal}: {killed.said}"
        again = guides("back") if number % 2 else None
        if again is None or again.code == 2:  # nothing was touched yet, so that nothing is to be taken back
            finished = guides("forward")
            # 2: it had ended already
            assert finished.code in (0, 2), f"boundary {fatal}: {finished.said}"
            assert look() == wanted, f"boundary {fatal}"
            assert guides("back").code == 0
        assert look() == harmed, f"boundary {fatal}"
    for fatal in spread(ways, max(1, most // 2)):
        guides.prepared()
        assert guides("forward").code == 0
        killed = guides("back", fatal)
        assert killed.code == -9, f"way back, boundary {fatal}: {killed.said}"
        guides("back")  # 2: it had ended already
        assert look() == harmed, f"way back, boundary {fatal}"
    guides.end()
    assert guides.site.run("ledger", "verify").code == 0


def _a_tree(site: Site, most: int) -> None:
    assert site.run("backup", "run", "site-files").code == 0

    def harm() -> None:
        (site.tree / "photo.bin").write_bytes(b"")
        shutil.rmtree(site.tree / "dossier 0")
        (site.tree / "stranger").write_text("stranger")

    rehearse(Guides(site, "site-files"), harm, lambda: snapshot(site.tree), most)


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
        rehearse(Guides(site, "crud-db"), harm, look, most)
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
