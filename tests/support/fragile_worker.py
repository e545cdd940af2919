"""The worker, killed with SIGKILL at the n-th boundary: before and after each external effect and journal write.

`python -m tests.support.fragile_worker N STATE RUN ATTEMPT`; with N = 0 it lives and writes how many boundaries there
were to the file named by BOUNDARIES.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from intendance.agent import worker
from intendance.ledger.book import Book
from intendance.runs.journal import Journal
from intendance.stores.directory import DirectoryStore

_passed = 0
_fatal = int(sys.argv[1])


def boundary() -> None:
    global _passed  # noqa: PLW0603 -- one process, one count
    _passed += 1
    if _passed == _fatal:
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner: type, name: str) -> None:
    real: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(real)
    def counted(*args: Any, **kwargs: Any) -> Any:
        boundary()
        answer = real(*args, **kwargs)
        boundary()
        return answer

    setattr(owner, name, counted)


for place, effect in (
    (Journal, "register"),
    (Journal, "commit_step"),
    (Journal, "succeed"),
    (Book, "seal"),
    (DirectoryStore, "put"),
):
    around(place, effect)

if __name__ == "__main__":
    code = worker.main(sys.argv[2:])
    if "BOUNDARIES" in os.environ:
        Path(os.environ["BOUNDARIES"]).write_text(str(_passed))
    os._exit(code)
