"""Dumps that were made to harm, signed with the node's own key: they do nothing outside, and the drill fails."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from intendance.engines import StreamInSet
from intendance.engines.mariadb.rehearsal import LogicalRehearsal
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.drill import DrillDiffers
from intendance.model.errors.engine import LoadFailed
from intendance.model.plan import MariadbAsset, MariadbConnection
from intendance.system.sandbox import open_sandbox
from tests.support import forging
from tests.support.gnupg import Keys
from tests.support.workshop import Workshop
from tests.system.drill.ground import Ground, ground, tree

pytestmark = [pytest.mark.gnupg, pytest.mark.mariadb]

DATABASE = "hostile_drill"


@pytest.fixture(scope="module")
def prepared(keys: Keys, mariadb_server: PrivateServer) -> Iterator[Ground]:
    mariadb_server.execute(
        f"CREATE DATABASE {DATABASE}; CREATE TABLE {DATABASE}.members (id INT PRIMARY KEY, name TEXT) ENGINE=InnoDB;"
        f"INSERT INTO {DATABASE}.members VALUES (1, 'Léa');"
    )

    def prepare(workshop: Workshop) -> None:
        asset = MariadbAsset(
            name="crud-db",
            connect=MariadbConnection(socket=str(mariadb_server.socket)),
            databases=(DATABASE,),
            backup=workshop.backup_plan("logical"),
        )
        workshop.declare(asset)
        workshop.back_up("crud-db", "logical")

    with ground(keys, "crud-db", prepare) as made:
        yield made
    mariadb_server.execute(f"DROP DATABASE {DATABASE}")


@pytest.fixture
def shop(prepared: Ground, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Ground:
    monkeypatch.setenv("GNUPGHOME", str(keys.owner.home))
    prepared.put_back()
    return prepared


def stream(shop: Ground) -> StreamInSet:
    found = next(
        each for each in forging.read(shop.newest).streams if each.media == "sql" and "database" in each.details
    )
    return StreamInSet(name=found.name, media=found.media, details=found.details)


def dump(shop: Ground) -> bytes:
    return forging.content(shop.newest, shop.keys, stream(shop).name)


REFUSED = {
    "a command of the system": "\\! touch {canary}/owned",
    "another one": "system touch {canary}/owned",
    "a file of the machine": "LOAD DATA INFILE '/etc/passwd' INTO TABLE members (name);",
    "a file of whoever loads": "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE members (name);",
    "a file written": "SELECT 'owned' INTO OUTFILE '{canary}/owned';",
    "a program written": "SELECT 0x7f454c46 INTO DUMPFILE '{canary}/owned.so';",
    "a function from a library": "CREATE FUNCTION evil RETURNS STRING SONAME 'lib_mysqludf_sys.so';",
    "a plugin": "INSTALL PLUGIN federated SONAME 'ha_federatedx.so';",
    "a trigger that writes a file": (
        "CREATE DEFINER=`root`@`localhost` TRIGGER t BEFORE INSERT ON members FOR EACH ROW SET NEW.name = "
        "CONCAT(LENGTH(LOAD_FILE('/etc/passwd')), ''); DROP TABLE IF EXISTS seen; CREATE TABLE seen (a INT NOT NULL);"
        "INSERT INTO members VALUES (2, 'x'); SET sql_mode='STRICT_ALL_TABLES'; "
        "INSERT INTO seen SELECT name FROM members WHERE id = 2;"
    ),
    "a file of another source": "source /etc/passwd",
    "a log where a page could lie": "SET GLOBAL general_log_file='{canary}/log.php'; SET GLOBAL general_log=ON;",
}
"""What the server or its client does not do, whatever they are told: the load ends there."""

OBEYED = """
CREATE DATABASE beside; USE beside; CREATE TABLE t (a INT);
CREATE PROCEDURE mysql.later() SELECT 1;
INSERT INTO mysql.global_priv VALUES ('%', 'thief', '{{"access":18446744073709551615}}');
SET GLOBAL event_scheduler=ON;
SET GLOBAL general_log_file='owned.php'; SET GLOBAL general_log=ON;
CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='x'; START SLAVE;
USE `{database}`;
CREATE DEFINER=`root`@`localhost` EVENT e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO members VALUES (RAND() * 1e9, 'e');
"""
"""What a server does do, since its administrator may: within its walls, and it is seen."""


def test_what_would_leave_the_server_is_refused_by_it(shop: Ground) -> None:
    """All on one server, by the very arguments with which a drill loads."""
    whole = dump(shop)
    folder = shop.workshop.base / "refused"
    folder.mkdir()
    folder.chmod(0o755)
    sandbox = open_sandbox(folder / "in")
    session = LogicalRehearsal([stream(shop)], forging.read(shop.newest).source, str(sandbox.folder / "db"), sandbox,
                               plain=False)  # fmt: skip
    try:
        session.prepare()
        (consumer,) = session.consumers()
        assert loaded(consumer.argv, whole).returncode == 0
        for name, sql in REFUSED.items():
            done = loaded(consumer.argv, whole + sql.format(canary=shop.canary).encode() + b"\n")
            assert done.returncode != 0, name
            with pytest.raises(LoadFailed):
                consumer.finish(done.returncode, done.stderr.decode())
    finally:
        session.discard()
        session.close()
    assert tree(shop.canary) == shop.before
    assert not Path(folder / "in" / "db").exists()


def loaded(argv: tuple[str, ...], content: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, input=content, capture_output=True, check=False, timeout=300)


def test_a_dump_that_calls_the_system_fails_the_drill(shop: Ground) -> None:
    shop.forge(stream(shop).name, dump(shop) + f"\\! touch {shop.canary}/owned\n".encode())
    failed = shop.fails(LoadFailed, "failed: ERROR at line")
    assert (failed.leg, failed.step) == ("restore", "load")


def test_what_the_server_obeys_stays_in_it_and_is_seen(shop: Ground) -> None:
    hostile = OBEYED.format(port=shop.port, database=DATABASE)
    shop.forge(stream(shop).name, dump(shop) + hostile.encode())
    failed = shop.fails(DrillDiffers, "settings: changed by what was loaded")
    assert "written beside its databases: beside, mysql.later, mysql.global_priv" in failed.message
    assert "a server to copy from" in failed.message
    assert "EVENT_SCHEDULER" in failed.message
    assert "1 of 0 events" in failed.message
