"""`python -m tests.support.killed_managers INSTANT ARGUMENT`: whole managers, one after the other, each killed.

It imports the manager once, and says at which port it will listen; then for each line it forks a manager, which
takes ARGUMENT as `intendance manager` gives it to its process, says its number, and says how it ended. Its clocks stand
where the file INSTANT says; it writes beats and looks oftener than in life, so that a test's second takes no second.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import traceback
from pathlib import Path

from intendance.api import serve
from intendance.fleet import compose, manager
from intendance.fleet.database.connect import from_us
from intendance.system.clock import Instant

BEGAN_US = 1_795_000_000_000_000
FLUSH_SECONDS, TICK_SECONDS = 0.03, 0.02
NEVER_NS = 2**62


class StandingClock:
    """The instant that the file says, in microseconds since 1970, on both clocks."""

    def __init__(self, instant: Path) -> None:
        self._instant = instant

    def read(self) -> Instant:
        us = int(self._instant.read_text())
        return Instant(at=from_us(us), mono_ns=(us - BEGAN_US) * 1000, boot="boot-1")


def write_instant(instant: Path, us: int) -> None:
    """Set it: who reads finds the former instant or this one."""
    fresh = instant.with_suffix(".next")
    fresh.write_text(str(us))
    fresh.replace(instant)


def place(port: int = 0) -> socket.socket:
    """A port of ours. Who only holds it refuses calls; whoever listens there is gone with its process."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


def be(instant: Path, argument: str, port: int) -> int:
    """A manager, until killed."""
    told = json.loads(argument)
    listening = place(port)
    listening.listen(128)
    told["listening"] |= {"host": "127.0.0.1", "port": port, "descriptor": listening.detach()}
    return serve.main([json.dumps(told)], StandingClock(instant))


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main(instant: str, argument: str) -> None:
    """Fork a manager for each line."""
    # Its clock is moved by whole seconds while it writes: nothing takes too long by it.
    vars(manager).update(FLUSH_SECONDS=FLUSH_SECONDS, TICK_SECONDS=TICK_SECONDS, REFUSED_NS=NEVER_NS)
    vars(compose).update(TOLD_NS=NEVER_NS)
    held = place()
    port = int(held.getsockname()[1])
    say(str(port))
    for _ in sys.stdin:
        number = os.fork()
        if number == 0:
            status = 70
            try:
                status = be(Path(instant), argument, port)
            except BaseException:  # noqa: BLE001 -- it is told and ends
                traceback.print_exc()
            finally:
                os._exit(status)
        say(str(number))
        say(str(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])))


if __name__ == "__main__":
    main(*sys.argv[1:])
