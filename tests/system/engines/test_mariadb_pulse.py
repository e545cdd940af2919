"""How busy a real server is, asked by the client program; and that nobody waits for one that does not answer."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from intendance.activities.sample import servers
from intendance.activities.sample.databases import DatabaseSeen
from intendance.activities.sample.perform import Looker
from intendance.activities.sample.servers import Servers
from intendance.engines.mariadb import pulse
from intendance.engines.mariadb.client import Client
from intendance.engines.mariadb.pulse import Pulse, feel
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.engine import SourceUnreachable
from intendance.model.errors.process import ProgramFailed
from intendance.model.plan import MariadbAsset, MariadbConnection, SecretReference
from intendance.system.clock import SystemClock, wait

pytestmark = pytest.mark.mariadb
PATIENCE = 1800


def asset_of(server: PrivateServer, credentials: SecretReference | None = None) -> MariadbAsset:
    return MariadbAsset(
        name="shop", connect=MariadbConnection(socket=str(server.socket), credentials=credentials), backup=None
    )


@contextmanager
def running(server: PrivateServer, statement: str) -> Iterator[None]:
    """A statement that runs until the end of the block; it is ended then."""
    mark = secrets.token_hex(8)

    def run() -> None:
        with suppress(ProgramFailed):
            server.execute(f"{statement}, '{mark}'")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    looking = f"SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE '%{mark}%' AND ID <> CONNECTION_ID()"
    number = until(lambda: server.execute(looking).strip())
    try:
        yield
    finally:
        server.execute(f"KILL QUERY {number}")
        thread.join()


def until(found: Callable[[], str]) -> str:
    for _ in range(PATIENCE):
        said = found()
        if said:
            return said
        wait(0.1)
    raise AssertionError("it never came")


def felt(server: PrivateServer, credentials: SecretReference | None = None) -> Pulse:
    client = Client(asset_of(server, credentials))
    try:
        return feel(client)
    finally:
        client.close()


def test_connections_statements_and_the_folder_are_seen(mariadb_server: PrivateServer) -> None:
    before = felt(mariadb_server)
    assert before.connections_allowed == int(mariadb_server.execute("SELECT @@max_connections"))
    assert Path(before.folder) == mariadb_server.data
    assert before.deadlocks is not None
    with running(mariadb_server, "DO SLEEP(600)"):
        seen = felt(mariadb_server)
        assert seen.connections > 0
        until(lambda: "x" if (felt(mariadb_server).query_ms or 0) >= 1000 else "")


def test_a_dump_is_no_slow_statement(mariadb_server: PrivateServer) -> None:
    with running(mariadb_server, "SELECT /*!40001 SQL_NO_CACHE */ SLEEP(600)"):
        wait(0.3)
        assert felt(mariadb_server).query_ms == 0


def test_an_account_that_sees_only_itself_is_told_apart(mariadb_server: PrivateServer, tmp_path: Path) -> None:
    user = f"u{secrets.token_hex(6)}"
    mariadb_server.execute(f"CREATE USER {user}@localhost IDENTIFIED BY 'x'")
    secret = tmp_path / "secret.cnf"
    secret.write_text(f"[client]\nuser={user}\npassword=x\n")
    secret.chmod(0o600)
    try:
        assert felt(mariadb_server, SecretReference(file=str(secret))).query_ms is None
        mariadb_server.execute(f"GRANT PROCESS ON *.* TO {user}@localhost")
        assert felt(mariadb_server, SecretReference(file=str(secret))).query_ms == 0
    finally:
        mariadb_server.execute(f"DROP USER {user}@localhost")


def test_deadlocks_are_counted(mariadb_server: PrivateServer, mariadb_database: str) -> None:
    execute = mariadb_server.execute
    execute(f"CREATE TABLE {mariadb_database}.t (a INT PRIMARY KEY); INSERT INTO {mariadb_database}.t VALUES (1), (2)")
    before = felt(mariadb_server)
    said: list[str] = []

    def take(first: int, second: int, seconds: int) -> None:
        try:
            execute(
                f"USE {mariadb_database}; BEGIN; UPDATE t SET a = a WHERE a = {first}; DO SLEEP({seconds});"
                f"UPDATE t SET a = a WHERE a = {second}; COMMIT"
            )
        except ProgramFailed as error:
            said.append(str(error))

    for seconds in range(1, 9):  # on a busy machine one may begin long after the other
        threads = [threading.Thread(target=take, args=(*pair, seconds)) for pair in ((1, 2), (2, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if any("Deadlock" in each for each in said):
            break
    assert any("Deadlock" in each for each in said), said
    assert (felt(mariadb_server).deadlocks or 0) > (before.deadlocks or 0)


def test_a_server_that_is_not_there_is_unanswered(tmp_path: Path) -> None:
    asset = MariadbAsset(name="shop", connect=MariadbConnection(socket=str(tmp_path / "s")), backup=None)
    with pytest.raises(SourceUnreachable):
        feel(Client(asset))
    asking = Servers()
    assert answers(asking, asset) == ((), ("shop",))
    assert asking.folders() == ()


def answers(asking: Servers, asset: MariadbAsset) -> tuple[tuple[tuple[DatabaseSeen, int], ...], tuple[str, ...]]:
    for _ in range(PATIENCE):
        found = asking.ask((asset,))
        if found != ((), ()):
            return found
        wait(0.1)
    raise AssertionError("it never came back")


def test_the_disk_of_its_data_is_looked_at_once_it_has_answered(mariadb_server: PrivateServer) -> None:
    asking = Servers()
    ((seen, deadlocks),), unanswered = answers(asking, asset_of(mariadb_server))
    assert (seen.asset, deadlocks, unanswered) == ("shop", 0, ())
    assert asking.folders() == (mariadb_server.data,)
    looker = Looker(SystemClock(), servers=asking)
    reading = looker.look(())
    assert [system.place for system in reading.file_systems]


@contextmanager
def stopped(server: PrivateServer) -> Iterator[None]:
    """The server takes calls, as its kernel does for it, and says nothing."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_nobody_waits_for_a_server_that_hangs(mariadb_server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """First one that may hang for as long as this test likes, so that no answer is one of a slow machine; then one that
    is given up."""
    asking, asset = Servers(), asset_of(mariadb_server)
    monkeypatch.setattr(servers, "_PATIENCE_SECONDS", 0.05)
    with monkeypatch.context() as patient:
        options = tuple(each for each in pulse._OPTIONS if not each.startswith("--connect-timeout"))
        patient.setattr(pulse, "_OPTIONS", (*options, "--connect-timeout=600"))
        patient.setattr(pulse, "DEADLINE_SECONDS", 600.0)
        with stopped(mariadb_server):
            for _ in range(3):
                assert asking.ask((asset,)) == ((), ())
        until(lambda: "x" if answers(asking, asset)[0] else "")
    with stopped(mariadb_server), monkeypatch.context() as hasty:
        hasty.setattr(pulse, "DEADLINE_SECONDS", 0.5)
        until(lambda: "x" if answers(asking, asset) == ((), ("shop",)) else "")  # but for what was asked before
    until(lambda: "x" if answers(asking, asset)[0] else "")
