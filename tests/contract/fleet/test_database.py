"""The manager's database: what its tables promise, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from intendance.fleet.database import lease as leases
from intendance.fleet.database.connect import Database, from_us, open_database, to_us
from intendance.fleet.database.migrate import bring_up_to_date, upgrade
from intendance.fleet.database.tables import alert, evidence_record, lease, metadata, setting
from intendance.fleet.verdicts.source import NodeLedger
from intendance.model.errors.fleet import DatabaseAddressUnusable, DatabaseTooNew, DatabaseUnreachable
from tests.support.fleet import BEGAN
from tests.support.postgresql import PostgresServer


def test_the_migrations_make_the_tables_that_the_code_knows(fleet_database: Database) -> None:
    with fleet_database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_server_default": fleet_database.dialect == "postgresql", "target_metadata": metadata},
        )
        assert compare_metadata(context, metadata) == []


def test_a_second_start_changes_nothing(fleet_database: Database, tmp_path: Path) -> None:
    with fleet_database.begin() as connection:
        connection.execute(insert(setting).values(name="kept", value="yes"))
    assert bring_up_to_date(fleet_database, backups=tmp_path / "backups", now=BEGAN) is None
    with fleet_database.read() as connection:
        assert connection.execute(select(setting.c.value)).scalar_one() == "yes"


def test_a_database_of_a_newer_version_is_left_alone(fleet_database: Database, tmp_path: Path) -> None:
    with fleet_database.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTooNew):
        bring_up_to_date(fleet_database, backups=tmp_path / "backups", now=BEGAN)


def test_a_file_is_copied_before_its_tables_change(tmp_path: Path) -> None:
    with open_database(tmp_path / "manager.db") as database:
        with database.begin() as connection:
            upgrade(connection, "0002")
            connection.execute(insert(setting).values(name="before", value="1"))
        copy = bring_up_to_date(database, backups=tmp_path / "backups", now=BEGAN)
        assert bring_up_to_date(database, backups=tmp_path / "backups", now=BEGAN) is None
    assert copy == tmp_path / "backups" / "manager-0002-20261122T080000Z.db"
    with closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("SELECT value FROM setting").fetchall() == [("1",)]
        assert copied.execute("SELECT 1 FROM sqlite_master WHERE name = 'account'").fetchall() == []


def test_a_transaction_is_all_or_nothing(fleet_database: Database) -> None:
    def half() -> None:
        with fleet_database.begin() as connection:
            connection.execute(insert(setting).values(name="half", value="done"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    with fleet_database.read() as connection:
        assert connection.execute(select(func.count()).select_from(setting)).scalar_one() == 0


def test_writers_at_the_same_time_lose_nothing(fleet_database: Database) -> None:
    with fleet_database.begin() as connection:
        connection.execute(insert(setting).values(name="count", value="0"))

    def count() -> None:
        for _ in range(20):
            with fleet_database.begin() as connection:
                row = connection.execute(select(setting.c.value).with_for_update()).scalar_one()
                connection.execute(update(setting).values(value=str(int(row) + 1)))

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with fleet_database.read() as connection:
        assert connection.execute(select(setting.c.value)).scalar_one() == "60"


def test_a_view_stands_still_while_others_write(fleet_database: Database) -> None:
    with fleet_database.read() as view:
        before = view.execute(select(func.count()).select_from(setting)).scalar_one()
        with fleet_database.begin(durable=False) as connection:
            connection.execute(insert(setting).values(name="new", value=""))
        assert view.execute(select(func.count()).select_from(setting)).scalar_one() == before


def _alert(connection: Connection, key: str, state: str) -> None:
    connection.execute(
        insert(alert).values(
            key=key, cause="node_missing", node="web-01", labels="{}", severity="critical", state=state, episode=1,
            group_key="g", params="{}", started_us=1,
        )
    )  # fmt: skip


def test_one_open_alert_per_key(fleet_database: Database) -> None:
    with fleet_database.begin() as connection:
        _alert(connection, "a", "resolved")
        _alert(connection, "a", "resolved")
        _alert(connection, "a", "firing")
    with pytest.raises(IntegrityError), fleet_database.begin() as connection:
        _alert(connection, "a", "acked")


def test_one_record_per_place(fleet_database: Database) -> None:
    row = {
        "node": "web-01",
        "incarnation": 1,
        "seq": 0,
        "kind": "genesis",
        "ts": "",
        "content": b"{}",
        "received_us": 1,
    }
    with fleet_database.begin() as connection:
        connection.execute(insert(evidence_record).values(**row))
    with pytest.raises(IntegrityError), fleet_database.begin() as connection:
        connection.execute(insert(evidence_record).values(**row))


def test_a_lease_has_one_holder_and_counts_them(fleet_database: Database) -> None:
    now = to_us(BEGAN)
    first = leases.take(fleet_database, "leader", "a", now)
    assert first is not None
    assert first.epoch == 1
    assert leases.take(fleet_database, "leader", "b", now + 1) is None
    renewed = leases.take(fleet_database, "leader", "a", now + leases.RENEW_US)
    assert renewed is not None
    assert (renewed.epoch, renewed.until_us) == (1, now + leases.RENEW_US + leases.TTL_US)
    second = leases.take(fleet_database, "leader", "b", renewed.until_us)
    assert second is not None
    assert second.epoch == 2
    leases.release(fleet_database, first)  # a late holder lets nobody else's go
    assert leases.take(fleet_database, "leader", "a", renewed.until_us + 1) is None
    leases.release(fleet_database, second)
    third = leases.take(fleet_database, "leader", "a", renewed.until_us + 1)
    assert third is not None
    assert third.epoch == 3


def test_a_lease_is_taken_by_one_of_many(fleet_database: Database) -> None:
    won: list[str] = []

    def compete(holder: str) -> None:
        if leases.take(fleet_database, "leader", holder, to_us(BEGAN)) is not None:
            won.append(holder)

    threads = [threading.Thread(target=compete, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    with fleet_database.read() as connection:
        assert connection.execute(select(lease.c.holder, lease.c.epoch)).all() == [(won[0], 1)]


def test_an_instant_comes_back() -> None:
    at = BEGAN + timedelta(microseconds=123_457)
    assert from_us(to_us(at)) == at


@pytest.mark.parametrize("address", ["mysql://somebody@somewhere/db", "sqlite:///x.db", "not an address"])
def test_an_address_that_is_none_of_ours_is_one_sentence(address: str) -> None:
    with pytest.raises(DatabaseAddressUnusable):
        open_database(address)


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    database = open_database(f"postgresql://somebody:hidden-word@/db?host={tmp_path}")
    with pytest.raises(DatabaseUnreachable) as caught, database.read():
        pass
    assert "hidden-word" not in caught.value.message


def _ended_within(database: Database, server: PostgresServer) -> None:
    with database.begin() as connection:
        own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        server.execute(f"SELECT pg_terminate_backend({own})")
        connection.exec_driver_sql("SELECT 1")


def test_a_server_that_ends_is_one_sentence_and_then_found_again(postgresql: PostgresServer) -> None:
    name = postgresql.new_database()
    try:
        with open_database(postgresql.address(name)) as database:
            with database.read() as connection:
                process = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with pytest.raises(DatabaseUnreachable):
                _ended_within(database, postgresql)
            with database.read() as connection:
                assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != process
    finally:
        postgresql.drop(name)


def test_so_it_is_where_judging_reads_by_the_driver_itself(postgresql: PostgresServer, tmp_path: Path) -> None:
    name = postgresql.new_database()
    try:
        with open_database(postgresql.address(name)) as database:
            bring_up_to_date(database, backups=tmp_path, now=BEGAN)
            with pytest.raises(DatabaseUnreachable):
                _read_after_the_end(database, postgresql)
            with database.read() as connection:
                assert NodeLedger(connection, "web-01").size == 0
    finally:
        postgresql.drop(name)


def _read_after_the_end(database: Database, server: PostgresServer) -> None:
    with database.read() as connection:
        own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        server.execute(f"SELECT pg_terminate_backend({own})")
        NodeLedger(connection, "web-01")


def test_a_file_that_was_damaged_is_one_sentence_there_too(tmp_path: Path) -> None:
    file = tmp_path / "manager.db"
    with open_database(file) as database:
        bring_up_to_date(database, backups=tmp_path, now=BEGAN)
    size = file.stat().st_size
    with open_database(file) as database:
        with database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
        with file.open("r+b") as content:
            content.seek(4096)
            content.write(b"\xa5" * (size - 4096))
        with pytest.raises(DatabaseUnreachable):
            _read_once(database)


def _read_once(database: Database) -> None:
    with database.read() as connection:
        NodeLedger(connection, "web-01")


def test_a_statements_own_fault_stays_what_it_is(fleet_database: Database) -> None:
    """Asked by the driver itself: no one takes a mistake for a database that is out of reach."""
    with pytest.raises(fleet_database.engine.dialect.loaded_dbapi.Error):
        _ask_nonsense(fleet_database)


def _ask_nonsense(database: Database) -> None:
    with database.read() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("SELECT nothing FROM nowhere")
