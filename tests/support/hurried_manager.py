"""`python -m tests.support.hurried_manager INSTANT ARGUMENT`: the manager's own process, whose clocks stand where the
file INSTANT says."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from intendance.api import serve
from intendance.fleet.database.connect import from_us
from intendance.system.clock import Instant, SystemClock

_MICROSECOND = timedelta(microseconds=1)


class HurriedClock:
    """The instant that the file says, in microseconds since 1970, or the system's where that is later.

    So the time between two ticks is a step of the test's, however busy the machine is, as long as it keeps up at all.
    """

    def __init__(self, instant: Path) -> None:
        self._system = SystemClock()
        self._began = self._system.read()
        self._instant = instant

    def read(self) -> Instant:
        now = self._system.read()
        at = max(now.at, from_us(int(self._instant.read_text() or 0)))
        return replace(now, at=at, mono_ns=self._began.mono_ns + (at - self._began.at) // _MICROSECOND * 1000)


if __name__ == "__main__":
    sys.exit(serve.main(sys.argv[2:], HurriedClock(Path(sys.argv[1]))))
