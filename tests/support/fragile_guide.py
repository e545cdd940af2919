"""A guided restore, killed with SIGKILL at the n-th boundary of what touches production.

`python -m tests.support.fragile_guide STATE` reads lines `N NAME test|forward|back` and performs each in a process of
its own, a copy of this one that opens the state folder anew; with N = 0 it lives. It answers a line: how the process
ended (`-9`, or the exit code of the command), how many boundaries it passed, and what it said. What comes before what
touches production, the test restore, is killed by a test of its own.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from intendance.agent.follow import Silent
from intendance.agent.guide import guiding
from intendance.agent.guide.case import Cases, Safety, Wanted
from intendance.agent.guide.guiding import Going
from intendance.engines.files import placing
from intendance.engines.mariadb.replace import SchemaReplacement
from intendance.engines.sqlite.replace import DatabaseReplacement
from intendance.model.errors import IntendanceError
from intendance.system.clock import SystemClock


class Boundaries:
    """How many were passed; the fatal one is where the process ends."""

    def __init__(self) -> None:
        self.passed = 0
        self.fatal = 0

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """Boundaries before and after every call."""
        real: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(real)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self()
            answer = real(*args, **kwargs)
            self()
            return answer

        setattr(owner, name, counted)


def perform(state: Path, name: str, act: str) -> None:
    clock = SystemClock()
    if act == "test":
        guiding.prepare(state, clock, Wanted(name=name), lambda reading: None)
    elif act == "back":
        guiding.put_back(state, clock, name, name)
    else:
        going = Going(state=state, clock=clock, watcher=Silent(), moved=lambda reading: None)
        guiding.replace_production(going, name, name)


def alone(state: Path, boundaries: Boundaries, line: str) -> dict[str, Any]:
    """Perform one line in a copy of this process."""
    fatal, name, act = line.split()
    heard, told = os.pipe()
    copy = os.fork()
    if copy == 0:
        code, said = 70, ""
        try:
            boundaries.fatal = int(fatal)
            perform(state, name, act)
            code = 0
        except IntendanceError as error:
            code, said = int(error.exit_code), error.message
        finally:
            os.write(told, json.dumps({"passed": boundaries.passed, "said": said[:1000]}).encode())
            sys.stderr.flush()
            os._exit(code)
    os.close(told)
    with os.fdopen(heard, "rb") as pipe:
        said_last = pipe.read()
    _, status = os.waitpid(copy, 0)
    answer = json.loads(said_last) if said_last else {"passed": int(fatal), "said": ""}
    return {"code": os.waitstatus_to_exitcode(status), **answer}


def main() -> None:
    boundaries = Boundaries()
    # A backup in each of so many lives: that it is made and read back is tested elsewhere.
    setattr(guiding, "safety_copy", lambda node, state, asset, *_, **__: Safety(asset=asset, unsafe="not of this test"))  # noqa: B010
    boundaries.around(Cases, "write")
    boundaries.around(placing, "exchange")
    boundaries.around(placing, "rename_new")
    boundaries.around(SchemaReplacement, "_run")
    boundaries.around(SchemaReplacement, "_load")
    boundaries.around(DatabaseReplacement, "_child")
    boundaries.around(DatabaseReplacement, "_carry")
    for line in sys.stdin:
        sys.stdout.write(json.dumps(alone(Path(sys.argv[1]), boundaries, line)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
