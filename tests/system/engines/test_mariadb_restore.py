"""Restores beside the original: what is refused, what is warned about, what is left when one fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from intendance.engines import StreamInSet
from intendance.engines.mariadb import MariadbEngine
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.engine import (
    AccessDenied,
    DestinationTaken,
    DestinationUnusable,
    LoadFailed,
)
from intendance.model.plan import MariadbAsset, SecretReference
from tests.support import engines
from tests.support.engines import Taken, TakenSet

pytestmark = pytest.mark.mariadb


@pytest.fixture
def copy_name(mariadb_server: PrivateServer, mariadb_database: str) -> Iterator[str]:
    name = f"{mariadb_database}_2"
    yield name
    mariadb_server.execute(f"DROP DATABASE IF EXISTS {name}")


@dataclass(frozen=True)
class Made:
    engine: MariadbEngine
    taken: TakenSet

    @property
    def stream(self) -> str:
        return next(name for name in self.taken.streams if name.startswith("db-"))

    def with_content(self, content: bytes) -> Made:
        old = self.taken.streams[self.stream]
        streams = {self.stream: Taken(old.media, content, old.finished)}
        return Made(self.engine, TakenSet(self.taken.source, streams))


@pytest.fixture
def made(mariadb_server: PrivateServer, mariadb_asset: MariadbAsset, mariadb_database: str, tmp_path: Path) -> Made:
    mariadb_server.execute(
        f"""CREATE SEQUENCE s; CREATE TABLE t (a INT PRIMARY KEY DEFAULT NEXTVAL(s), b TEXT);
        INSERT INTO t SELECT seq, REPEAT('x', 100) FROM seq_1_to_2000; ANALYZE TABLE t;
        CREATE PROCEDURE reaches_out() DELETE FROM {mariadb_database}.t;
        CREATE TRIGGER reaches_too BEFORE DELETE ON t FOR EACH ROW INSERT INTO `{mariadb_database}` . `t` VALUES (1, 2);
        CREATE PROCEDURE stays() DELETE FROM t""",
        database=mariadb_database,
    )
    engine = MariadbEngine(mariadb_asset)
    return Made(engine, engines.take(engine.back_up("logical", tmp_path)))


def test_what_still_names_the_original_is_warned_about(made: Made, copy_name: str, tmp_path: Path) -> None:
    session = made.engine.restore(made.taken.in_set, {}, copy_name, tmp_path)
    checks = engines.load(session, made.taken)
    session.close()
    assert engines.failed(checks) == []
    found = next(check.found for check in checks if check.name.endswith("references"))
    assert found.startswith("warning: ")
    for name in ("routine reaches_out", "trigger reaches_too", "column t.a"):
        assert name in found
    assert "stays" not in found


def test_rows_that_are_missing_are_seen(
    made: Made, copy_name: str, mariadb_server: PrivateServer, tmp_path: Path
) -> None:
    session = made.engine.restore(made.taken.in_set, {}, copy_name, tmp_path)
    engines.load(session, made.taken)
    mariadb_server.execute(
        "DROP TRIGGER reaches_too; DELETE FROM t WHERE a > 100; DROP PROCEDURE stays", database=copy_name
    )
    failed = engines.failed(session.check())
    session.close()
    assert any("rows: too few: t (100 of about" in said for said in failed)
    assert any("0 of 1 trigger" in said for said in failed)


def test_a_table_that_is_missing_is_seen(
    made: Made, copy_name: str, mariadb_server: PrivateServer, tmp_path: Path
) -> None:
    session = made.engine.restore(made.taken.in_set, {}, copy_name, tmp_path)
    engines.load(session, made.taken)
    mariadb_server.execute("DROP TABLE t", database=copy_name)
    assert any("tables: missing: t" in said for said in engines.failed(session.check()))
    session.close()


@pytest.mark.parametrize(
    "line",
    [b"\\! touch {}\n", b"system touch {}\n", b"tee {}\n", b"\\T {}\n", b"source {}\n", b"select 1 \\! touch {}\n;\n"],
)
def test_a_hostile_dump_runs_nothing_and_leaves_nothing(
    made: Made, copy_name: str, mariadb_server: PrivateServer, tmp_path: Path, line: bytes
) -> None:
    target = tmp_path / "pwned"
    clean = made.taken.streams[made.stream].content
    at = clean.index(b"\n--\n-- Table structure")
    hostile = made.with_content(clean[:at] + b"\n" + line.replace(b"{}", str(target).encode()) + clean[at:])
    session = made.engine.restore(made.taken.in_set, {}, copy_name, tmp_path)
    session.prepare()
    (consumer,) = session.consumers()
    with pytest.raises(LoadFailed):
        engines.feed(consumer, hostile.taken.streams[made.stream].content)
    session.discard()
    session.close()
    assert not target.exists()
    assert copy_name not in mariadb_server.execute("SHOW DATABASES").split()


def test_a_stream_of_somebody_elses_making_is_not_loaded(made: Made, copy_name: str, tmp_path: Path) -> None:
    session = made.engine.restore(made.taken.in_set, {}, copy_name, tmp_path)
    session.prepare()
    (consumer,) = session.consumers()
    with pytest.raises(LoadFailed, match="nothing was loaded"):
        engines.feed(consumer, b"CREATE DATABASE x;\nUSE x;\n")
    session.discard()
    session.close()


def test_routines_of_another_collation_are_not_restored_beside(
    made: Made, copy_name: str, mariadb_server: PrivateServer, mariadb_database: str, tmp_path: Path
) -> None:
    mariadb_server.execute(f"ALTER DATABASE {mariadb_database} CHARACTER SET latin1")
    taken = engines.take(made.engine.back_up("logical", tmp_path))
    with pytest.raises(DestinationUnusable, match="another collation"):
        made.engine.restore(taken.in_set, {}, copy_name, tmp_path)


def test_the_accounts_are_never_loaded_on_the_living_server(made: Made, copy_name: str, tmp_path: Path) -> None:
    assert "accounts" in made.taken.streams
    session = made.engine.restore(made.taken.in_set, {}, copy_name, tmp_path)
    session.prepare()
    assert [consumer.stream for consumer in session.consumers()] == [made.stream]
    session.discard()
    session.close()


def test_the_original_is_never_a_destination(made: Made, mariadb_database: str, tmp_path: Path) -> None:
    session = made.engine.restore(made.taken.in_set, {}, mariadb_database, tmp_path)
    with pytest.raises(DestinationTaken):
        session.prepare()
    session.discard()
    session.close()


def test_an_account_that_may_not_create_is_told_the_statements(
    copy_name: str, mariadb_server: PrivateServer, mariadb_asset: MariadbAsset, tmp_path: Path
) -> None:
    mariadb_server.execute(
        "CREATE TABLE t (a INT PRIMARY KEY); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT * FROM t;"
        "CREATE PROCEDURE p() SELECT 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;"
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 2",
        database=mariadb_asset.databases[0],
    )
    taken = engines.take(MariadbEngine(mariadb_asset).back_up("logical", tmp_path))
    user = f"r{copy_name[-12:]}"
    options = tmp_path / "options"
    options.write_text(f"[client]\nuser={user}\npassword=x1\n")
    options.chmod(0o600)
    mariadb_server.execute(f"CREATE USER {user}@localhost IDENTIFIED BY 'x1'")
    try:
        connect = replace(mariadb_asset.connect, credentials=SecretReference(file=str(options)))
        session = MariadbEngine(replace(mariadb_asset, connect=connect)).restore(taken.in_set, {}, copy_name, tmp_path)
        with pytest.raises(AccessDenied) as denied:
            session.prepare()
        mariadb_server.execute(denied.value.advice.partition(": ")[2])
        assert engines.failed(engines.load(session, taken)) == []
        session.close()
    finally:
        mariadb_server.execute(f"DROP USER {user}@localhost")


def test_a_folder_that_cannot_be_made_is_one_sentence(made: Made, tmp_path: Path) -> None:
    session = made.engine.restore(made.taken.in_set, {}, str(tmp_path / "no/such/parent"), tmp_path)
    with pytest.raises(DestinationUnusable):
        session.prepare()
    session.discard()
    session.close()
    (tmp_path / "there").mkdir()
    session = made.engine.restore(made.taken.in_set, {}, str(tmp_path / "there"), tmp_path)
    with pytest.raises(DestinationTaken):
        session.prepare()
    session.discard()
    assert (tmp_path / "there").exists()


def test_a_folder_restore_that_is_given_up_leaves_no_folder_and_no_server(made: Made, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    session = made.engine.restore(made.taken.in_set, made.taken.source.details, str(target), tmp_path)
    session.prepare()
    consumers = {consumer.stream: consumer for consumer in session.consumers()}
    with pytest.raises(LoadFailed, match="database"):
        engines.feed(consumers[made.stream], b"CREATE TABLE nowhere (a INT);\n")
    session.discard()
    session.close()
    assert not target.exists()


def test_one_account_that_cannot_be_made_costs_no_other(made: Made, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    accounts = b"CREATE USER a@localhost IDENTIFIED VIA no_such_plugin;\nCREATE USER b@localhost;\n-- Dump completed\n"
    streams = dict(made.taken.streams)
    streams["accounts"] = Taken("sql", accounts, streams["accounts"].finished)
    taken = TakenSet(made.taken.source, streams)
    session = made.engine.restore(taken.in_set, taken.source.details, str(target), tmp_path)
    checks = engines.load(session, taken)
    session.close()
    (said,) = engines.failed(checks)
    assert said.startswith("accounts: not taken over: ERROR 1524")
    again = PrivateServer(target / "data")
    again.start()
    try:
        assert again.execute("SELECT user FROM mysql.global_priv WHERE user IN ('a', 'b')").split() == ["b"]
    finally:
        again.stop()


def test_a_set_without_databases_fits_no_name(made: Made, tmp_path: Path) -> None:
    only = [StreamInSet(name="accounts", media="sql", details={"accounts": True})]
    with pytest.raises(DestinationUnusable):
        made.engine.restore(only, {}, "anything", tmp_path)
