"""RESTORE.sh and a physical set: the files of a server come back and start, without Intendance."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from intendance.engines.private_mariadb import PrivateServer
from intendance.model.plan import MariadbAsset
from tests.support.workshop import Workshop
from tests.system.sets.test_by_hand import Stranger, flip, one_key, stranger

pytestmark = [pytest.mark.gnupg, pytest.mark.mariadb, pytest.mark.usefixtures("mariadb_backup")]
__all__ = ["one_key"]  # a fixture


@pytest.fixture
def physical_set(workshop: Workshop, one_key: Path, physical_asset: MariadbAsset) -> Stranger:
    workshop.declare(
        MariadbAsset(
            name="crud-db",
            connect=physical_asset.connect,
            databases=physical_asset.databases,
            backup=workshop.backup_plan("physical"),
        )
    )
    return stranger(workshop, one_key, workshop.back_up("crud-db", "physical").set, "crud-db")


def test_a_server_comes_back_by_hand(
    physical_set: Stranger, physical_asset: MariadbAsset, mariadb_server: PrivateServer
) -> None:
    assert "sh RESTORE.sh physical DIR" in physical_set.works("list")
    said = physical_set.works("physical", str(physical_set.place / "server"))
    assert said.startswith(f"mariadbd --no-defaults --datadir={physical_set.place / 'server'} ")
    beside = PrivateServer(physical_set.place / "server")
    beside.start()
    try:
        probe = f"SELECT COUNT(*), MAX(name) FROM {physical_asset.databases[0]}.members"
        assert beside.execute(probe) == mariadb_server.execute(probe)
    finally:
        beside.stop()


def test_what_is_printed_starts_the_server(physical_set: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.system.sets.test_by_hand.SYSTEM_PATH", "/usr/sbin:/usr/bin:/bin")
    # --bootstrap: it opens the files, takes statements from its input, which holds none, and ends.
    done = physical_set.run("physical", "server", pipe="| sed 's/$/ --bootstrap/' | sh </dev/null")
    assert done.returncode == 0, done.stderr.decode()
    assert (physical_set.place / "server" / "ibdata1").is_file()


def test_a_damaged_physical_set_is_said(physical_set: Stranger) -> None:
    last = sorted(physical_set.folder.glob("server-*.zst.gpg"))[-1]
    flip(last)
    said = physical_set.refused("physical", "server")
    assert "is damaged" in said
    assert "Start a server" not in said
    assert physical_set.run("physical", "server").returncode == 2, "nothing is written over what stands there"


def test_the_words_for_other_sets_do_not_fit(physical_set: Stranger) -> None:
    assert "holds a server's files" in physical_set.refused("sql", "server", code=2)
    assert "holds no stream `tree`" in physical_set.refused("files", "new", code=2)


def test_without_mariadb_backup(physical_set: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    few = physical_set.place / "few"
    few.mkdir()
    needed = "sh gpg sha256sum zstd mbstream sed grep uniq cut tr mkdir mktemp rm dirname tty find tail id wc"
    for program in needed.split():
        (few / program).symlink_to(shutil.which(program) or "")
    monkeypatch.setattr("tests.system.sets.test_by_hand.SYSTEM_PATH", str(few))
    assert "mariadb-backup is not installed" in physical_set.refused("physical", "server")
    assert not (physical_set.place / "server").exists()
