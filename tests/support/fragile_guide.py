"""A guided restore, killed with SIGKILL at the n-th boundary of what touches production.

`python -m tests.support.fragile_guide N STATE NAME forward|back`; with N = 0 it lives and prints how many boundaries
there were. What comes before, the test restore, is killed by a test of its own.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from intendance.agent.follow import Silent
from intendance.agent.guide import guiding
from intendance.agent.guide.case import Cases, Safety
from intendance.agent.guide.guiding import Going
from intendance.engines.files import placing
from intendance.engines.mariadb.replace import SchemaReplacement
from intendance.engines.sqlite.replace import DatabaseReplacement
from intendance.system.clock import SystemClock

_passed = 0
_fatal = int(sys.argv[1])


def boundary() -> None:
    global _passed  # noqa: PLW0603 -- one process, one count
    _passed += 1
    if _passed == _fatal:
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, name: str) -> None:
    """Boundaries before and after every call."""
    real: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(real)
    def counted(*args: Any, **kwargs: Any) -> Any:
        boundary()
        answer = real(*args, **kwargs)
        boundary()
        return answer

    setattr(owner, name, counted)


# A backup in each of so many lives: that it is made and read back is tested elsewhere.
setattr(guiding, "safety_copy", lambda node, state, asset, *_, **__: Safety(asset=asset, unsafe="not of this test"))  # noqa: B010
around(Cases, "write")
around(placing, "exchange")
around(placing, "rename_new")
around(SchemaReplacement, "_run")
around(SchemaReplacement, "_load")
around(DatabaseReplacement, "_child")
around(DatabaseReplacement, "_carry")

if __name__ == "__main__":
    state, name, direction = sys.argv[2:]
    clock = SystemClock()
    if direction == "back":
        guiding.put_back(Path(state), clock, name, name)
    else:
        going = Going(state=Path(state), clock=clock, watcher=Silent(), moved=lambda reading: None)
        guiding.replace_production(going, name, name)
    sys.stdout.write(str(_passed))
