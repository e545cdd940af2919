"""A child process that works on a ledger and is killed, with SIGKILL, at a chosen step.

A step is the moment before or after anything that leaves a trace outside the process: a file made, written, synced,
renamed, linked or removed; a folder made; a statement given to SQLite.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SYSTEM_CALLS = ("write", "fsync", "replace", "link", "unlink", "mkdir", "rmdir")
NEVER = 10**9


@dataclass(frozen=True)
class Outcome:
    """How the child ended: whether it was killed, at how many steps, and what it had said until then."""

    killed: bool
    steps: int
    committed: int
    acknowledged: int


def killed_at(step: int, scenario: Callable[[Callable[[int], None]], None]) -> Outcome:
    """Run `scenario` in a forked child that dies at `step`; it is given a function to acknowledge sizes with."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _live(step, scenario, write)
    os.close(write)
    with os.fdopen(read) as said:
        lines = [line.split() for line in said.read().splitlines()]
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, lines
    numbers = {word: [int(number) for first, number in lines if first == word] for word in ("step", "commit", "ack")}
    return Outcome(
        killed=os.WIFSIGNALED(status),
        steps=max(numbers["step"], default=0),
        committed=max(numbers["commit"], default=0),
        acknowledged=max(numbers["ack"], default=0),
    )


class Steps:
    """Counts what the process does and ends it at the chosen step."""

    def __init__(self, last: int, pipe: int) -> None:
        self.count = 0
        self._last = last
        self._pipe = pipe
        self._write = os.write

    def say(self, word: str, number: int) -> None:
        """Tell the parent; survives what comes after."""
        self._write(self._pipe, f"{word} {number}\n".encode())

    def passes(self) -> None:
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, with a step before and a step after."""

        def watched(*arguments: Any, **named: Any) -> Any:
            self.passes()
            result = call(*arguments, **named)
            self.passes()
            return result

        return watched


def _watched_connection(steps: Steps) -> type[sqlite3.Connection]:
    class Watched(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
            if sql.startswith(("INSERT", "SELECT")):  # a kill amid a transaction is a kill before its COMMIT
                return super().execute(sql, parameters)
            steps.passes()
            cursor = super().execute(sql, parameters)
            if sql == "COMMIT":
                steps.say("commit", super().execute("SELECT count(*) FROM record").fetchone()[0])
            steps.passes()
            return cursor

    return Watched


def _live(step: int, scenario: Callable[[Callable[[int], None]], None], pipe: int) -> None:
    steps = Steps(step, pipe)
    connect, factory = sqlite3.connect, _watched_connection(steps)
    sqlite3.connect = lambda *arguments, **named: connect(*arguments, factory=factory, **named)  # type: ignore[assignment]
    for name in _SYSTEM_CALLS:
        setattr(os, name, steps.around(getattr(os, name)))
    status = 1
    try:
        scenario(lambda size: steps.say("ack", size))
        steps.say("step", steps.count)
        status = 0
    except BaseException as error:  # noqa: BLE001 -- the parent is told; nothing else may run in this child
        steps.say(repr(error).replace(" ", "_"), 0)
    os._exit(status)


def fresh(place: Path, number: int) -> Path:
    """A state folder that no other step uses."""
    return place / f"{number}" / "state"
