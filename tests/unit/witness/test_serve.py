"""The witness's process as strangers meet it: statuses and media of the specification, and bounds on everything."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from intendance.ledger.cosignature import WitnessKey, cosigned
from intendance.ledger.note import read_note
from intendance.model.errors import Exit
from intendance.system.clock import SystemClock
from intendance.witness import serve
from intendance.witness.keeping import WitnessLayout, open_witness
from intendance.witness.serve import Listening, WitnessServer
from tests.support.certificates import Authority
from tests.support.growing_log import GrowingLog, key_of
from tests.support.state import until

NAME = "witness.example.org/w1"


@contextmanager
def served(state: Path, log: GrowingLog, listening: Listening | None = None) -> Iterator[WitnessServer]:
    logs = state / "known"
    logs.write_text(f"{log.vkey}\n")
    with open_witness(state, logs, NAME, SystemClock()) as witness:
        listening = listening or Listening(host="127.0.0.1", port=0)
        with WitnessServer(witness, listening, lambda _: None) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()


def asked(
    port: int,
    body: bytes,
    *,
    path: str = "/add-checkpoint",
    method: str = "POST",
    headers: dict[str, str] | None = None,
) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def log() -> GrowingLog:
    log = GrowingLog()
    log.grow(3)
    return log


def test_statuses_and_media_are_those_of_the_specification(tmp_path: Path, log: GrowingLog) -> None:
    with served(tmp_path, log) as server:
        port = server.port
        status, _, line = asked(port, log.request(0))
        assert status == 200
        found = cosigned(read_note((log.checkpoint() + line).encode()), server.witness.key)
        assert found is not None
        assert found.genuine
        assert asked(port, log.request(0)) == (409, "text/x.tlog.size", "3\n")
        fork = GrowingLog()
        fork.grow(5, "fork")
        assert asked(port, fork.request(3))[0] == 422
        assert asked(port, fork.request(3, 3)) == (409, "text/x.tlog.size", "3\n")
        assert asked(port, GrowingLog(origin="asbl/other").request(0))[0] == 404
        stranger = GrowingLog(private=key_of(2))
        assert asked(port, stranger.request(0))[0] == 403
        assert asked(port, b"old 9" + log.request(3)[5:])[0] == 400
        assert asked(port, b"nonsense")[0] == 400
        assert asked(port, b"", path="/")[0] == 404
        assert asked(port, b"", method="GET")[0] == 405
        assert asked(port, b"", method="PUT")[0] == 501


def test_it_answers_under_a_prefix_alone(tmp_path: Path, log: GrowingLog) -> None:
    with served(tmp_path, log, Listening(host="127.0.0.1", port=0, prefix="/w1/")) as server:
        assert asked(server.port, log.request(0))[0] == 404
        assert asked(server.port, log.request(0), path="/w1/add-checkpoint")[0] == 200


def test_a_connection_serves_several_requests(tmp_path: Path, log: GrowingLog) -> None:
    with served(tmp_path, log) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        statuses = []
        for _ in range(3):
            connection.request("POST", "/add-checkpoint", log.request(0))
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            assert connection.sock is not None, "kept open"
        connection.close()
    assert statuses == [200, 409, 409]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Length": "70000"}, 413),
        ({"Content-Length": "9" * 4000}, 413),
        ({"Content-Length": "-1"}, 411),
        ({"Content-Length": "٣"}, 411),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_what_is_too_long_or_of_no_length_is_not_read(
    tmp_path: Path, log: GrowingLog, headers: dict[str, str], expected: int
) -> None:
    with served(tmp_path, log) as server, socket.create_connection(("127.0.0.1", server.port), 60) as line:
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        line.sendall(f"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n{told}\r\n".encode())
        answer = b""
        while piece := line.recv(4096):  # to the end: it hangs up
            answer += piece
    assert answer.startswith(f"HTTP/1.1 {expected} ".encode())


def test_who_is_slow_or_one_too_many_is_cut_off(
    tmp_path: Path, log: GrowingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "MOST_CONNECTIONS", 2)
    with served(tmp_path, log) as server:
        first, second, third = (socket.create_connection(("127.0.0.1", server.port), 60) for _ in range(3))
        with first, second, third:
            first.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 10\r\n\r\nold")
            assert heard(third) == b"", "at most two at once"
            monkeypatch.setattr(serve, "LONGEST_SECONDS", 0.2)
            assert heard(first) == b"", "nor for ever"
            assert heard(second) == b""
        monkeypatch.setattr(serve, "LONGEST_SECONDS", 60)  # a disk takes longer than those had to keep what is cosigned
        until(lambda: asked_quietly(server.port, log) == 200, "room again once they are gone")


def heard(line: socket.socket) -> bytes:
    """What it says before it hangs up; it does so harshly where it had not read all that came."""
    with contextlib.suppress(ConnectionResetError):
        return line.recv(4096)
    return b""


def asked_quietly(port: int, log: GrowingLog) -> int:
    try:
        return asked(port, log.request(0))[0]
    except (OSError, http.client.HTTPException):
        return 0


def test_it_speaks_tls(tmp_path: Path, log: GrowingLog) -> None:
    authority = Authority.create()
    certificate = tmp_path / "server.pem"
    certificate.write_bytes(authority.server_pem("127.0.0.1"))
    listening = Listening(host="127.0.0.1", port=0, certificate=str(certificate), key=str(certificate))
    context = ssl.create_default_context(cadata=authority.pem)
    with served(tmp_path, log, listening) as server:
        with socket.create_connection(("127.0.0.1", server.port), 60) as plain:
            plain.sendall(b"POST /add-checkpoint HTTP/1.1\r\n\r\n")
            assert b"200" not in heard(plain)
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=context)
        connection.request("POST", "/add-checkpoint", log.request(0))
        assert connection.getresponse().status == 200
        connection.close()


def test_what_cannot_be_kept_is_not_cosigned(tmp_path: Path, log: GrowingLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with served(tmp_path, log) as server:
        monkeypatch.setattr("intendance.witness.keeping.publish", full)
        assert asked(server.port, log.request(0))[0] == 500
        monkeypatch.undo()
        assert asked(server.port, log.request(0))[0] == 200
        WitnessLayout(tmp_path).head(log.origin).write_bytes(b"torn")
        assert asked(server.port, log.request(3))[0] == 500


def test_the_process_tells_its_key_and_ends_when_told(tmp_path: Path, log: GrowingLog) -> None:
    (tmp_path / "witness").mkdir()
    (tmp_path / "witness" / "logs").write_text(f"{log.vkey}\n")
    told = {"state": str(tmp_path), "logs": None, "name": NAME, "listening": {"host": "127.0.0.1", "port": 0}}
    words = [sys.executable, "-m", "intendance.witness.serve", json.dumps(told)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            port = int(said.rsplit(":", 1)[1])
            assert asked(port, log.request(0))[0] == 200
            second = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
            assert second.returncode == Exit.FAILED
            assert "Witnessing" in second.stderr
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(120) == 0
        finally:
            process.kill()
    vkey = (tmp_path / "witness" / "witness.vkey").read_text().strip()
    assert vkey in said
    assert WitnessKey.parse(vkey).name == NAME


def test_the_list_of_logs_is_read_again_when_told(tmp_path: Path, log: GrowingLog) -> None:
    known = tmp_path / "known"
    other = GrowingLog("other.example.org/log")
    known.write_text(f"{other.vkey}\n")
    told = {"state": str(tmp_path), "logs": str(known), "name": NAME, "listening": {"host": "127.0.0.1", "port": 0}}
    words = [sys.executable, "-m", "intendance.witness.serve", json.dumps(told)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            port = int(process.stderr.readline().rsplit(":", 1)[1])
            assert asked(port, log.request(0))[0] == 404
            known.write_text(f"{other.vkey}\n{log.vkey}\n")
            os.kill(process.pid, signal.SIGHUP)
            said = process.stderr.readline()
            assert log.origin in said
            assert other.origin in said
            assert asked(port, log.request(0))[0] == 200
            known.write_text("no key\n")
            os.kill(process.pid, signal.SIGHUP)
            said = process.stderr.readline()
            assert "the logs stay as they were" in said
            assert "line 1" in said
            assert asked(port, log.request(3))[0] == 200
            os.kill(process.pid, signal.SIGTERM)
            assert process.wait(120) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("wrong", ["logs", "certificate", "address"])
def test_what_keeps_it_from_starting_is_a_sentence(
    tmp_path: Path, log: GrowingLog, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = tmp_path / "known"
    logs.write_text("" if wrong == "logs" else f"{log.vkey}\n")
    listening: dict[str, object] = {"host": "192.0.2.1" if wrong == "address" else "127.0.0.1", "port": 0}
    if wrong == "certificate":
        listening |= {"certificate": str(tmp_path / "none.pem"), "key": str(tmp_path / "none.key")}
    told = {"state": str(tmp_path), "logs": str(logs), "name": NAME, "listening": listening}
    assert serve.main([json.dumps(told)]) in (Exit.FAILED, Exit.USAGE)
    assert "→" in capsys.readouterr().err
