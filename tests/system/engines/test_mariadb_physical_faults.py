"""What a physical backup needs, and what is said when it is not there or goes wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from intendance.engines.mariadb import MariadbEngine, physical
from intendance.engines.mariadb.client import Client
from intendance.engines.private_mariadb import PrivateServer, ServerSizes
from intendance.model.errors.engine import (
    AccessDenied,
    CredentialsUnusable,
    EngineFailed,
    FilesNotCopied,
    RedoOverrun,
    SourceBusy,
    SourceUnreachable,
)
from intendance.model.plan import MariadbAsset, MariadbConnection, SecretReference
from tests.support import engines
from tests.support.physical import asset_of, held, scratch, taken_of

pytestmark = [pytest.mark.mariadb, pytest.mark.usefixtures("mariadb_backup")]


@pytest.mark.parametrize("binary_log", [False, True])
def test_exactly_the_rights_that_are_asked_for_are_enough(
    mariadb_servers: Callable[..., PrivateServer], short_place: Path, *, binary_log: bool
) -> None:
    server = mariadb_servers(*(("--log-bin=changes", "--server-id=7") if binary_log else ()))
    server.execute("CREATE DATABASE shop; CREATE TABLE shop.t (a INT) ENGINE=MyISAM; CREATE USER b@localhost;")
    server.execute("GRANT SELECT ON shop.* TO b@localhost")
    credentials = short_place / "b.cnf"
    credentials.write_text("[client]\nuser=b\n")
    credentials.chmod(0o600)
    connect = MariadbConnection(socket=str(server.socket), credentials=SecretReference(file=str(credentials)))
    asset = replace(asset_of(server, "shop"), connect=connect)
    with pytest.raises(AccessDenied) as raised:
        taken_of(asset, short_place)
    statement = f"GRANT RELOAD, PROCESS{', BINLOG MONITOR' if binary_log else ''} ON *.* TO `b`@`localhost`;"
    assert raised.value.advice.endswith(statement)
    server.execute(statement)
    assert taken_of(asset, short_place).streams["server"].content
    server.execute("REVOKE PROCESS ON *.* FROM b@localhost")
    with pytest.raises(AccessDenied) as raised:
        taken_of(asset, short_place)
    assert "GRANT PROCESS ON" in raised.value.advice


def test_rights_that_vanish_meanwhile_are_named_without_the_hash_of_a_password(
    mariadb_servers: Callable[..., PrivateServer], short_place: Path
) -> None:
    server = mariadb_servers()
    server.execute("CREATE DATABASE shop; CREATE USER b@localhost IDENTIFIED BY 'pw'")
    server.execute("GRANT RELOAD, PROCESS ON *.* TO b@localhost; GRANT SELECT ON shop.* TO b@localhost")
    credentials = short_place / "b.cnf"
    credentials.write_text("[client]\nuser=b\npassword=pw\n")
    credentials.chmod(0o600)
    connect = MariadbConnection(socket=str(server.socket), credentials=SecretReference(file=str(credentials)))
    session = MariadbEngine(replace(asset_of(server, "shop"), connect=connect)).back_up(
        "physical", scratch(short_place)
    )
    try:
        producer = session.next_producer()
        assert producer is not None
        server.execute("REVOKE RELOAD ON *.* FROM b@localhost")
        with pytest.raises(AccessDenied) as raised:
            engines.finish(producer, engines.start(producer))
    finally:
        session.close()
    assert "missing required privilege RELOAD" in raised.value.message
    assert "IDENTIFIED" not in raised.value.message


def test_an_options_file_may_not_change_what_is_copied(physical_asset: MariadbAsset, short_place: Path) -> None:
    credentials = short_place / "c.cnf"
    credentials.write_text("[client]\nuser=root\n[mariadb-backup]\nno-lock\ndatabases-exclude=shop\n")
    credentials.chmod(0o600)
    connect = replace(physical_asset.connect, credentials=SecretReference(file=str(credentials)))
    with pytest.raises(CredentialsUnusable) as raised:
        MariadbEngine(replace(physical_asset, connect=connect)).back_up("physical", scratch(short_place))
    assert "databases-exclude, no-lock" in raised.value.message


def test_a_lock_is_waited_for_only_so_long(
    physical_asset: MariadbAsset, mariadb_server: PrivateServer, short_place: Path
) -> None:
    with held(mariadb_server, f"LOCK TABLES {physical_asset.databases[0]}.members WRITE;"):
        session = physical.PhysicalSession(
            physical_asset, Client(physical_asset), scratch(short_place), lock_bound_seconds=0.5, lock_poll_seconds=0.1
        )
        try:
            producer = session.next_producer()
            assert producer is not None
            with pytest.raises(SourceBusy) as raised:
                engines.finish(producer, engines.start(producer))
        finally:
            session.close()
    assert "BACKUP STAGE START" in raised.value.message
    assert raised.value.transient


def test_a_long_query_that_locks_nothing_ends_no_backup(
    physical_asset: MariadbAsset, mariadb_server: PrivateServer, short_place: Path
) -> None:
    with held(mariadb_server, f"START TRANSACTION; SELECT COUNT(*) FROM {physical_asset.databases[0]}.members;"):
        session = physical.PhysicalSession(
            physical_asset, Client(physical_asset), scratch(short_place), lock_bound_seconds=120, lock_poll_seconds=0.1
        )
        assert engines.take(session).streams["server"].content


def test_a_redo_log_that_was_overrun_is_said(mariadb_servers: Callable[..., PrivateServer], short_place: Path) -> None:
    server = mariadb_servers(sizes=ServerSizes(redo_log_mib=4))
    server.execute("CREATE DATABASE shop; CREATE TABLE shop.w (i INT PRIMARY KEY AUTO_INCREMENT, t LONGBLOB)")
    session = MariadbEngine(asset_of(server)).back_up("physical", scratch(short_place))
    try:
        producer = session.next_producer()
        assert producer is not None
        # Nobody reads its output: it comes to a halt with the first tables, and its log reader with it.
        child = engines.start(producer)
        begun = child.stdout.read(1)
        for _ in range(12):
            server.execute("INSERT INTO shop.w (t) VALUES (REPEAT(MD5(RAND()), 60000)); DELETE FROM shop.w")
        with pytest.raises(RedoOverrun) as raised:
            engines.finish(producer, child, begun)
    finally:
        session.close()
    assert "innodb_log_file_size" in raised.value.advice


def test_a_server_that_goes_away_is_said(mariadb_servers: Callable[..., PrivateServer], short_place: Path) -> None:
    server = mariadb_servers()
    server.execute("CREATE DATABASE shop")
    session = MariadbEngine(asset_of(server)).back_up("physical", scratch(short_place))
    try:
        producer = session.next_producer()
        assert producer is not None
        child = engines.start(producer)
        begun = child.stdout.read(1)
        server.kill()
        with pytest.raises((SourceUnreachable, EngineFailed)) as raised:
            engines.finish(producer, child, begun)
    finally:
        session.close()
    assert "\n" not in raised.value.message


def test_an_end_without_its_last_word_is_a_failure(physical_asset: MariadbAsset, short_place: Path) -> None:
    session = MariadbEngine(physical_asset).back_up("physical", scratch(short_place))
    producer = session.next_producer()
    assert producer is not None
    with pytest.raises(EngineFailed) as raised:
        producer.finish(0, "[00] 2026-11-22 01:10:21 Streaming xtrabackup_info")
    session.close()
    assert "completed OK!" in raised.value.message


def test_a_table_kept_elsewhere_is_refused(mariadb_servers: Callable[..., PrivateServer], short_place: Path) -> None:
    server = mariadb_servers("--symbolic-links")
    outside = short_place / "outside"
    outside.mkdir()
    server.execute(f"CREATE DATABASE shop; CREATE TABLE shop.far (a INT) DATA DIRECTORY = '{outside}'")
    assert list(outside.rglob("far.ibd"))
    with pytest.raises(FilesNotCopied) as raised:
        MariadbEngine(asset_of(server)).back_up("physical", scratch(short_place))
    assert "shop.far" in raised.value.message


def test_a_server_reached_by_host_is_refused(physical_asset: MariadbAsset, short_place: Path) -> None:
    elsewhere = replace(physical_asset, connect=MariadbConnection(host="127.0.0.1", port=3306))
    with pytest.raises(FilesNotCopied) as raised:
        MariadbEngine(elsewhere).back_up("physical", scratch(short_place))
    assert "socket" in raised.value.advice


def test_a_folder_that_is_not_the_servers_is_refused(mariadb_server: PrivateServer, short_place: Path) -> None:
    (short_place / "ibdata1").touch()
    with pytest.raises(FilesNotCopied, match="does not keep its files"):
        physical.require_files("crud-db", short_place, str(mariadb_server.socket))
    physical.require_files("crud-db", mariadb_server.data, str(mariadb_server.socket))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_than_the_servers_is_told_so(mariadb_server: PrivateServer) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(FilesNotCopied, match="cannot be read"):
            physical.require_files("crud-db", mariadb_server.data, str(mariadb_server.socket))
    finally:
        os.seteuid(0)
