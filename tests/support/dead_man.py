"""A dead man's switch as others run it: real HTTP on a free port, which remembers who asked and how it is to answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.certificates import Authority


@dataclass
class DeadMan:
    """A running switch: `status` is what it answers from now on; `asked` are the paths that came in."""

    port: int = 0
    status: int = 200
    scheme: str = "http"
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/ping/2f7c"


@contextmanager
def dead_man(authority: Authority | None = None) -> Iterator[DeadMan]:
    """A switch for a while; with an `authority` by TLS."""
    switch = DeadMan(scheme="https" if authority else "http")

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            switch.asked.append(self.path)
            self.send_response(switch.status)
            if 300 <= switch.status < 400:
                self.send_header("Location", f"{switch.scheme}://127.0.0.1:{switch.port}/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"OK")

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            return  # a caller that does not trust it hangs up

    server = Server(("127.0.0.1", 0), Handler)
    if authority:
        server.socket = authority.server_context("127.0.0.1").wrap_socket(server.socket, server_side=True)
    switch.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield switch
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
