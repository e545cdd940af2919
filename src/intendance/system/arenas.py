"""How many heaps the C library keeps for one process: each thread that allocates may get one of its own, and what is
free in one is lent to no other."""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8
"""malloc.h of glibc."""


def few(count: int = 2) -> bool:
    """Let no more be made than these; whether the C library knows such a bound (glibc does, musl has one heap alone).

    Before the first thread. For 100 nodes a manager of a dozen threads takes 117 MiB instead of 120.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, count) == 1
