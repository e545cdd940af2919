"""What a database may hold survives a dump and a load: compared by the server itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from intendance.engines.mariadb import MariadbEngine
from intendance.engines.mariadb.load import DatabaseRestore
from intendance.engines.private_mariadb import PrivateServer, start_command
from intendance.model.evidence.restore import Check
from intendance.model.plan import MariadbAsset, MariadbConnection
from intendance.system import process
from tests.support import engines

pytestmark = pytest.mark.mariadb

CONTENT = """
CREATE TABLE parents (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, name VARCHAR(80) NOT NULL, UNIQUE (name));
INSERT INTO parents VALUES (NULL, 'Éloïse 🎉'), (NULL, 'L''Hôpital \\\\ "x"'), (NULL,
  CONCAT('tab', CHAR(9), CHAR(13, 10), 'nul', CHAR(0), CHAR(26)));
CREATE TABLE children (id INT PRIMARY KEY, parent INT UNSIGNED,
  CONSTRAINT c FOREIGN KEY (parent) REFERENCES parents (id)
  ON DELETE CASCADE, amount DECIMAL(20,6) NOT NULL,
  double_amount DECIMAL(21,6) GENERATED ALWAYS AS (amount * 2) STORED,
  virtual_amount DECIMAL(21,6) AS (amount + 1) VIRTUAL, hidden INT INVISIBLE DEFAULT 4, CHECK (amount > -1000000));
INSERT INTO children (id, parent, amount) VALUES (0, 1, 0.1), (1, 1, 123456789.123456), (2, NULL, -0.000001);
CREATE TABLE odd (a DATE, b DATETIME(6), c TIMESTAMP NULL, d TIME(3), e YEAR, f BIT(9), g FLOAT, h DOUBLE, i JSON,
  j ENUM('é', 'b'), k SET('x', 'y'), l INET6, m UUID, n GEOMETRY) ROW_FORMAT=COMPRESSED;
SET sql_mode='';
INSERT INTO odd VALUES ('0000-00-00', '0000-00-00 00:00:00', NULL, '-838:59:59', 1901, b'101010101', 1.1, 0.1,
  '{"é": [1]}', 'é', 'x,y', '::1', UUID(), ST_GeomFromText('POINT(1 2)')), ('2026-02-00', '9999-12-31 23:59:59.999999',
  '2026-03-29 01:30:00', '0:0:0', 2155, b'0', -3.4e38, 1.7976931348623157e308, '[]', 'b', '', 'fe80::1', UUID(), NULL);
CREATE TABLE bytes (id INT PRIMARY KEY, raw LONGBLOB, text_ LONGTEXT);
INSERT INTO bytes SELECT 1, UNHEX(GROUP_CONCAT(LPAD(HEX(seq), 2, '0') ORDER BY seq SEPARATOR '')), '' FROM seq_0_to_255;
INSERT INTO bytes VALUES (2, REPEAT(x'00FF0A27225C', 900000), REPEAT('énorme ', 500000));
CREATE TABLE `odd name-``é` (`a b` INT PRIMARY KEY, `select` INT) PARTITION BY HASH (`a b`) PARTITIONS 3;
INSERT INTO `odd name-``é` SELECT seq, seq * 2 FROM seq_1_to_50;
CREATE TABLE old_charset (t VARCHAR(20) CHARACTER SET latin1) ; INSERT INTO old_charset VALUES ('café €');
CREATE TABLE kept (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
INSERT INTO kept VALUES (1, 1), (2, 2); UPDATE kept SET v = 10 WHERE id = 1; DELETE FROM kept WHERE id = 2;
CREATE SEQUENCE numbers START WITH 100 INCREMENT BY 7; SELECT NEXT VALUE FOR numbers;
CREATE TABLE search_me (t TEXT, FULLTEXT KEY (t)) ENGINE=Aria; INSERT INTO search_me VALUES ('un deux trois');
CREATE TABLE nothing (id INT PRIMARY KEY);
CREATE VIEW later AS SELECT p.name, c.amount FROM parents p JOIN children c ON c.parent = p.id;
CREATE VIEW earlier AS SELECT * FROM later WHERE amount > 0 WITH CHECK OPTION;
DELIMITER $$
CREATE TRIGGER guard BEFORE INSERT ON children FOR EACH ROW FOLLOWS_NOTHING: BEGIN
  IF NEW.amount IS NULL THEN SET NEW.amount = 0; END IF;
END$$
CREATE PROCEDURE many(IN n INT) COMMENT 'été' MODIFIES SQL DATA BEGIN
  -- a comment; with a semicolon
  INSERT INTO nothing VALUES (n);\r
END$$
CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2$$
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY COMMENT 'nuit' DO DELETE FROM nothing$$
DELIMITER ;
"""
CONTENT = CONTENT.replace("FOR EACH ROW FOLLOWS_NOTHING: BEGIN", "FOR EACH ROW BEGIN")


def fingerprint(server: PrivateServer, name: str) -> dict[str, str]:
    """Every object's definition and every table's content sum, as the server gives them."""
    run = server.execute
    found: dict[str, str] = {}
    tables = run(f"SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{name}'")
    for line in tables.splitlines():
        table, kind = line.split("\t")
        quoted = "`" + table.replace("`", "``") + "`"
        found[f"show {table}"] = run(f"SHOW CREATE TABLE {quoted}", database=name).replace(name, "DB")
        if kind not in ("VIEW", "SEQUENCE"):
            found[f"sum {table}"] = run(f"CHECKSUM TABLE {quoted} EXTENDED", database=name).split("\t")[-1]
    for kind, object_ in (
        ("TRIGGER", "guard"), ("PROCEDURE", "many"), ("FUNCTION", "twice"), ("EVENT", "nightly"),
    ):  # fmt: skip
        shown = run(f"SHOW CREATE {kind} {object_}", database=name)
        found[object_] = shown.rsplit("\t", 1)[0] if kind == "TRIGGER" else shown  # its last column is its birthday
    found["history"] = run("SELECT id, v FROM kept FOR SYSTEM_TIME ALL ORDER BY id, v", database=name)
    found["sequence"] = run("SELECT next_not_cached_value FROM numbers", database=name)
    found["nul"] = run("SELECT HEX(name) FROM parents ORDER BY id", database=name)
    return found


@pytest.fixture
def filled(mariadb_server: PrivateServer, mariadb_database: str) -> str:
    argv = [
        *mariadb_server.client_argv(),
        "--default-character-set=utf8mb4",
        "--binary-mode",
        "--comments",
        mariadb_database,
    ]
    process.run(argv, input=CONTENT.encode(), deadline_seconds=180)
    return mariadb_database


@pytest.fixture
def copy_name(mariadb_server: PrivateServer, mariadb_database: str) -> Iterator[str]:
    name = f"{mariadb_database}_2"
    yield name
    mariadb_server.execute(f"DROP DATABASE IF EXISTS {name}")


def _found(checks: tuple[Check, ...], name: str) -> str:
    return next(check.found for check in checks if check.name.endswith(name))


def test_into_a_new_database(
    mariadb_server: PrivateServer,
    filled: str,
    copy_name: str,
    mariadb_asset: MariadbAsset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DatabaseRestore, "_silence_events", lambda _: None)
    engine = MariadbEngine(mariadb_asset)
    taken = engines.take(engine.back_up("logical", tmp_path))
    assert any("not InnoDB: search_me" in warning for warning in taken.warnings)
    session = engine.restore(taken.in_set, taken.source.details, copy_name, tmp_path)
    checks = engines.load(session, taken)
    session.close()
    assert engines.failed(checks) == []
    assert _found(checks, "other objects") == "2 views, 1 trigger, 2 routines, 1 event"
    assert _found(checks, "references").startswith("none")
    before, after = fingerprint(mariadb_server, filled), fingerprint(mariadb_server, copy_name)
    # The copy's events do not run beside the original's, and never did: they were made disabled.
    assert "DISABLE ON SLAVE COMMENT" in after["nightly"]
    after["nightly"] = after["nightly"].replace("DISABLE ON SLAVE COMMENT", "ENABLE COMMENT")
    assert after == before
    assert "\r\\n" in before["many"]
    assert "-- a comment; with a semicolon" in before["many"]


def test_a_restore_beside_does_nothing_to_the_original(
    mariadb_server: PrivateServer, filled: str, copy_name: str, mariadb_asset: MariadbAsset, tmp_path: Path
) -> None:
    engine = MariadbEngine(mariadb_asset)
    taken = engines.take(engine.back_up("logical", tmp_path))
    mariadb_server.execute(
        "CREATE OR REPLACE VIEW later AS SELECT 1; DROP VIEW earlier; DROP TABLE odd", database=filled
    )
    changed = fingerprint(mariadb_server, filled)
    session = engine.restore(taken.in_set, taken.source.details, copy_name, tmp_path)
    assert engines.failed(engines.load(session, taken)) == []
    session.close()
    assert fingerprint(mariadb_server, filled) == changed

    mariadb_server.execute(f"DROP DATABASE {filled}; DROP DATABASE {copy_name}")
    session = engine.restore(taken.in_set, taken.source.details, copy_name, tmp_path)
    assert engines.failed(engines.load(session, taken)) == []
    session.close()
    assert filled not in mariadb_server.execute("SHOW DATABASES").split()


def test_into_a_folder_with_its_own_server(
    mariadb_server: PrivateServer, filled: str, mariadb_database_maker: Callable[[], str], tmp_path: Path
) -> None:
    second = mariadb_database_maker()
    mariadb_server.execute("CREATE TABLE t (a INT PRIMARY KEY); INSERT INTO t VALUES (1)", database=second)
    user = f"u_{second}"
    mariadb_server.execute(f"CREATE USER {user}@localhost; GRANT SELECT ON {second}.* TO {user}@localhost")
    asset = MariadbAsset(
        name="db",
        connect=MariadbConnection(socket=str(mariadb_server.socket)),
        databases=(filled, second),
        backup=None,
    )
    engine = MariadbEngine(asset)
    try:
        taken = engines.take(engine.back_up("logical", tmp_path))
    finally:
        mariadb_server.execute(f"DROP USER {user}@localhost")
    session = engine.restore(taken.in_set, taken.source.details, str(tmp_path / "restored"), tmp_path)
    checks = engines.load(session, taken)
    session.close()
    assert engines.failed(checks) == []
    assert _found(checks, "accounts") == "loaded"
    assert f"--datadir={tmp_path}/restored/data" in _found(checks, "data directory")
    assert (tmp_path / "restored").stat().st_mode & 0o777 == 0o700

    again = PrivateServer(tmp_path / "restored/data")
    again.start()
    try:
        assert fingerprint(again, filled) == fingerprint(mariadb_server, filled)
        assert again.execute(f"SELECT a FROM {second}.t").strip() == "1"
        assert f"GRANT SELECT ON `{second}`" in again.execute(f"SHOW GRANTS FOR {user}@localhost")
    finally:
        again.stop()


def test_the_started_command_that_is_printed_is_a_command_that_starts(tmp_path: Path) -> None:
    command = start_command(Path("/x/data"), Path("/x/s")).split()
    done = process.run([*command, "--help", "--verbose"], deadline_seconds=180)
    assert b"datadir" in done.stdout
