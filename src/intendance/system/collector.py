"""Python's collector of reference cycles, paused where it only costs time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No collection within the block, which makes many objects and keeps them: judging 50 assets takes a fifth less.

    Without it the collector goes through all of them again for every so many new ones.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def begin() -> None:
    """Collect from here on; what was imported while `__main__.py` had it turned off is never looked through."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
