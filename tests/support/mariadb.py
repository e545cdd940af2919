"""One private MariaDB server per test worker, and databases with names of their own on it."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from intendance.engines.private_mariadb import PrivateServer
from intendance.model.plan import MariadbAsset, MariadbConnection

PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump")


def need_mariadb_backup() -> None:
    """As `need_mariadb`, for physical backups."""
    need_mariadb(("mariadb-backup", "mbstream"))


def need_mariadb(programs: Sequence[str] = PROGRAMS) -> None:
    """Skip when MariaDB is missing, except in CI, where a missing tool is a failure."""
    missing = [program for program in programs if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None]
    if missing:
        sentence = f"MariaDB is not installed: {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[PrivateServer]:
    """A server that the tests of one worker share: `execute(sql)`, `socket`, `user`. Databases go by random names."""
    need_mariadb()
    folder = Path(tempfile.mkdtemp(prefix="int-mdb-", dir="/tmp"))
    server = PrivateServer(folder / "data")
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mariadb_database_maker(mariadb_server: PrivateServer) -> Iterator[Callable[[], str]]:
    """Makes empty databases; drops them after the test."""
    made: list[str] = []

    def make() -> str:
        name = f"t_{secrets.token_hex(6)}"
        mariadb_server.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        made.append(name)
        return name

    yield make
    for name in made:
        mariadb_server.execute(f"DROP DATABASE IF EXISTS {name}")


@pytest.fixture
def mariadb_database(mariadb_database_maker: Callable[[], str]) -> str:
    """The name of an empty database."""
    return mariadb_database_maker()


@pytest.fixture
def mariadb_asset(mariadb_server: PrivateServer, mariadb_database: str) -> MariadbAsset:
    """An asset of the plan for `mariadb_database`, reached by the socket as whoever runs the tests."""
    return MariadbAsset(
        name="crud-db",
        connect=MariadbConnection(socket=str(mariadb_server.socket)),
        databases=(mariadb_database,),
        backup=None,
    )
