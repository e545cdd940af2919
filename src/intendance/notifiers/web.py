"""One request to somebody on the web, on a line that is cut at its deadline."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from intendance.model.frozen import dataclass
from intendance.notifiers.line import Line

_LONGEST_ANSWER_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    body: bytes


def get(line: Line, url: str, context: Callable[[], ssl.SSLContext]) -> Answer:
    """Ask an address, on a connection of its own; no redirection is followed.

    Raises OSError, HTTPException, ValueError.
    """
    return _exchange(line, "GET", url, None, {}, context)


def post(
    line: Line, url: str, body: bytes, headers: Mapping[str, str], context: Callable[[], ssl.SSLContext]
) -> Answer:
    """Post to an address, on a connection of its own; no redirection is followed, since it would carry secrets along.

    Raises OSError, HTTPException.
    """
    return _exchange(line, "POST", url, body, headers, context)


def _exchange(
    line: Line,
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    context: Callable[[], ssl.SSLContext],
) -> Answer:
    place = urlsplit(url)
    secure = place.scheme == "https"
    host, port = place.hostname or "", place.port or (443 if secure else 80)
    connection = http.client.HTTPConnection(host, port)
    connection.sock = line.dial(host, port, context() if secure else None)
    try:
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        connection.request(method, path, body, {"Accept": "application/json", **headers})
        with connection.getresponse() as response:
            return Answer(response.status, response.read(_LONGEST_ANSWER_BYTES))
    finally:
        connection.close()
