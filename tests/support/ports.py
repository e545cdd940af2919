"""Ports at which nobody answers, and ports that a program is told of before it listens there.

The system gives whoever calls anybody, or listens wherever there is room, a port of a range of its own: one that was
just let go may be somebody else's a moment later. Those below that range are given to who names them. Each test worker
has its own of these: a port that somebody was told of, and does not listen at yet, is given to nobody else.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOWEST, _HIGHEST = 10_240, 65_000
_DICE = random.SystemRandom()
_GIVEN: set[int] = set()
"""Those that somebody was told of: a gateway is told of two at once, and listens at neither yet."""


@contextmanager
def nobody(host: str = "127.0.0.1") -> Iterator[int]:
    """A port that is taken by somebody who does not listen: who knocks is refused, and nobody else may begin to."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as taken:
        taken.bind((host, 0))
        yield taken.getsockname()[1]


def free_port() -> int:
    """A port at which nobody listens, on any address, and that the system gives nobody."""
    lowest, highest = _nobodys()
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    for _ in range(1000):
        port = _DICE.randrange(lowest + worker % workers, highest, workers)
        if port in _GIVEN:
            continue
        with suppress(OSError), socket.socket() as tried:
            tried.bind(("", port))
            _GIVEN.add(port)
            return port
    raise AssertionError(f"no port between {lowest} and {highest} is free")


def _nobodys() -> tuple[int, int]:
    """The ports below those that the system gives away, or above; all, where it gives away nearly all."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    if first - _LOWEST > 1000:
        return _LOWEST, first
    if _HIGHEST - last > 1000:
        return last + 1, _HIGHEST
    return _LOWEST, _HIGHEST
