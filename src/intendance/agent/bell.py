"""The agent's socket, `STATE/agent.sock` (0600): one line of JSON asks, one line answers.

`{"do":"ping"}`, `{"do":"wake"}` (look at the plan and the queue now), `{"do":"cancel","run":"…"}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 10.0
"""An agent that listens answers when its present look is over: that takes seconds on a busy machine. Where none
listens, that is known at once."""
_LINE_LIMIT = 4096


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, for the owner alone; what a dead agent left there is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)
    try:
        with _short(path) as address:
            listener.bind(address)
    finally:
        os.umask(before)
    listener.listen(16)
    listener.settimeout(0)
    return listener


def ask(path: Path, request: Mapping[str, Any], *, patience_seconds: float = PATIENCE_SECONDS) -> dict[str, Any] | None:
    """Ask the agent; None when none answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as line:
            line.settimeout(patience_seconds)
            with _short(path) as address:
                line.connect(address)
            line.sendall(json.dumps(request).encode() + b"\n")
            return read_line(line)
    except OSError:
        return None


def ring(path: Path) -> bool:
    """Let the agent look again; false when none listens."""
    return ask(path, {"do": "wake"}) is not None


def read_line(line: socket.socket) -> dict[str, Any] | None:
    """One JSON object from a connection; None when it is none, or too long, or broken off."""
    received = b""
    while b"\n" not in received and len(received) < _LINE_LIMIT:
        chunk = line.recv(_LINE_LIMIT)
        if not chunk:
            break
        received += chunk
    try:
        content = json.loads(received)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def answer(line: socket.socket, content: Mapping[str, Any]) -> None:
    """Answer on a connection; a caller that has gone away is no matter."""
    with contextlib.suppress(OSError):
        line.sendall(json.dumps(content).encode() + b"\n")


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """An address for `path` within the 107 bytes that a socket's name may have (unix(7)), however deep it lies."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
