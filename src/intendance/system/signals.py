"""Signals that wait while something begins that nobody could end yet."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_TOLD_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@contextmanager
def held_back() -> Iterator[None]:
    """A section that no signal tears apart: one that comes meanwhile is handled right after, by whom it was for.

    A handler that raises would otherwise do so between the start of a program and the moment at which somebody knows
    it. Masks would not do: the program would inherit them. Handlers run in the main thread alone; in another one there
    is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    found = {number: signal.getsignal(number) for number in _TOLD_TO_END}
    handlers: dict[int, Any] = {number: handler for number, handler in found.items() if callable(handler)}
    came: list[int] = []
    holds = True

    def keep(number: int, frame: FrameType | None) -> None:
        if holds:
            came.append(number)
        else:
            handlers[number](number, frame)

    try:
        for number in handlers:
            signal.signal(number, keep)
        yield
    finally:
        holds = False
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)
