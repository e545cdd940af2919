"""Physical backups in tests: servers with options of their own, a database with something of everything."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from intendance.engines import Replays, RestoreSession
from intendance.engines.mariadb import MariadbEngine
from intendance.engines.private_mariadb import PrivateServer, ServerSizes
from intendance.model.plan import MariadbAsset, MariadbConnection
from tests.support import engines
from tests.support.mariadb import need_mariadb, need_mariadb_backup
from tests.support.state import until


@pytest.fixture
def mariadb_backup() -> None:
    """Skips where the program is missing."""
    need_mariadb_backup()


@pytest.fixture
def short_place() -> Iterator[Path]:
    """A short folder."""
    folder = Path(tempfile.mkdtemp(prefix="int-phys-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mariadb_servers(short_place: Path) -> Iterator[Callable[..., PrivateServer]]:
    """Starts further servers with options of their own; ends them after the test."""
    need_mariadb()
    servers: list[PrivateServer] = []

    def start(*options: str, sizes: ServerSizes | None = None) -> PrivateServer:
        server = PrivateServer(short_place / f"server{len(servers)}", options=options, sizes=sizes)
        servers.append(server)
        server.create()
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


def asset_of(server: PrivateServer, *databases: str) -> MariadbAsset:
    connect = MariadbConnection(socket=str(server.socket))
    return MariadbAsset(name="crud-db", connect=connect, databases=databases, backup=None)


@pytest.fixture
def physical_asset(mariadb_asset: MariadbAsset, mariadb_server: PrivateServer) -> MariadbAsset:
    """Tables of three engines, a view, a trigger, a routine and an event."""
    mariadb_server.execute(
        """CREATE TABLE members (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT);
        INSERT INTO members (name) SELECT CONCAT('membre é ', seq) FROM seq_1_to_3000;
        CREATE TABLE old (a INT) ENGINE=MyISAM; INSERT INTO old VALUES (1), (2);
        CREATE TABLE crash_safe (a INT) ENGINE=Aria; INSERT INTO crash_safe VALUES (7);
        CREATE VIEW some AS SELECT * FROM members WHERE id < 10;
        CREATE TRIGGER t BEFORE INSERT ON members FOR EACH ROW SET NEW.name = CONCAT(NEW.name, '!');
        CREATE FUNCTION two() RETURNS INT DETERMINISTIC RETURN 2;
        CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM members;""",
        database=mariadb_asset.databases[0],
    )
    return mariadb_asset


def scratch(short_place: Path) -> Path:
    folder = short_place / f"scratch-{secrets.token_hex(3)}"
    folder.mkdir(mode=0o700)
    return folder


def as_replaying(session: RestoreSession) -> Replays:
    assert isinstance(session, Replays)
    return session


def taken_of(asset: MariadbAsset, short_place: Path) -> engines.TakenSet:
    return engines.take(MariadbEngine(asset).back_up("physical", scratch(short_place)))


class held:  # noqa: N801 -- reads as a phrase
    """A connection that has run some statements and goes on sleeping in one, for the length of a `with` block. The
    server has forgotten it afterwards: by itself it notices within 5 s that nobody waits for an answer any more."""

    def __init__(self, server: PrivateServer, sql: str) -> None:
        self._server = server
        self._number = 0
        self._argv = [*server.client_argv(), "--unbuffered", "--batch", "--skip-column-names"]
        self._sql = f"{sql} SELECT CONCAT('ready ', CONNECTION_ID()); SELECT SLEEP(600);"

    def __enter__(self) -> None:
        self._client = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(self._sql.encode())
        self._client.stdin.close()
        for line in self._client.stdout:
            if line.startswith(b"ready "):
                self._number = int(line.split()[1])
                return
        pytest.fail("the statements were refused")

    def __exit__(self, *_: object) -> None:
        there = f"SELECT COUNT(*) FROM information_schema.processlist WHERE id = {self._number}"
        try:
            self._server.execute(f"KILL {self._number}")
            until(lambda: self._server.execute(there).strip() == "0", "the connection to be gone")
        finally:
            self._client.kill()
            self._client.wait()
            assert self._client.stdout is not None
            self._client.stdout.close()
