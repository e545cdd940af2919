"""The demonstration's data: the same at every run, believable, and whole after a backup and a restore."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from demonstration.data import UNTIL, load_database, make_site
from intendance.engines.files import walk
from intendance.engines.files.excludes import Excludes
from intendance.engines.mariadb import MariadbEngine
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.plan import FilesAsset, MariadbAsset, MariadbConnection
from tests.support import engines

TABLES = "members, memberships, donations, events, registrations, documents, audit_logs"


@pytest.fixture
def name(mariadb_server: PrivateServer, mariadb_database: str) -> Iterator[str]:
    chosen = f"{mariadb_database}_demo"
    yield chosen
    mariadb_server.execute(f"DROP DATABASE IF EXISTS {chosen}; DROP DATABASE IF EXISTS {chosen}_2")


def _sums(server: PrivateServer, name: str) -> list[str]:
    return [
        line.split("\t")[1] for line in server.execute(f"CHECKSUM TABLE {TABLES} EXTENDED", database=name).splitlines()
    ]


@pytest.mark.mariadb
def test_the_database_is_the_same_at_every_run(mariadb_server: PrivateServer, name: str) -> None:
    loaded = load_database(mariadb_server, name, size=0.002)
    load_database(mariadb_server, f"{name}_2", size=0.002)
    assert _sums(mariadb_server, name) == _sums(mariadb_server, f"{name}_2")
    for table, count in loaded.rows.items():
        assert int(mariadb_server.execute(f"SELECT COUNT(*) FROM {name}.{table}")) == count
    newest = mariadb_server.execute(f"SELECT MAX(created_at) <= '{UNTIL}' FROM {name}.audit_logs").strip()
    assert newest == "1"
    assert mariadb_server.execute(f"SELECT {name}.euros(1234.5)").strip() == "1234,50 €"
    mail = mariadb_server.execute(f"SELECT COUNT(*) FROM {name}.members WHERE email NOT LIKE '%@example.org'")
    assert mail.strip() == "0"


@pytest.mark.mariadb
def test_the_database_survives_a_backup_and_a_restore(mariadb_server: PrivateServer, name: str, tmp_path: Path) -> None:
    load_database(mariadb_server, name, size=0.002)
    asset = MariadbAsset(
        name="crud-db", connect=MariadbConnection(socket=str(mariadb_server.socket)), databases=(name,), backup=None
    )
    engine = MariadbEngine(asset)
    taken = engines.take(engine.back_up("logical", tmp_path))
    session = engine.restore(taken.in_set, taken.source.details, f"{name}_2", tmp_path)
    assert engines.failed(engines.load(session, taken)) == []
    session.close()
    assert _sums(mariadb_server, name) == _sums(mariadb_server, f"{name}_2")


def _content(root: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(root)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_the_site_is_the_same_at_every_run_and_holds_what_a_plan_leaves_out(tmp_path: Path) -> None:
    count = make_site(tmp_path / "one", size=0.02)
    assert make_site(tmp_path / "two", size=0.02) == count
    content = _content(tmp_path / "one")
    assert content == _content(tmp_path / "two")
    asset = FilesAsset(name="site", path=str(tmp_path / "one"), exclude=("cache/*", "logs/*", "*.log"), backup=None)
    seen = walk.count(asset.path, Excludes(asset.exclude))
    left_out = [name for name in content if name.startswith(("cache/", "logs/")) or name.endswith(".log")]
    assert left_out
    assert seen.files == len(content) - len(left_out)
