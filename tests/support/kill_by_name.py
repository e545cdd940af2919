"""SIGKILL before or after a call: `before NAME`, `after NAME`."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any


def around(owner: Any, name: str, fatal: str) -> None:
    """Have this process killed around the calls of `owner.name` that `fatal` says."""
    real: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(real)
    def fragile(*args: Any, **kwargs: Any) -> Any:
        if fatal == f"before {name}":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(*args, **kwargs)
        if fatal == f"after {name}":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, name, fragile)
