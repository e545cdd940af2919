"""Physical backups of a real server by mariadb-backup: taken while it works, opened by a server of their own."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from intendance.engines import Producer
from intendance.engines.mariadb import MariadbEngine
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.errors.engine import (
    DestinationTaken,
    DestinationUnusable,
    LoadFailed,
)
from intendance.model.plan import MariadbAsset
from tests.support import engines
from tests.support.physical import as_replaying, asset_of, scratch, taken_of

pytestmark = [pytest.mark.mariadb, pytest.mark.usefixtures("mariadb_backup")]


def test_a_whole_server_comes_back_in_a_folder(
    physical_asset: MariadbAsset, mariadb_server: PrivateServer, short_place: Path
) -> None:
    (name,) = physical_asset.databases
    account = f"u{secrets.token_hex(4)}"
    mariadb_server.execute(f"CREATE USER {account}@localhost IDENTIFIED BY 'secret'")
    taken = taken_of(physical_asset, short_place)
    mariadb_server.execute(f"DROP USER {account}@localhost; DELETE FROM {name}.members")
    assert list(taken.streams) == ["server"]
    assert taken.streams["server"].media == "mbstream"
    assert taken.source.details["server_version"] == taken.source.version
    session = MariadbEngine(physical_asset).restore(
        taken.in_set, taken.source.details, str(short_place / "restored"), scratch(short_place)
    )
    try:
        checks = engines.load(session, taken)
    finally:
        session.close()
    assert engines.failed(checks) == []
    said = {check.name: check.found for check in checks}
    assert said[f"{name}: rows"].startswith("3003 rows")
    assert said[f"{name}: other objects"] == "1 view, 1 trigger, 1 routine, 1 event"
    assert "mariadbd --no-defaults" in said["data directory"]
    restored = PrivateServer(short_place / "restored/data")
    restored.start()
    try:
        assert restored.execute(f"SELECT COUNT(*), MAX(name) FROM {name}.members") == "3000\tmembre é 999\n"
        assert restored.execute(f"SELECT a FROM {name}.crash_safe") == "7\n"
        assert restored.execute(f"SELECT COUNT(*) FROM mysql.user WHERE User = '{account}'") == "1\n"
    finally:
        restored.stop()


def test_the_printed_command_starts_the_restored_server(physical_asset: MariadbAsset, short_place: Path) -> None:
    taken = taken_of(physical_asset, short_place)
    session = MariadbEngine(physical_asset).restore(
        taken.in_set, taken.source.details, str(short_place / "r"), scratch(short_place)
    )
    try:
        checks = engines.load(session, taken)
    finally:
        session.close()
    command = next(check.found for check in checks if check.name == "data directory").partition("with: ")[2]
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
    with subprocess.Popen(["sh", "-c", f"exec {command}"], env=environment, stderr=subprocess.PIPE) as server:
        assert server.stderr is not None
        try:
            assert any(b"ready for connections" in line for line in server.stderr)
        finally:
            server.terminate()
            server.stderr.read()


def test_tables_that_come_and_go_meanwhile_are_no_difference(
    physical_asset: MariadbAsset, mariadb_server: PrivateServer, short_place: Path
) -> None:
    (name,) = physical_asset.databases
    session = MariadbEngine(physical_asset).back_up("physical", scratch(short_place))
    try:
        producer = session.next_producer()
        assert producer is not None
        mariadb_server.execute(
            f"DROP TABLE {name}.old; CREATE TABLE {name}.new (a INT); DROP VIEW {name}.some;"
            f"ALTER TABLE {name}.members ADD COLUMN age INT"
        )
        stream = engines.finish(producer, engines.start(producer))
        taken = engines.TakenSet(session.source, {"server": stream})
    finally:
        session.close()
    (details,) = stream.finished.details["databases"]
    assert {table["name"] for table in details["tables"]} == {"members", "crash_safe"}
    assert "view" not in details["objects"]
    restore = MariadbEngine(physical_asset).restore(
        taken.in_set, taken.source.details, str(short_place / "r"), scratch(short_place)
    )
    try:
        assert engines.failed(engines.load(restore, taken)) == []
    finally:
        restore.close()


def test_a_server_with_settings_of_its_own_comes_back(
    mariadb_servers: Callable[..., PrivateServer], short_place: Path
) -> None:
    server = mariadb_servers("--innodb-undo-tablespaces=3", "--log-bin=changes", "--server-id=7")
    server.execute("CREATE DATABASE shop; CREATE TABLE shop.t (a INT); INSERT INTO shop.t VALUES (5)")
    asset = asset_of(server)
    taken = taken_of(asset, short_place)
    position = taken.streams["server"].finished.details["binary_log"]
    assert position["file"].startswith("changes.")
    assert position["position"] > 0
    server.stop()
    session = MariadbEngine(asset).restore(
        taken.in_set, taken.source.details, str(short_place / "r"), scratch(short_place)
    )
    try:
        assert engines.failed(engines.load(session, taken)) == []
    finally:
        session.close()


def test_a_set_of_another_series_is_refused_before_anything_is_made(
    physical_asset: MariadbAsset, short_place: Path
) -> None:
    taken = taken_of(physical_asset, short_place)
    details = taken.source.details | {"server_version": "10.6.12-MariaDB"}
    session = MariadbEngine(physical_asset).restore(taken.in_set, details, str(short_place / "r"), scratch(short_place))
    with pytest.raises(DestinationUnusable, match=r"10\.6\.12"):
        session.prepare()
    session.discard()
    assert not (short_place / "r").exists()


def test_a_physical_set_goes_into_a_folder_only(physical_asset: MariadbAsset, short_place: Path) -> None:
    taken = taken_of(physical_asset, short_place)
    with pytest.raises(DestinationUnusable, match="physical set"):
        MariadbEngine(physical_asset).restore(taken.in_set, taken.source.details, "copy", scratch(short_place))
    (short_place / "r").mkdir()
    session = MariadbEngine(physical_asset).restore(
        taken.in_set, taken.source.details, str(short_place / "r"), scratch(short_place)
    )
    with pytest.raises(DestinationTaken):
        session.prepare()
    session.discard()
    assert (short_place / "r").is_dir()


@pytest.mark.parametrize("sabotage", ["cut", "table", "log"])
def test_a_copy_that_is_not_whole_is_never_called_good(
    physical_asset: MariadbAsset, short_place: Path, sabotage: str
) -> None:
    taken = taken_of(physical_asset, short_place)
    session = MariadbEngine(physical_asset).restore(
        taken.in_set, taken.source.details, str(short_place / "r"), scratch(short_place)
    )
    session.prepare()
    (consumer,) = session.consumers()
    content = taken.streams["server"].content
    data = Path(session.unfinished, "data")
    try:
        if sabotage == "cut":
            with pytest.raises(LoadFailed):
                engines.feed(consumer, content[: len(content) // 2])
            return
        engines.feed(consumer, content)
        if sabotage == "log":
            (data / "ib_logfile0").unlink()
            with pytest.raises(LoadFailed):
                as_replaying(session).replay()
            return
        for file in (data / physical_asset.databases[0]).glob("members.*"):
            file.unlink()
        as_replaying(session).replay()
        assert any("members" in said for said in engines.failed(session.check()))
    finally:
        session.discard()
        assert not (short_place / "r").exists()


def test_what_was_acknowledged_before_is_in_the_copy(
    physical_asset: MariadbAsset, mariadb_server: PrivateServer, short_place: Path
) -> None:
    (name,) = physical_asset.databases
    session = MariadbEngine(physical_asset).back_up("physical", scratch(short_place))
    try:
        producer: Producer | None = session.next_producer()
        assert producer is not None
        child = engines.start(producer)
        begun = child.stdout.read(1)
        for _ in range(30):
            mariadb_server.execute(f"INSERT INTO {name}.members (name) VALUES ('late')")
        stream = engines.finish(producer, child, begun)
        taken = engines.TakenSet(session.source, {"server": stream})
    finally:
        session.close()
    restore = MariadbEngine(physical_asset).restore(
        taken.in_set, taken.source.details, str(short_place / "r"), scratch(short_place)
    )
    try:
        said = {check.name: check.found for check in engines.load(restore, taken)}
    finally:
        restore.close()
    assert said[f"{name}: rows"].startswith("3033 rows")
