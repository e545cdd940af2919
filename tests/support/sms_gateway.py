"""A provider of text messages that does what real ones do at their worst: real HTTP on a free port."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.certificates import Authority


@dataclass
class Asked:
    """One request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Gateway:
    """A running provider: `answers` are given one after the other, the last for ever."""

    port: int = 0
    answers: list[tuple[int, str]] = field(default_factory=lambda: [(200, '{"id": "m-1"}')])
    asked: list[Asked] = field(default_factory=list)
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextmanager
def sms_gateway(authority: Authority | None = None) -> Iterator[Gateway]:
    """A provider for a while; with an `authority` by TLS."""
    gateway = Gateway(scheme="https" if authority else "http")

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            gateway.asked.append(Asked(self.path, dict(self.headers.items()), body))
            status, said = gateway.answers.pop(0) if len(gateway.answers) > 1 else gateway.answers[0]
            content = said.encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{gateway.url}/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            return  # a caller that hangs up is what these tests are about

    server = Server(("127.0.0.1", 0), Handler)
    if authority:
        server.socket = authority.server_context("127.0.0.1").wrap_socket(server.socket, server_side=True)
    gateway.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield gateway
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
