"""`python -m intendance.witness.serve`: the witness's process, as `intendance witness` becomes it. SIGTERM ends it.

HTTP by the standard library: one small request a minute from each log. What it holds is bounded: bytes of a request,
seconds of a connection, connections.
"""

from __future__ import annotations

import json
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any

from intendance import __version__
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import ListeningRefused
from intendance.model.errors.state import refusal
from intendance.model.errors.witness import LogsUnusable, WitnessDamaged
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock, SystemClock, monotonic_seconds, rfc3339
from intendance.system.presented import LOOK_SECONDS, Presented
from intendance.system.shown import shield_streams
from intendance.witness.decide import LIMIT_BYTES, PATH, SIZE_MEDIA, Declined
from intendance.witness.keeping import Witness, WitnessLayout, open_witness, read_logs

SILENCE_SECONDS = 10
LONGEST_SECONDS = 60
MOST_CONNECTIONS = 64

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the witness listens, under which path it answers, and with which certificate."""

    host: str
    port: int
    prefix: str = ""
    certificate: str = ""
    key: str = ""


class WitnessServer(ThreadingTCPServer):
    """Answers for one witness. Raises ListeningRefused, CertificateUnusable."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, witness: Witness, listening: Listening, say: Say) -> None:
        self.witness = witness
        self.say = say
        self.path = listening.prefix.rstrip("/") + PATH
        given = Path(listening.certificate), Path(listening.key)
        self._presented = Presented(*given) if listening.certificate else None
        self._asked = False
        self._looked = monotonic_seconds()
        self.address_family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
        self._open: dict[socket.socket, float] = {}
        self._guard = threading.Lock()
        try:
            super().__init__((listening.host, listening.port), _Handler)
        except OSError:
            raise ListeningRefused(host=listening.host, port=listening.port) from None

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        return int(self.server_address[1])

    def get_request(self) -> Any:
        """A connection; whoever it is must still prove to speak TLS, in a thread of its own."""
        connection, address = super().get_request()
        if self._presented is not None:
            tls = self._presented.context
            connection = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 -- as it is called
        """Take a connection unless there are too many."""
        with self._guard:
            if len(self._open) >= MOST_CONNECTIONS:
                return False
            self._open[request] = monotonic_seconds()
        return True

    def service_actions(self) -> None:
        """Cut off, twice a second, whoever takes too long; see whether the certificate was renewed."""
        now = monotonic_seconds()
        if self._asked or now - self._looked >= LOOK_SECONDS:
            asked, self._asked, self._looked = self._asked, False, now
            said = self._presented.look(asked=asked) if self._presented is not None else ""
            if said:
                self.say(said)
        with self._guard:
            for each, since in self._open.items():
                if now - since > LONGEST_SECONDS:
                    _cut(each)

    def look_again(self) -> None:
        """See soon whether the certificate was renewed: somebody asks."""
        self._asked = True

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        with self._guard:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- as it is called
        """A client that went away, or spoke no TLS, is nothing to tell of; anything else is."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.say(f"a request failed: {error!r}")


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    timeout = SILENCE_SECONDS

    def setup(self) -> None:
        self.request.settimeout(self.timeout)
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def version_string(self) -> str:
        return "intendance-witness"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name that is overridden
        del format, args  # refusals are said where they are decided

    def do_GET(self) -> None:
        self._answer(404 if self.path != self.server.path else 405, "only checkpoints are taken here, by POST\n")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != self.server.path:
            self._end(404, "there is nothing here\n")
        elif not (length.isascii() and length.isdigit()):
            self._end(411, "say how many bytes come\n")
        elif len(length) > len(str(LIMIT_BYTES)) or int(length) > LIMIT_BYTES:
            self._end(413, f"at most {LIMIT_BYTES} bytes are read\n")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._add(body)

    def _add(self, body: bytes) -> None:
        try:
            found = self.server.witness.add_checkpoint(body)
        except WitnessDamaged as error:
            self.server.say(f"{error.message} {error.advice}")
            self._answer(500, "the witness cannot rely on what it kept\n")
        except OSError as error:
            self.server.say(f"a checkpoint could not be kept: {error}")
            self._answer(500, "the checkpoint could not be kept\n")
        else:
            self._tell(found)

    def _tell(self, found: str | Declined) -> None:
        if not isinstance(found, Declined):
            self._answer(200, found)
            return
        if found.status in (409, 422):
            self.server.say(f"refused with {found.status}: {found.reason}")
        if found.size is not None:
            self._answer(found.status, f"{found.size}\n", SIZE_MEDIA)
        else:
            self._answer(found.status, f"{found.reason}\n")

    def _end(self, status: int, text: str) -> None:
        """Answer without having read what came: nothing more can be understood on this connection."""
        self.close_connection = True
        self._answer(status, text)

    def _answer(self, status: int, text: str, media: str = "text/plain; charset=utf-8") -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


def serve(state: Path, logs: Path | None, name: str, listening: Listening, clock: Clock) -> None:
    """Cosign until told to stop. Raises what `open_witness` and `WitnessServer` raise."""

    def say(sentence: str) -> None:
        with suppress(OSError):  # the journal is away, or its disk is full: it cosigns all the same
            sys.stderr.write(f"{rfc3339(clock.read().at)} {sentence}\n")
            sys.stderr.flush()

    def know() -> None:
        try:
            known = read_logs(logs or WitnessLayout(state).logs)
            witness.know(known)
        except (LogsUnusable, WitnessDamaged, OSError) as error:
            say(f"the logs stay as they were: {error.message if isinstance(error, IntendanceError) else error}")
        else:
            say(f"it knows {', '.join(sorted(known))}")
        server.look_again()

    with open_witness(state, logs, name, clock) as witness:
        server = WitnessServer(witness, listening, say)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=know).start())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # what came while it began is told now
        scheme = "https" if listening.certificate else "http"
        say(f"witness {__version__}, {witness.key.text}, on {scheme}://{listening.host}:{server.port}")
        with server:
            server.serve_forever()
        say("witness ends")


def main(arguments: Sequence[str]) -> int:
    """Serve as one argument, a JSON object, says."""
    shield_streams()
    told = json.loads(arguments[0])
    try:
        logs = Path(told["logs"]) if told["logs"] else None
        serve(Path(told["state"]), logs, told["name"], Listening(**told["listening"]), SystemClock())
    except IntendanceError as error:
        known: IntendanceError | None = error
    except OSError as error:
        known = refusal(error)
        if known is None:
            raise
    else:
        return 0
    if known is None:
        return 1
    sys.stderr.write(f"error: {known.message}\n  → {known.advice}\n")
    return int(known.exit_code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
