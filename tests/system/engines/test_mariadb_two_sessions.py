"""Loading by two sessions with indexes last, beside the plain client: the same tables, to the last word."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from intendance.engines.mariadb import MariadbEngine, loading
from intendance.engines.mariadb.client import MAX_PACKET
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.engine import LoadFailed
from intendance.model.plan import MariadbAsset, SecretReference
from intendance.system import process
from tests.support import engines
from tests.support.engines import TakenSet
from tests.support.state import until
from tests.system.engines.test_mariadb_round_trip import CONTENT, fingerprint

pytestmark = pytest.mark.mariadb

CLIENT = ("--batch", "--binary-mode", "--comments", "--default-character-set=utf8mb4", MAX_PACKET)
MORE = """
SET foreign_key_checks=0;
CREATE TABLE b_first (id INT PRIMARY KEY AUTO_INCREMENT, code CHAR(8) NOT NULL, other INT, words TEXT,
  UNIQUE KEY code (code), KEY other (other, code DESC), FULLTEXT KEY full (words),
  KEY words (words(20)) COMMENT 'it''s; a "key"',
  CONSTRAINT to_later FOREIGN KEY (other) REFERENCES z_later (number) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE z_later (id INT PRIMARY KEY, number INT, up INT, UNIQUE KEY number (number), KEY up (up),
  CONSTRAINT to_itself FOREIGN KEY (up) REFERENCES z_later (id));
CREATE TABLE c_late (id BIGINT PRIMARY KEY, code CHAR(8),
  email VARCHAR(200) CHARACTER SET latin1 COLLATE latin1_german2_ci,
  UNIQUE KEY (email), KEY (code, email(10)),
  CONSTRAINT to_code FOREIGN KEY (code) REFERENCES b_first (code)) COMMENT='a;\\nb' ROW_FORMAT=COMPRESSED;
CREATE TABLE numbered (other INT, id INT AUTO_INCREMENT, PRIMARY KEY (other, id), KEY (id));
CREATE TABLE unseen (id INT PRIMARY KEY, a INT, KEY gone (a) IGNORED, KEY a (a));
CREATE TABLE placed (id INT PRIMARY KEY, a POINT NOT NULL, b INT, KEY b (b), SPATIAL KEY a (a), KEY ba (b, id));
CREATE TABLE heap (a INT, KEY (a));
CREATE TABLE only_unique (a INT NOT NULL, b INT, UNIQUE KEY (a), KEY (b));
CREATE TABLE split_up (id INT, at DATE, KEY (at), PRIMARY KEY (id, at)) PARTITION BY RANGE COLUMNS (at)
  (PARTITION old VALUES LESS THAN ('2020-01-01'), PARTITION new VALUES LESS THAN (MAXVALUE));
CREATE TABLE computed (id INT PRIMARY KEY, a INT, twice INT AS (a * 2) VIRTUAL, KEY (twice), KEY (a));
CREATE TABLE hashed (id INT PRIMARY KEY, t TEXT, UNIQUE KEY (t));
CREATE TABLE isam (id INT PRIMARY KEY AUTO_INCREMENT, a INT, KEY (a)) ENGINE=MyISAM;
CREATE TABLE journal (id INT PRIMARY KEY AUTO_INCREMENT, what TEXT);
INSERT INTO z_later SELECT seq, seq * 3, IF(seq > 1, seq - 1, NULL) FROM seq_1_to_3000;
INSERT INTO b_first SELECT seq, CONCAT('c', seq), seq * 3, REPEAT(CONCAT(seq, ');\n', '\\\\'), 30)
  FROM seq_1_to_3000;
INSERT INTO b_first VALUES (9000, 'orphan', 77777, 'no such number'), (-5, 'minus', NULL, '');
INSERT INTO unseen SELECT seq, seq FROM seq_1_to_50; INSERT INTO placed SELECT seq, POINT(seq, 1), 3 FROM seq_1_to_50;
INSERT INTO c_late SELECT seq * 7, CONCAT('c', seq), CONCAT('e', seq, '@example.org') FROM seq_1_to_2000;
INSERT INTO c_late VALUES (1, 'nowhere', 'orphan@example.org');
INSERT INTO numbered SELECT seq MOD 7, seq FROM seq_1_to_500;
INSERT INTO heap SELECT seq FROM seq_500_to_1;
INSERT INTO only_unique SELECT seq, seq MOD 3 FROM seq_1_to_500;
INSERT INTO split_up SELECT seq, '2015-01-01' + INTERVAL seq DAY FROM seq_1_to_3000;
INSERT INTO computed (id, a) SELECT seq, seq FROM seq_1_to_500;
INSERT INTO hashed SELECT seq, REPEAT(seq, 50) FROM seq_1_to_500;
INSERT INTO isam (a) SELECT seq FROM seq_1_to_500;
CREATE TRIGGER b_counts AFTER INSERT ON b_first FOR EACH ROW INSERT INTO journal (what) VALUES ('a; row');
CREATE VIEW forced AS SELECT * FROM b_first FORCE INDEX (other) WHERE other > 3;
CREATE VIEW a_forced AS SELECT z.id FROM z_later z FORCE INDEX (up) JOIN forced f ON f.other = z.number;
"""


@pytest.fixture
def taken(
    mariadb_server: PrivateServer, mariadb_database: str, mariadb_asset: MariadbAsset, tmp_path: Path
) -> tuple[MariadbEngine, TakenSet]:
    argv = [*mariadb_server.client_argv(), *CLIENT, mariadb_database]
    process.run(argv, input=(CONTENT + MORE).encode(), deadline_seconds=120)
    engine = MariadbEngine(mariadb_asset)
    return engine, engines.take(engine.back_up("logical", tmp_path))


@pytest.fixture
def copies(mariadb_server: PrivateServer, mariadb_database: str) -> Iterator[tuple[str, str]]:
    names = (f"{mariadb_database}_plain", f"{mariadb_database}_ours")
    yield names
    for name in names:
        mariadb_server.execute(f"DROP DATABASE IF EXISTS {name}")


def stream_of(taken: TakenSet) -> str:
    return next(name for name in taken.streams if name.startswith("db-"))


def test_every_table_is_as_the_plain_client_would_have_made_it(
    taken: tuple[MariadbEngine, TakenSet],
    copies: tuple[str, str],
    mariadb_server: PrivateServer,
    mariadb_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, whole = taken
    for name, least in zip(copies, (1 << 60, 0), strict=True):
        monkeypatch.setattr(loading, "DEFER_FROM_BYTES", least)
        session = engine.restore(whole.in_set, whole.source.details, name, tmp_path)
        assert engines.failed(engines.load(session, whole)) == []
        session.close()
    plain, ours = (fingerprint(mariadb_server, name) for name in copies)
    del plain["sum computed"], ours["sum computed"]  # of a virtual column alone: another number each time
    assert ours == plain
    assert ours["show b_first"] == fingerprint(mariadb_server, mariadb_database)["show b_first"]
    assert "FULLTEXT KEY `full`" in ours["show b_first"]
    orphans = "SELECT COUNT(*) FROM b_first b LEFT JOIN z_later z ON z.number = b.other WHERE z.id IS NULL"
    assert mariadb_server.execute(orphans, database=copies[1]) == "2\n"
    for name in copies:
        with pytest.raises(Exception, match="1452"):  # the keys are at work again
            mariadb_server.execute("INSERT INTO c_late VALUES (3, 'missing', 'x')", database=name)
        rows = "SELECT * FROM heap; SELECT * FROM computed; SELECT COUNT(*) FROM journal; SELECT COUNT(*) FROM a_forced"
        assert mariadb_server.execute(rows, database=name) == mariadb_server.execute(rows, database=mariadb_database)
    assert "errors" not in mariadb_server.execute("CHECK TABLE b_first, z_later, c_late EXTENDED", database=copies[1])


def test_what_waits_for_the_rows(taken: tuple[MariadbEngine, TakenSet]) -> None:
    """Else the comparison above would compare the plain client with itself."""
    from intendance.engines.mariadb.deferring import creation
    from intendance.engines.mariadb.splitter import Splitter

    _, whole = taken
    splitter = Splitter()
    pieces = [*splitter.feed(whole.streams[stream_of(whole)].content), *splitter.finish()]
    names = [f"`{table['name']}`".encode() for table in whole.in_set[0].details["tables"]]
    made = [found for piece in pieces if (found := creation(piece.statement, names)) is not None]
    assert {each.table for each in made if each.parallel} == {
        b"`parents`", b"`bytes`", b"`nothing`", b"`b_first`", b"`z_later`", b"`c_late`", b"`journal`",
    }  # fmt: skip
    steps = {each.table: each for each in made}
    first = steps[b"`b_first`"]
    assert first.indexes.count(b"ADD ") == 3, "the unique one, the two that nothing sets apart"
    assert b"FULLTEXT" in first.create
    assert first.foreign_keys.count(b"ADD CONSTRAINT") == 1
    assert steps[b"`children`"].indexes == b""
    assert b"to_itself" in steps[b"`z_later`"].foreign_keys
    assert steps[b"`hashed`"].indexes == b""


def test_a_row_that_does_not_fit_names_its_table_and_shows_no_row(
    taken: tuple[MariadbEngine, TakenSet],
    copies: tuple[str, str],
    mariadb_server: PrivateServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, whole = taken
    monkeypatch.setattr(loading, "DEFER_FROM_BYTES", 0)
    content = whole.streams[stream_of(whole)].content
    for damaged, table in (
        (content.replace(b"(21,'c3','e3@example.org')", b"(14,'c3','e3@example.org')"), "c_late"),
        (content.replace(b"(21,'c3','e3@example.org')", b"(21,'c3','e2@example.org')"), "c_late"),
        (content.replace(b"(3,9,2)", b"(3,9,2,4)"), "z_later"),
    ):
        assert damaged != content
        session = engine.restore(whole.in_set, whole.source.details, copies[1], tmp_path)
        session.prepare()
        (consumer,) = session.consumers()
        with pytest.raises(LoadFailed) as failed:
            engines.feed(consumer, damaged)
        assert f"(table `{table}`)" in failed.value.message
        assert "example.org" not in failed.value.message
        session.discard()
        session.close()
    assert copies[1] not in mariadb_server.execute("SHOW DATABASES").split()


def test_both_sessions_are_given_the_secret_without_a_file(
    mariadb_server: PrivateServer,
    mariadb_database: str,
    mariadb_asset: MariadbAsset,
    copies: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "DEFER_FROM_BYTES", 0)
    user = f"u{mariadb_database[-10:]}"
    monkeypatch.setenv("DB_OPTIONS", f"[client]\nuser={user}\npassword=x1-planted-secret\n")
    mariadb_server.execute("CREATE TABLE t (a INT PRIMARY KEY, b INT, KEY (b))", database=mariadb_database)
    mariadb_server.execute("INSERT INTO t SELECT seq, seq FROM seq_1_to_100", database=mariadb_database)
    mariadb_server.execute(f"CREATE USER {user}@localhost IDENTIFIED BY 'x1-planted-secret'")
    mariadb_server.execute(f"GRANT ALL PRIVILEGES ON *.* TO {user}@localhost")
    try:
        connect = replace(mariadb_asset.connect, credentials=SecretReference(env="DB_OPTIONS"))
        engine = MariadbEngine(replace(mariadb_asset, connect=connect))
        whole = engines.take(engine.back_up("logical", tmp_path))
        session = engine.restore(whole.in_set, whole.source.details, copies[1], tmp_path)
        assert engines.failed(engines.load(session, whole)) == []
        session.close()
    finally:
        mariadb_server.execute(f"DROP USER {user}@localhost")
    assert mariadb_server.execute("SELECT COUNT(*) FROM t FORCE INDEX (b)", database=copies[1]) == "100\n"


def test_an_end_that_comes_too_early_or_a_language_that_is_foreign(
    mariadb_server: PrivateServer, mariadb_database_maker: Callable[[], str]
) -> None:
    """What the splitter does not understand is passed on as it is; half a statement is an error."""
    for sql, code, rows in (
        (b"DELIMITER //\nCREATE TABLE t (a INT)//\nINSERT INTO `t` VALUES\n(1);\n//\nDELIMITER ;\n", 0, "1"),
        (b"CREATE TABLE t (a INT);\nINSERT INTO `t` VALUES\n(1);\nINSERT INTO `t` VALUES\n(2),\n(3", 1, "1"),
        (b"SELECT 'intendance: done';\nCREATE TABLE t (a INT);\nINSERT INTO t VALUES (1)", 0, "1"),
        (b"", 0, None),
    ):
        name = mariadb_database_maker()
        client = (*mariadb_server.client_argv(), *CLIENT, f"--database={name}")
        done = subprocess.run(
            loading.argv(client, ["t"], []), input=sql, capture_output=True, check=False, timeout=180,
            env=process.environment(loading.environment()),
        )  # fmt: skip
        assert (done.returncode != 0) == (code != 0), done.stderr
        if rows is not None:
            assert mariadb_server.execute("SELECT COUNT(*) FROM t", database=name).strip() == rows


def test_killed_in_the_middle_it_leaves_no_client(mariadb_server: PrivateServer, mariadb_database: str) -> None:
    client = (*mariadb_server.client_argv(), *CLIENT, f"--database={mariadb_database}")
    child = process.start(
        loading.argv(client, ["t"], []), stdin=subprocess.PIPE, extra_environment=loading.environment()
    )
    child.stdin.write(b"CREATE TABLE `t` (\n  `a` int(11)\n) ENGINE=InnoDB;\nINSERT INTO `t` VALUES\n(1);\n")
    connected = f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '{mariadb_database}'"

    def count() -> str:
        assert child.process.poll() is None, child.stderr()
        return mariadb_server.execute(connected).strip()

    until(lambda: count() == "2", "two sessions")
    child.kill()
    until(lambda: mariadb_server.execute(connected).strip() == "0", "no session")


def test_the_program_is_found_wherever_it_is_started(tmp_path: Path) -> None:
    done = process.run(
        (*loading.argv([], [], [])[:-1], "--help"),
        extra_environment=loading.environment(),
        cwd=str(tmp_path),
    )
    assert b"CLIENT" in done.stdout or b"client" in done.stdout
