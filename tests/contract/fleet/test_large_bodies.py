"""Bodies of a hundred megabytes, by a node that was taken or by anybody: refused early, kept nowhere, others heard."""

from __future__ import annotations

import contextlib
import gzip
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from intendance.api.connection import HEAD_LIMIT_BYTES, UNWANTED_BYTES
from intendance.fleet.database.connect import open_database
from intendance.wire import messages
from tests.contract.fleet.test_floods import ASK, LONG_SECONDS, _is_answered, _patient, served
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.hostile import join
from tests.support.nodes import SimulatedNode

WANTED = 100_000_000
PIECE = 65_536
BETWEEN_BYTES = 16 * 1024 * 1024
"""More than lies in the buffers between the two, whatever the machine: Linux gives a connection at most 6 + 4 MiB."""
LIMITS = {
    "heartbeat": messages.BEAT_LIMIT_BYTES,
    "heartbeats": messages.BACKFILL_LIMIT_BYTES,
    "evidence": messages.EVIDENCE_LIMIT_BYTES,
    "enrol": messages.ENROL_LIMIT_BYTES,
}
Place = tuple[str, int]


@pytest.fixture
def asked(sqlite_template: Path, tmp_path: Path) -> Iterator[Asked]:
    shutil.copy(sqlite_template, tmp_path / "manager.db")
    with open_database(tmp_path / "manager.db") as database:
        yield Asked(database, MovableClock(BEGAN))


@pytest.fixture
def node(asked: Asked, tmp_path: Path) -> Iterator[SimulatedNode]:
    made = join(asked.manager, SimulatedNode("web-01", asked.clock, tmp_path / "web-01"))
    yield made
    made.book.close()


def _poured(place: Place, head: bytes, piece: bytes) -> tuple[int, bytes]:
    """How much of a hundred megabytes could be sent before the other side hung up, and what it said."""
    sent, answer = 0, b""
    with socket.create_connection(place, LONG_SECONDS) as hostile:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            hostile.sendall(head)
            while sent < WANTED:
                hostile.sendall(piece)
                sent += len(piece)
        with contextlib.suppress(ConnectionError):
            answer = hostile.recv(PIECE)
    return sent, answer


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", LIMITS)
def test_a_body_without_end_is_cut_and_others_are_answered(
    asked: Asked, node: SimulatedNode, name: str, *, known: bool, chunked: bool
) -> None:
    bearer = node.bearer if known else b"nobody"
    length = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % WANTED
    begun = b"POST /api/v1/%s HTTP/1.1\r\nhost: m\r\nauthorization: Bearer %s\r\n" % (name.encode(), bearer)
    head = begun + length + b"\r\n\r\n"
    piece = b"%x\r\n%s\r\n" % (PIECE, b"x" * PIECE) if chunked else b"x" * PIECE
    with served(asked.app) as place, _patient(place) as patient:
        sent, answer = _poured(place, head, piece)
        assert sent < LIMITS[name] + UNWANTED_BYTES + BETWEEN_BYTES
        assert answer[:12] in (b"", b"HTTP/1.1 413", b"HTTP/1.1 401")  # it may be lost: who pours does not read
        assert _is_answered(patient)
    assert asked.said == []


@pytest.mark.parametrize(
    ("begun", "piece"),
    [
        (b"0\r\n", b"x-more: " + b"y" * 50 + b"\r\n"),
        (b"0\r\nx-more: ", b"y" * 60),
        (b"5;", b"y" * 60),
    ],
    ids=["trailers", "one-trailer", "extension"],
)
def test_what_stands_between_and_behind_chunks_is_bounded(asked: Asked, begun: bytes, piece: bytes) -> None:
    head = b"POST /login HTTP/1.1\r\nhost: m\r\ntransfer-encoding: chunked\r\n\r\n5\r\ntoken\r\n" + begun
    with served(asked.app) as place, _patient(place) as patient:
        sent, _ = _poured(place, head, piece * 1000)
        assert sent < HEAD_LIMIT_BYTES + BETWEEN_BYTES
        assert _is_answered(patient)


def test_a_chunked_body_with_a_trailer_is_read_and_the_next_request_too(asked: Asked) -> None:
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in b"token=xx" * 200)
    head = b"POST /login HTTP/1.1\r\nhost: m\r\ntransfer-encoding: chunked\r\n\r\n"
    with served(asked.app) as place, socket.create_connection(place, LONG_SECONDS) as one:
        one.sendall(head + body + b"0\r\nx-sum: 1\r\n\r\n")
        answer = b""
        while b"</html>" not in answer:
            answer += one.recv(PIECE)
        assert answer.startswith(b"HTTP/1.1 403")
        assert _is_answered(one, ASK)


def test_nothing_is_unpacked(asked: Asked, node: SimulatedNode) -> None:
    """A body that says it is compressed is bytes like any other: eight of them are no bomb."""
    packed = gzip.compress(b"x" * 10_000_000)
    headers = {"authorization": f"Bearer {node.bearer.decode()}", "content-encoding": "gzip"}
    with served(asked.app) as (host, port):
        url = f"http://{host}:{port}/api/v1/evidence"
        answer = httpx.post(url, content=packed, headers=headers, timeout=LONG_SECONDS)
    assert (answer.status_code, answer.json()["title"]) == (400, "message_malformed")
