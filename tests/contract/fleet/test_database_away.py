"""A PostgreSQL that is away, busy or silent is one known error, after which it is asked again: no thread of a manager
ends of it. And a line that is silent is given up."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from intendance.fleet.database import server
from intendance.fleet.database.connect import Database, open_database
from intendance.model.errors.fleet import DatabaseUnreachable
from tests.support.postgresql import PostgresServer


@pytest.fixture
def database(postgresql: PostgresServer) -> Iterator[Database]:
    name = postgresql.new_database()
    with open_database(postgresql.address(name)) as opened:
        yield opened
    postgresql.drop(name)


@contextmanager
def _deaf() -> Iterator[int]:
    """A port whose server takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_server_that_takes_connections_and_says_nothing_is_away() -> None:
    with (
        _deaf() as port,
        open_database(f"postgresql://tester@127.0.0.1:{port}/db?connect_timeout=2") as database,
        pytest.raises(DatabaseUnreachable, match="timeout"),
        database.read(),
    ):
        pass


def _raise(database: Database, state: str) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'so' USING ERRCODE = '{state}'; END $$")


@pytest.mark.parametrize(
    "state",
    ["08006", "25006", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P03", "58030", "XX001"],
)
def test_what_the_server_says_of_itself_is_asked_again(database: Database, state: str) -> None:
    with pytest.raises(DatabaseUnreachable):
        _raise(database, state)


@pytest.mark.parametrize("state", ["22P02", "23505", "42601", "42P01", "P0001"])
def test_what_it_says_of_a_statement_stays_what_it_is(database: Database, state: str) -> None:
    with pytest.raises(DBAPIError):
        _raise(database, state)


def test_two_that_stand_in_each_others_way_are_one_that_is_asked_again(database: Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE place (number integer PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO place VALUES (1), (2)")
    both = threading.Barrier(2)
    said: list[BaseException | None] = []

    def take(first: int, second: int) -> None:
        try:
            with database.begin() as connection:
                connection.exec_driver_sql(f"SELECT * FROM place WHERE number = {first} FOR UPDATE")
                both.wait(60)
                connection.exec_driver_sql(f"SELECT * FROM place WHERE number = {second} FOR UPDATE")
            said.append(None)
        except BaseException as error:  # noqa: BLE001 -- whatever it is
            said.append(error)

    threads = [threading.Thread(target=take, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(each).__name__ for each in said) == ["DatabaseUnreachable", "NoneType"]


def test_connections_that_others_have_are_waited_for_and_then_asked_for_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database.engine.pool, "_timeout", 0)
    with ExitStack() as held:
        for _ in range(16):
            held.enter_context(database.read())
        with pytest.raises(DatabaseUnreachable), database.read():
            pass
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def _cut(connection: psycopg.Connection) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def _run(database: Database, statements: list[str]) -> None:
    with database.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_wherever_the_line_breaks_it_is_one_error(database: Database) -> None:
    """Before each statement, and before the end of a transaction."""
    left = 0
    statements = ["SELECT 1", "CREATE TABLE more (number integer)", "INSERT INTO more VALUES (1)"]

    def count(connection: psycopg.Connection) -> None:
        nonlocal left
        if left == 0:
            _cut(connection)
        left -= 1

    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda asked, *_: count(asked.connection.driver_connection),
    )
    event.listen(database.engine, "commit", lambda asked: count(asked.connection.driver_connection))
    for place in range(len(statements) + 1):
        left = place
        with pytest.raises(DatabaseUnreachable):
            _run(database, statements)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT to_regclass('more')").scalar_one() is None


def test_a_line_is_given_up_after_a_silence() -> None:
    told = server.line({})
    assert {told["connect_timeout"], told["tcp_user_timeout"] // 1000} == {server.SILENT_SECONDS}
    asked = told["keepalives_idle"] + told["keepalives_interval"] * told["keepalives_count"]
    assert asked <= server.SILENT_SECONDS
    assert "tcp_user_timeout" not in server.line({"tcp_user_timeout"}), "the address may say otherwise"


@pytest.fixture
def relayed(postgresql: PostgresServer) -> Iterator[str]:
    """The address of the shared server by TCP: a relay on the loopback to its socket in a folder."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        passing: list[threading.Thread] = []

        def serve() -> None:
            while True:
                try:
                    near, _ = listening.accept()
                except OSError:
                    return
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(postgresql.folder / ".s.PGSQL.5432"))
                passing.append(threading.Thread(target=_relay, args=(near, far), daemon=True))
                passing[-1].start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        listening.shutdown(socket.SHUT_RDWR)
    for each in (thread, *passing):
        each.join()


def _relay(near: socket.socket, far: socket.socket) -> None:
    with near, far:
        back = threading.Thread(target=_pass, args=(far, near), daemon=True)
        back.start()
        _pass(near, far)
        back.join()


def _pass(one: socket.socket, other: socket.socket) -> None:
    while data := one.recv(65536):
        other.sendall(data)
    other.shutdown(socket.SHUT_WR)


def test_the_system_watches_the_line(relayed: str) -> None:
    with open_database(relayed) as database, database.read() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as line:
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == server.SILENT_SECONDS * 1000
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < server.SILENT_SECONDS
