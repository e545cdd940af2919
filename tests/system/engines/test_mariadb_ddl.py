"""DDL during a dump. The dump is held in the middle of `m` by a full pipe: `a0` is behind it, `z` before it.

mariadb-dump alone notices only some of these; the survey after it must catch the rest.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intendance.engines import Producer
from intendance.engines.mariadb import MariadbEngine
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.engine import SourceChanged, SourceUnreachable
from intendance.model.plan import MariadbAsset, MariadbConnection
from intendance.system import process
from tests.support import engines
from tests.support.mariadb import need_mariadb

pytestmark = pytest.mark.mariadb

TABLES = """
CREATE TABLE a0 (id INT PRIMARY KEY, b INT); INSERT INTO a0 VALUES (7, 7);
CREATE TABLE m (id INT PRIMARY KEY, t LONGTEXT); INSERT INTO m SELECT seq, REPEAT('q', 100000) FROM seq_1_to_30;
CREATE TABLE z (id INT PRIMARY KEY, b INT); INSERT INTO z VALUES (1, 1), (2, 2);
CREATE VIEW zv AS SELECT b FROM z;
CREATE TRIGGER zt BEFORE INSERT ON z FOR EACH ROW SET NEW.b = 1;
CREATE PROCEDURE zp() SELECT 1;
"""


def _held(producer: Producer) -> tuple[process.Child, bytes]:
    """The dump started and read up to the rows of `m`: three megabytes cannot lie in a pipe."""
    child = engines.start(producer)
    begun = b""
    while b"INSERT INTO `m`" not in begun:
        read = os.read(child.stdout.fileno(), 65_536)
        assert read, child.stderr()
        begun += read
    return child, begun


@pytest.fixture
def asset(mariadb_server: PrivateServer, mariadb_database: str, mariadb_asset: MariadbAsset) -> MariadbAsset:
    mariadb_server.execute(TABLES, database=mariadb_database)
    return mariadb_asset


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE z ADD COLUMN c INT DEFAULT 5",
        "ALTER TABLE z ADD COLUMN c INT FIRST, ALGORITHM=COPY",
        "ALTER TABLE z DROP COLUMN b",
        "ALTER TABLE z MODIFY b BIGINT",
        "ALTER TABLE z RENAME COLUMN b TO bb",
        "ALTER TABLE z ALTER b SET DEFAULT 9",
        "ALTER TABLE z ADD INDEX (b)",
        "ALTER TABLE z CONVERT TO CHARACTER SET latin1",
        "TRUNCATE z",
        "DROP TABLE z",
        "DROP TABLE z; CREATE TABLE z (id INT PRIMARY KEY, b INT)",
        "RENAME TABLE z TO zz",
        "RENAME TABLE z TO swap, a0 TO z, swap TO a0",
        "CREATE OR REPLACE VIEW zv AS SELECT id FROM z",
        "DROP TRIGGER zt",
        "DROP PROCEDURE zp",
    ],
)
def test_ddl_during_a_dump_fails_it(
    mariadb_server: PrivateServer, mariadb_database: str, asset: MariadbAsset, tmp_path: Path, statement: str
) -> None:
    session = MariadbEngine(asset).back_up("logical", tmp_path)
    try:
        producer = session.next_producer()
        assert producer is not None
        child, begun = _held(producer)
        mariadb_server.execute(statement, database=mariadb_database)
        with pytest.raises(SourceChanged) as raised:
            engines.finish(producer, child, begun)
    finally:
        session.close()
    assert mariadb_database in raised.value.message
    assert "\n" not in raised.value.message


def test_a_new_table_and_new_rows_do_not_disturb(
    mariadb_server: PrivateServer, mariadb_database: str, asset: MariadbAsset, tmp_path: Path
) -> None:
    session = MariadbEngine(asset).back_up("logical", tmp_path)
    try:
        producer = session.next_producer()
        assert producer is not None
        child, begun = _held(producer)
        mariadb_server.execute(
            "CREATE TABLE later (a INT); INSERT INTO z VALUES (3, 3); UPDATE a0 SET b = 99; DELETE FROM z WHERE id = 1",
            database=mariadb_database,
        )
        taken = engines.finish(producer, child, begun)
    finally:
        session.close()
    assert b"(1,1),\n(2,2);" in taken.content
    assert b"later" not in taken.content
    assert b"(3,3)" not in taken.content


def test_a_server_that_goes_away_is_one_sentence(tmp_path_factory: pytest.TempPathFactory) -> None:
    need_mariadb()
    folder = tmp_path_factory.mktemp("dies")
    server = PrivateServer(folder / "data")
    try:
        server.create()
        server.start()
        server.execute("CREATE DATABASE d")
        server.execute(TABLES, database="d")
        asset = MariadbAsset(name="db", connect=MariadbConnection(socket=str(server.socket)), backup=None)
        session = MariadbEngine(asset).back_up("logical", folder)
        producer = session.next_producer()
        assert producer is not None
        child, begun = _held(producer)
        server.kill()
        with pytest.raises(SourceUnreachable):
            engines.finish(producer, child, begun)
        session.close()
        with pytest.raises(SourceUnreachable):
            MariadbEngine(asset).look()
    finally:
        server.stop()
