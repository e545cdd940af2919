"""Who wants to keep the manager from hearing others: many who guess passwords, who never end what they began."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from intendance.api.connection import HEAD_LIMIT_BYTES, Connection
from intendance.fleet.accounts.service import HASHES_AT_ONCE, WAITING_AT_ONCE
from intendance.fleet.database.connect import open_database
from intendance.web.app import CSP
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN

LONG_SECONDS = 120
BUFFER_BYTES = 65_536
"""What lies between the two: left to the system, it may be some MiB."""
FLOOD = 60
"""More than there are threads for requests (40)."""
TAKEN = HASHES_AT_ONCE + WAITING_AT_ONCE
ASK = b"GET /healthz HTTP/1.1\r\nhost: m\r\n\r\n"


class Hurried(Connection):
    """The same, in less time."""

    head_seconds = body_seconds = 0.5


@pytest.fixture
def asked(sqlite_template: Path, tmp_path: Path) -> Iterator[Asked]:
    shutil.copy(sqlite_template, tmp_path / "manager.db")
    with open_database(tmp_path / "manager.db") as database:
        yield Asked(database, MovableClock(BEGAN))


@contextmanager
def served(
    app: ASGIApp, connection: type[Connection] = Connection, *, keep_alive: int = LONG_SECONDS
) -> Iterator[tuple[str, int]]:
    """Where it is served, by the manager's own server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        config = uvicorn.Config(
            app, log_level="critical", lifespan="off", http=connection, timeout_keep_alive=keep_alive
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield "127.0.0.1", listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def _cut_off(place: tuple[str, int], said: bytes) -> bytes:
    """All that is answered until the other side hangs up."""
    answer = b""
    with socket.create_connection(place, LONG_SECONDS) as slow, contextlib.suppress(ConnectionError):
        slow.sendall(said)
        while more := slow.recv(65_536):
            answer += more
    return answer


def _is_answered(connection: socket.socket, asked: bytes = ASK) -> bool:
    """Whether it gets its answer, whole."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        connection.sendall(asked)
        while not answer.endswith(b"}"):
            more = connection.recv(65_536)
            if not more:
                return False
            answer += more
    return answer.startswith(b"HTTP/1.1 200")


def _patient(place: tuple[str, int]) -> socket.socket:
    """A connection that was answered once; one that this machine was too slow to use is made again."""
    while True:
        connection = socket.create_connection(place, LONG_SECONDS)
        if _is_answered(connection):
            return connection
        connection.close()


class _Hashing:
    """Two hashes that take as long as we like, whatever the machine; not for ever, so that a fault is red."""

    def __init__(self, asked: Asked) -> None:
        self._places = asked.accounts._hashing
        for _ in range(HASHES_AT_ONCE):
            self._places.acquire()
        self.lasts = True
        self._watch = threading.Timer(LONG_SECONDS, self.end)
        self._watch.start()

    def end(self) -> None:
        if self.lasts:
            self.lasts = False
            for _ in range(HASHES_AT_ONCE):
                self._places.release()
        self._watch.cancel()


async def _flood(asked: Asked, hashing: _Hashing) -> Counter[int]:
    """What those are answered who log in at once, and that others are answered meanwhile."""
    transport = httpx.ASGITransport(asked.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://manager", timeout=None) as client:
        page = await client.get("/login")
        fields = {"token": page.text.split('name="token" value="', 1)[1].split('"', 1)[0], "password": "x" * 12}
        told: Counter[int] = Counter()
        flooding = [client.post("/login", data=fields | {"name": f"nobody-{number}"}) for number in range(FLOOD)]
        for answered in asyncio.as_completed(flooding):
            answer = await answered
            told[answer.status_code] += 1
            if answer.status_code == 503:
                assert answer.headers["retry-after"] == "5"
                assert "Trop de personnes" in answer.text
            if told[503] == FLOOD - TAKEN and hashing.lasts:
                assert (await client.get("/login")).status_code == 200
                assert (await client.get("/api/v1/openapi.json")).status_code == 200
                hashing.end()
        return told


def test_a_flood_of_log_ins_leaves_room_for_everybody_else(asked: Asked) -> None:
    hashing = _Hashing(asked)
    try:
        assert asyncio.run(_flood(asked, hashing)) == {503: FLOOD - TAKEN, 401: TAKEN}
    finally:
        hashing.end()


def test_who_says_nothing_or_does_not_end_is_cut_off_and_who_waits_between_two_requests_is_not(asked: Asked) -> None:
    begun = (
        b"",
        b"GET /healthz HTTP/1.1\r\nhost: m\r\nx-slow: ",
        b"POST /login HTTP/1.1\r\nhost: m\r\ncontent-length: 100\r\n\r\ntoken=",
    )
    with served(asked.app, Hurried) as place, _patient(place) as patient:
        for said in begun:
            assert _cut_off(place, said) == b""  # it ends: nobody is waited for
        assert _is_answered(patient)


@pytest.mark.parametrize("endless", [b"GET / HTTP/1.1\r\nhost: m\r\nx: ", b"GET /", b"GET / HTTP/1.1\r\nhost: m\r\n"])
def test_what_stands_before_a_body_is_bounded(asked: Asked, endless: bytes) -> None:
    piece = b"x-more: y\r\n" * 100 if endless.endswith(b"\n") else b"y" * 1000
    with served(asked.app) as place, socket.socket() as hostile:
        hostile.settimeout(LONG_SECONDS)
        hostile.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        hostile.connect(place)
        sent = 0
        try:
            hostile.sendall(endless)
            while sent < 100 * HEAD_LIMIT_BYTES:
                hostile.sendall(piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 100 * HEAD_LIMIT_BYTES  # it hung up: 3 MiB lie in no buffer between the two
        with socket.create_connection(place, LONG_SECONDS) as other:
            assert _is_answered(other)


def test_a_body_as_long_as_it_may_be_arrives_whole(asked: Asked) -> None:
    body = b"x" * 1_000_000
    head = b"POST /login HTTP/1.1\r\nhost: m\r\ncontent-length: %d\r\n\r\n" % len(body)
    with served(asked.app) as place, socket.create_connection(place, LONG_SECONDS) as one:
        one.sendall(head + body)
        assert one.recv(65_536).startswith(b"HTTP/1.1 413")


def test_an_answer_that_nobody_foresaw_tells_browsers_the_same(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(asked.accounts, "who", broken)
    answer = asked.ask("/", scope=None, headers={"cookie": "intendance=x"})
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "a fault of ours" not in answer.text
    assert "a fault of ours" in asked.said[0]


EARLY = b"POST /api/v1/heartbeat HTTP/1.1\r\nhost: m\r\ncontent-length: 9\r\n\r\n"


@pytest.mark.parametrize(("asked_for", "then"), [(ASK, b"\r\n"), (EARLY, b"x" * 9)])
def test_who_was_answered_and_asks_nothing_is_not_waited_for_for_ever(
    asked: Asked, asked_for: bytes, then: bytes
) -> None:
    """An empty line is no request, and who was refused unread may end its body: neither is a reason to stay."""
    with (
        served(asked.app, keep_alive=1) as place,
        socket.create_connection(place, LONG_SECONDS / 4) as idle,
        contextlib.suppress(ConnectionError),
    ):
        idle.sendall(asked_for)
        while (more := idle.recv(65_536)) and not more.endswith(b"}"):
            pass
        idle.sendall(then)
        assert idle.recv(1) == b""
