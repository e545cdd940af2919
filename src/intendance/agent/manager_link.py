"""HTTP to the manager by the standard library alone: one connection, kept open; several addresses, tried in turn."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import urlsplit

from intendance.model.errors.fleet import ManagerRefused, ManagerUnproven, ManagerUnreachable

TIMEOUT_SECONDS = 5.0
JOINING_SECONDS = 60.0
"""Of one who joins: a token serves once, and a manager that is slow to answer may have taken it already."""
_ANSWER_LIMIT_BYTES = 64 * 1024
_REFUSALS = range(400, 500)
_UNKNOWN_HERE = 401
"""Of a manager that does not know who speaks; another, at the next address, may."""
_OURS = "urn:intendance:error:"


class Link:
    """One way to a manager. Not for several threads, except `cut`."""

    def __init__(
        self, urls: Sequence[str], *, bearer: str = "", authority: str = "", timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._urls = tuple(urls)
        self._bearer = bearer
        self._authority = authority
        self._timeout_seconds = timeout_seconds
        self._at = 0
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes) -> bytes:
        """The answer to a message. Raises ManagerRefused; ManagerUnreachable, and the next try goes elsewhere."""
        url = self._urls[self._at]
        try:
            status, answer = self._ask(url, path, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            self._at = (self._at + 1) % len(self._urls)
            raise ManagerUnreachable(url=url, detail=said(error)) from None
        if status == 200:
            return answer
        told = refusal(answer) if status in _REFUSALS else None
        if told is None or status == _UNKNOWN_HERE:
            self._at = (self._at + 1) % len(self._urls)
            self.close()
        if told is None:
            raise ManagerUnreachable(url=url, detail=f"it answers with {status}")
        raise told

    def _ask(self, url: str, path: str, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        if self._bearer:
            headers["Authorization"] = f"Bearer {self._bearer}"
        kept = self._connection is not None
        try:
            return self._exchange(url, path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if not kept:
                raise
            return self._exchange(url, path, body, headers)  # the kept connection had been closed meanwhile

    def _exchange(self, url: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = connect(url, self._authority, self._timeout_seconds)
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        answer = response.read(_ANSWER_LIMIT_BYTES + 1)
        if len(answer) > _ANSWER_LIMIT_BYTES:
            raise ValueError("its answer is too long")
        if response.will_close:
            self.close()
        return response.status, answer

    def close(self) -> None:
        """Close the connection; the next message opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def cut(self) -> None:
        """End what another thread waits for."""
        connection = self._connection
        line = None if connection is None else connection.sock  # which the other thread may let go of meanwhile
        if line is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


def connect(url: str, authority: str, timeout_seconds: float = TIMEOUT_SECONDS) -> http.client.HTTPConnection:
    """A connection that is opened by its first message. Raises ValueError for an address that is none of a manager."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout_seconds, context=_trusting(authority)
        )
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_seconds)
    raise ValueError("a manager's address begins with https://, or with http://127.0.0.1 on its own machine")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trusting(authority: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def pinned_authority(url: str, pin: str) -> str:
    """The certificate authority (PEM) that a token names, as the manager shows it: whoever shows it is not yet
    believed, but what is shown has the hash that the administrator carried here.

    Raises ManagerUnproven, ManagerUnreachable.
    """
    parts = urlsplit(url)
    unproven = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unproven.check_hostname = False
    unproven.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port, timeout=JOINING_SECONDS, context=unproven
    )
    try:
        connection.request("GET", "/api/v1/authority")
        shown = connection.getresponse().read(_ANSWER_LIMIT_BYTES).decode("ascii")
        certificate = ssl.PEM_cert_to_DER_cert(shown)
    except (OSError, http.client.HTTPException) as error:
        raise ManagerUnreachable(url=url, detail=said(error)) from None
    except ValueError:
        raise ManagerUnproven(url=url) from None
    finally:
        connection.close()
    if sha256(certificate).hexdigest() != pin:
        raise ManagerUnproven(url=url)
    return shown


def refusal(answer: bytes) -> ManagerRefused | None:
    """What a manager's problem document says, as an error; None for the words of somebody else, of a proxy whose
    manager is away for example: they are no manager's answer."""
    try:
        told = json.loads(answer)
        kind, detail, remedy = (str(told[name]) for name in ("type", "detail", "next_step"))
    except (ValueError, KeyError, TypeError):
        return None
    code = kind.removeprefix(_OURS)
    return None if code == kind else ManagerRefused(code=code, detail=detail, remedy=remedy)


def refused(answer: bytes, status: int) -> ManagerRefused:
    """What somebody says who takes no question, whoever it is."""
    remedy = "See that the address is the manager's, and what stands between."
    return refusal(answer) or ManagerRefused(code="", detail=f"it answers with {status}.", remedy=remedy)


def said(error: Exception) -> str:
    """What went wrong on the way, in a few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
