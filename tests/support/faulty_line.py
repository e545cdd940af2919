"""A line to a server that tests break: a TCP proxy on loopback that cuts, stalls, drips, changes a byte, or answers
HTTP requests in the server's place."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Literal

_PIECE_BYTES = 64 << 10
_ALWAYS = 1 << 30

Direction = Literal["up", "down"]
"""`up`: towards the server."""


@dataclass(slots=True)
class Harm:
    """One thing that goes wrong, `times` times: after so many bytes of one direction of a connection, counted from
    when it was asked for, or for each HTTP request that begins so."""

    what: Literal["cut", "stall", "drip", "flip", "answer"]
    direction: Direction = "up"
    after_bytes: int = 0
    times: int = _ALWAYS
    begins: bytes = b""
    reply: bytes = b""
    seen: int = 0


class FaultyLine:
    """The proxy. Without harm, bytes pass as they are."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self._harm: Harm | None = None
        self._generation = 0
        self._over = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._server.getsockname()[1]
        self._start(self._accept)

    def cut(self, direction: Direction = "up", *, after_bytes: int = 0, times: int = _ALWAYS) -> Harm:
        """End the connection, on both sides."""
        return self._set(Harm("cut", direction, after_bytes, times))

    def stall(self, direction: Direction = "up", *, after_bytes: int = 0, times: int = _ALWAYS) -> Harm:
        """Let nothing more pass, and say nothing."""
        return self._set(Harm("stall", direction, after_bytes, times))

    def drip(self, direction: Direction = "up", *, after_bytes: int = 0, times: int = _ALWAYS) -> Harm:
        """Let twenty bytes pass each second: never silent, never done."""
        return self._set(Harm("drip", direction, after_bytes, times))

    def flip(self, direction: Direction = "up", *, after_bytes: int = 0, times: int = 1) -> Harm:
        """Change one bit, each time that so many bytes have passed."""
        return self._set(Harm("flip", direction, after_bytes, times))

    def answer(self, begins: str, status: int, code: str, *, times: int = _ALWAYS) -> Harm:
        """Answer requests that begin so as an S3 server does that refuses them."""
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>by the test</Message></Error>".encode()
        head = f"HTTP/1.1 {status} No\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
        reply = f"{head}Connection: close\r\n\r\n".encode() + body
        return self._set(Harm("answer", "up", 0, times, begins.encode(), reply))

    def heal(self) -> None:
        """Let all pass again; connections that were stalled or dripped are ended."""
        with self._lock:
            self._harm = None
            self._generation += 1

    def end(self) -> None:
        """End all connections, and the proxy."""
        self._over.set()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            still = list(self._open)
        for each in still:
            _shut(each)
        for thread in self._threads:
            thread.join(timeout=60)

    def _set(self, harm: Harm) -> Harm:
        with self._lock:
            self._harm = harm
            self._generation += 1
        return harm

    def _start(self, act: object, *given: object) -> None:
        thread = threading.Thread(target=act, args=given, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._pump, "up", near, far)
            self._start(self._pump, "down", far, near)

    def _pump(self, direction: Direction, source: socket.socket, target: socket.socket) -> None:
        passed, generation = 0, -1
        with suppress(OSError):
            while data := source.recv(_PIECE_BYTES):
                with self._lock:
                    if generation != self._generation:
                        passed, generation = 0, self._generation
                    harm = self._due(direction, data, passed)
                    if harm is not None:
                        harm.seen += 1
                passed += len(data)
                if harm is None:
                    target.sendall(data)
                elif not self._do(harm, data, passed - len(data), source, target, generation):
                    break
        for each in (source, target):
            _shut(each)
        with self._lock:
            self._open -= {source}
        source.close()

    def _due(self, direction: Direction, data: bytes, passed: int) -> Harm | None:
        harm = self._harm
        if harm is None or harm.direction != direction or harm.seen >= harm.times:
            return None
        if harm.what == "answer":
            return harm if data.startswith(harm.begins) else None
        return harm if passed <= _place(harm, passed) < passed + len(data) else None

    def _do(
        self, harm: Harm, data: bytes, passed: int, source: socket.socket, target: socket.socket, generation: int
    ) -> bool:
        """Harm what passes; whether the connection goes on."""
        at = _place(harm, passed) - passed
        if harm.what == "flip":
            target.sendall(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            return True
        if harm.what == "answer":
            source.sendall(harm.reply)
            with suppress(OSError):
                source.shutdown(socket.SHUT_WR)
            return False
        target.sendall(data[:at])
        if harm.what == "cut":
            return False
        rest = iter(data[at:] if harm.what == "drip" else b"")
        while self._same(generation) and not self._over.wait(0.05):
            target.sendall(bytes(islice(rest, 1)))
        return False

    def _same(self, generation: int) -> bool:
        with self._lock:
            return not self._over.is_set() and self._generation == generation


@contextmanager
def line_to(host: str, port: int) -> Iterator[FaultyLine]:
    """A line for one test."""
    line = FaultyLine(host, port)
    try:
        yield line
    finally:
        line.end()


def _place(harm: Harm, passed: int) -> int:
    """At which byte of a connection it goes wrong, the earliest that has not passed."""
    if harm.what != "flip" or not harm.after_bytes:
        return harm.after_bytes
    return max(1, -(-passed // harm.after_bytes)) * harm.after_bytes


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
