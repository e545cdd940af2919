"""A connection that somebody opens: how long they may take to say what they want, and how much of it.

uvicorn waits for ever for a request, and keeps whatever stands before its body. Anybody can open connections: who says
nothing, or does not come to an end, must not keep nodes from being heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
"""For the request line and its headers, from the first moment of the connection or the first byte of the request."""
BODY_SECONDS = 180.0
"""For the body: the largest that nodes send, 8 MiB, on a line of 400 kbit/s."""
HEAD_LIMIT_BYTES = 32 * 1024
"""Browsers send some 2 KiB, nodes less."""
UNWANTED_BYTES = 2 * 1024 * 1024
"""Of a body that was answered already: whoever goes on sending it is cut off, once the answer had time to arrive."""
FILES = 65_536
"""No more: some programs that the manager starts close every number that they might have been left."""

_TOO_MUCH = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """One connection, whose requests end within their time and whose heads are bounded."""

    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS
    _limit: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True
    _since_body_bytes = 0
    _unwanted_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        self._expect(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """They went."""
        self._expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """What they say next."""
        if self._in_head:
            self._head_bytes += len(data)
            self._feed_head(data)
        else:
            self._feed_body(data)
        self._stay_patient_for_a_while()

    def _stay_patient_for_a_while(self) -> None:
        """uvicorn's patience with who waits between two requests ends with any byte, and begins anew with an answer:
        what comes after one and is no request (an empty line, a body nobody waited for) would keep the line for ever.
        """
        waited_for = self._limit is not None or self.timeout_keep_alive_task is not None
        if not waited_for and not self.transport.is_closing() and self.cycle.response_complete:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _feed_body(self, data: bytes) -> None:
        """A piece of a body. What stands between its chunks and behind them is kept and bounded like a head."""
        self._since_body_bytes += len(data)
        super().data_received(data)
        if self._since_body_bytes > HEAD_LIMIT_BYTES and not self._in_head:
            self._cut()

    def on_body(self, body: bytes) -> None:
        """Some of the body itself."""
        self._since_body_bytes = 0
        super().on_body(body)
        if self.cycle.response_complete:
            self._unwanted_bytes += len(body)
            if self._unwanted_bytes > UNWANTED_BYTES:
                self._cut()

    def _feed_head(self, data: bytes) -> None:
        """A piece of a head at a time: what comes behind it in the same packet is none of it."""
        if self._head_bytes - len(data) < HEAD_LIMIT_BYTES:
            super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_MUCH)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True
        self._expect(self.head_seconds)

    def on_headers_complete(self) -> None:
        """Its head is over."""
        self._in_head, self._head_bytes = False, 0
        self._since_body_bytes = self._unwanted_bytes = 0
        self._expect(self.body_seconds)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._in_head, self._head_bytes = True, 0
        self._expect(None)
        super().on_message_complete()

    def _expect(self, seconds: float | None) -> None:
        """That the next part comes within so long; None: nothing is owed."""
        if self._limit is not None:
            self._limit.cancel()
        self._limit = None if seconds is None else self.loop.call_later(seconds, self._cut)

    def _cut(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()


def allow_many() -> None:
    """As many connections as nodes need, each keeps one: the usual limit of open files is 1,024."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if now == resource.RLIM_INFINITY or now >= wanted:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
