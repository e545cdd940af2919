"""A connection that ends at its deadline.

A socket's timeout counts anew with each byte, so a server that drips its answer would hold a worker for ever. Here the
line itself is cut when the time is up, wherever the protocol or the TLS handshake stands (decision 31).
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
import threading
from types import TracebackType

from intendance.system.clock import monotonic_seconds

_CONNECT_SECONDS = 10.0


class Line:
    """Dials, and hangs up when `deadline_seconds` are over: what then waits for an answer gets an error at once."""

    def __init__(self, deadline_seconds: float) -> None:
        self._until = monotonic_seconds() + deadline_seconds
        self._cord: socket.socket | None = None
        self._guard = threading.Lock()
        self._timer = threading.Timer(deadline_seconds, self._cut)
        self._timer.daemon = True
        self.overdue = False

    def __enter__(self) -> Line:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        with self._guard:
            if self._cord is not None:
                self._cord.close()
                self._cord = None

    def remaining_seconds(self) -> float:
        """What is left, never nothing, since a timeout of 0 means something else to a socket."""
        return max(0.05, self._until - monotonic_seconds())

    def dial(self, host: str, port: int, context: ssl.SSLContext | None = None) -> socket.socket:
        """A connection to a machine, by TLS where a context is given. Raises OSError (TLS's errors are some)."""
        connected = socket.create_connection((host, port), min(_CONNECT_SECONDS, self.remaining_seconds()))
        try:
            self._hold(connected)
            connected.settimeout(self.remaining_seconds() + _CONNECT_SECONDS)  # the cut comes first
            return connected if context is None else context.wrap_socket(connected, server_hostname=host)
        except BaseException:
            connected.close()
            raise

    def _hold(self, connected: socket.socket) -> None:
        """Keep a second handle: the first one changes hands when TLS begins."""
        with self._guard:
            if self._cord is not None:
                self._cord.close()
            self._cord = socket.socket(fileno=os.dup(connected.fileno()))
            if self.overdue:
                self._cord.shutdown(socket.SHUT_RDWR)

    def _cut(self) -> None:
        with self._guard:
            self.overdue = True
            if self._cord is not None:
                with contextlib.suppress(OSError):
                    self._cord.shutdown(socket.SHUT_RDWR)


def is_loopback(host: str) -> bool:
    """Whether a machine's name or address means this machine itself: what goes there crosses no network."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def trusted() -> ssl.SSLContext:
    """TLS as the machine trusts it: certificates and names are checked."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
