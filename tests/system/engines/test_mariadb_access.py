"""Who may read what, how secrets travel, and what is said when something is in the way."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from intendance.engines.mariadb import MariadbEngine
from intendance.engines.mariadb.client import Client
from intendance.engines.mariadb.dump import DumpSession
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.engine import (
    AccessDenied,
    CredentialsUnusable,
    EngineFailed,
    SourceBusy,
    SourceMissing,
    SourceUnreachable,
    TablesRefused,
)
from intendance.model.plan import MariadbAsset, MariadbConnection, SecretReference
from tests.support import engines
from tests.support.mariadb import need_mariadb
from tests.support.physical import held

pytestmark = pytest.mark.mariadb

PASSWORD = "pl4nted-secret"


@dataclass(frozen=True)
class Account:
    """An account of the server with a password, and its options file."""

    user: str
    file: Path
    asset: MariadbAsset

    @property
    def options(self) -> str:
        return f"[client]\nuser={self.user}\npassword={PASSWORD}\n"

    def with_credentials(self, reference: SecretReference) -> MariadbAsset:
        return replace(self.asset, connect=replace(self.asset.connect, credentials=reference))


@pytest.fixture
def account(mariadb_server: PrivateServer, mariadb_asset: MariadbAsset, tmp_path: Path) -> Iterator[Account]:
    user = f"u{secrets.token_hex(5)}"
    mariadb_server.execute(f"CREATE USER {user}@localhost IDENTIFIED BY '{PASSWORD}'")
    file = tmp_path / "mariadb.cnf"
    made = Account(user, file, mariadb_asset)
    file.write_text(made.options)
    file.chmod(0o600)
    yield replace(made, asset=made.with_credentials(SecretReference(file=str(file))))
    mariadb_server.execute(f"DROP USER {user}@localhost")


@pytest.fixture
def full(mariadb_server: PrivateServer, mariadb_database: str) -> str:
    """A database in which every kind of object would be lost silently with too few rights."""
    mariadb_server.execute(
        "CREATE TABLE t (a INT PRIMARY KEY); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT * FROM t;"
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 2; CREATE PROCEDURE p() SELECT 'the body';"
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 3; CREATE TABLE old_ (a INT) ENGINE=MyISAM",
        database=mariadb_database,
    )
    return mariadb_database


def test_following_the_advice_once_is_enough_and_nothing_is_left_out(
    mariadb_server: PrivateServer, full: str, account: Account, tmp_path: Path
) -> None:
    pattern = full.replace("_", "\\_")
    mariadb_server.execute(f"GRANT SELECT ON `{pattern}`.* TO {account.user}@localhost")
    engine = MariadbEngine(account.asset)
    with pytest.raises(AccessDenied) as denied:
        engine.back_up("logical", tmp_path)
    advice = denied.value.advice
    assert f"GRANT SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON `{pattern}`.* TO `{account.user}`@`localhost`;" in advice
    assert f"GRANT SELECT ON mysql.proc TO `{account.user}`@`localhost`;" in advice
    mariadb_server.execute(advice.partition(": ")[2])
    taken = engines.take(engine.back_up("logical", tmp_path))
    (content,) = (stream.content for name, stream in taken.streams.items() if name.startswith("db-"))
    for piece in (b"VIEW `v`", b"TRIGGER tr", b"the body", b"EVENT `e`", b"CREATE TABLE `old_`"):
        assert piece in content
    assert "accounts" not in taken.streams
    (warning,) = (warning for warning in taken.warnings if "accounts" in warning)
    mariadb_server.execute(warning.partition("to have them: ")[2])
    assert "accounts" in engines.take(engine.back_up("logical", tmp_path)).streams


def test_an_account_that_may_see_nothing_is_told_what_it_is_shown(account: Account, full: str) -> None:
    with pytest.raises(SourceMissing, match=f"no database `{full}`"):
        MariadbEngine(account.asset).look()


def test_an_options_file_in_a_home_is_found_there(
    account: Account, full: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SourceMissing, match=f"no database `{full}`"):  # it is logged in, and shown nothing
        MariadbEngine(account.with_credentials(SecretReference(file="~/mariadb.cnf"))).look()


def test_a_wrong_password_is_one_sentence_without_the_password(account: Account) -> None:
    account.file.write_text(account.options.replace(PASSWORD, "wr0ng-secret"))
    with pytest.raises(AccessDenied) as denied:
        MariadbEngine(account.asset).look()
    assert "secret" not in denied.value.message + denied.value.advice
    assert "\n" not in denied.value.message
    assert "password" in denied.value.advice


@pytest.mark.parametrize("way", ["file", "env", "command"])
def test_a_secret_is_in_no_argument_environment_or_file_of_ours(
    way: str, account: Account, mariadb_server: PrivateServer, mariadb_database: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    mariadb_server.execute(
        f"GRANT ALL ON {mariadb_database}.* TO {account.user}@localhost;"
        f"GRANT SELECT ON mysql.* TO {account.user}@localhost"
    )
    mariadb_server.execute(
        "CREATE TABLE m (t LONGTEXT); INSERT INTO m SELECT REPEAT('q', 100000) FROM seq_1_to_30",
        database=mariadb_database,
    )
    monkeypatch.setenv("INTENDANCE_TEST_DB", account.options)
    reference = {
        "file": SecretReference(file=str(account.file)),
        "env": SecretReference(env="INTENDANCE_TEST_DB"),
        "command": SecretReference(command=("cat", str(account.file))),
    }[way]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    session = MariadbEngine(account.with_credentials(reference)).back_up("logical", scratch)
    producer = session.next_producer()
    assert producer is not None
    child = engines.start(producer)
    begun = os.read(child.stdout.fileno(), 1000)
    for place in ("cmdline", "environ"):
        assert PASSWORD.encode() not in Path(f"/proc/{child.process.pid}/{place}").read_bytes()
    engines.finish(producer, child, begun)
    session.close()
    assert not [path for path in scratch.rglob("*") if path.is_file() and PASSWORD in path.read_text()]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("no-data", "no-data"),
        ("where=1=0", "where"),
        ("ignore_table=a.b", "ignore-table"),
        ("loose-compact", "loose-compact"),
    ],
)
def test_an_options_file_that_would_shrink_a_dump_is_refused(account: Account, lines: str, named: str) -> None:
    account.file.write_text(f"{account.options}[mysqldump]\n{lines}\n")
    with pytest.raises(CredentialsUnusable) as refused:
        MariadbEngine(account.asset).look()
    assert named in refused.value.message
    assert PASSWORD not in refused.value.message


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        (SecretReference(file="/nonexistent/mariadb.cnf"), "No such file"),
        (SecretReference(file="/tmp"), "directory"),
        (SecretReference(env="INTENDANCE_NOT_SET"), "INTENDANCE_NOT_SET is not set"),
        (SecretReference(command=("false",)), "ended with code 1"),
        (SecretReference(command=("no-such-program-here",)), "not installed"),
        (SecretReference(command=("echo", "garbage")), "my_print_defaults"),
    ],
)
def test_credentials_that_are_not_there_are_one_sentence(
    mariadb_asset: MariadbAsset, reference: SecretReference, says: str
) -> None:
    asset = replace(mariadb_asset, connect=replace(mariadb_asset.connect, credentials=reference))
    with pytest.raises(CredentialsUnusable) as refused:
        MariadbEngine(asset).look()
    assert says in refused.value.message
    assert refused.value.advice


def test_a_file_that_everybody_may_write_is_refused_and_one_that_everybody_may_read_is_noted(
    account: Account, mariadb_server: PrivateServer
) -> None:
    account.file.chmod(0o666)
    with pytest.raises(CredentialsUnusable, match="everybody"):
        MariadbEngine(account.asset).look()
    account.file.chmod(0o644)
    mariadb_server.execute(f"GRANT ALL ON *.* TO {account.user}@localhost")
    assert any("can be read by every user" in warning for warning in MariadbEngine(account.asset).look().warnings)


def test_a_wrong_socket_is_one_sentence(mariadb_asset: MariadbAsset) -> None:
    asset = replace(mariadb_asset, connect=MariadbConnection(socket="/nonexistent/s"))
    with pytest.raises(SourceUnreachable) as raised:
        MariadbEngine(asset).look()
    assert "/nonexistent/s" in raised.value.message
    assert "\n" not in raised.value.message


def test_a_port_without_a_server_is_one_sentence(mariadb_asset: MariadbAsset) -> None:
    asset = replace(mariadb_asset, connect=MariadbConnection(host="127.0.0.1", port=1))
    with pytest.raises(SourceUnreachable):
        MariadbEngine(asset).look()


def test_an_empty_database_is_backed_up_with_a_warning(mariadb_asset: MariadbAsset, tmp_path: Path) -> None:
    taken = engines.take(MariadbEngine(mariadb_asset).back_up("logical", tmp_path))
    assert any("holds no table" in warning for warning in taken.warnings)
    session = MariadbEngine(mariadb_asset).restore(taken.in_set, {}, f"{mariadb_asset.databases[0]}_e", tmp_path)
    assert engines.failed(engines.load(session, taken)) == []
    session.discard()
    session.close()


def test_a_server_without_databases_is_an_error_not_an_empty_success(tmp_path: Path) -> None:
    need_mariadb()
    server = PrivateServer(tmp_path / "data")
    try:
        server.create()
        server.start()
        asset = MariadbAsset(name="db", connect=MariadbConnection(socket=str(server.socket)), backup=None)
        with pytest.raises(SourceMissing, match="no database besides"):
            MariadbEngine(asset).look()
    finally:
        server.stop()


def test_tables_without_transactions_are_locked_or_refused(
    mariadb_server: PrivateServer, mariadb_asset: MariadbAsset, full: str, tmp_path: Path
) -> None:
    with pytest.raises(TablesRefused, match="old_"):
        MariadbEngine(replace(mariadb_asset, non_transactional="refuse")).back_up("logical", tmp_path)
    session = MariadbEngine(mariadb_asset).back_up("logical", tmp_path)
    assert any("old_" in warning for warning in session.source.warnings)
    producer = session.next_producer()
    assert producer is not None
    assert "--lock-tables" in producer.argv
    taken = engines.finish(producer, engines.start(producer))
    assert taken.finished.details["read"] == "under lock"
    session.close()


def test_two_servers_of_one_machine_are_two_sources(mariadb_asset: MariadbAsset, tmp_path: Path) -> None:
    other = PrivateServer(tmp_path / "data")
    try:
        other.create()
        other.start()
        other.execute(f"CREATE DATABASE {mariadb_asset.databases[0]}")
        second = replace(mariadb_asset, connect=MariadbConnection(socket=str(other.socket)))
        assert MariadbEngine(second).look().identity != MariadbEngine(mariadb_asset).look().identity
    finally:
        other.stop()


def test_a_dump_that_waits_too_long_for_a_lock_is_ended(
    mariadb_server: PrivateServer, mariadb_asset: MariadbAsset, mariadb_database: str
) -> None:
    mariadb_server.execute("CREATE TABLE t (a INT PRIMARY KEY)", database=mariadb_database)
    session = DumpSession(mariadb_asset, Client(mariadb_asset), lock_bound_seconds=0.3, lock_poll_seconds=0.1)
    producer = session.next_producer()
    assert producer is not None
    with held(mariadb_server, f"LOCK TABLES {mariadb_database}.t WRITE;"):
        try:
            with pytest.raises(SourceBusy) as raised:
                engines.finish(producer, engines.start(producer))
        finally:
            session.close()
    assert "0.3 s" in raised.value.message


def test_a_broken_view_is_named(mariadb_server: PrivateServer, mariadb_asset: MariadbAsset, tmp_path: Path) -> None:
    mariadb_server.execute(
        "CREATE TABLE gone (a INT); CREATE VIEW widow AS SELECT * FROM gone; DROP TABLE gone",
        database=mariadb_asset.databases[0],
    )
    session = MariadbEngine(mariadb_asset).back_up("logical", tmp_path)
    producer = session.next_producer()
    assert producer is not None
    with pytest.raises(EngineFailed, match="widow"):
        engines.finish(producer, engines.start(producer))
    session.close()
