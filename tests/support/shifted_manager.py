"""`python -m tests.support.shifted_manager SHIFT ARGUMENT`: the manager's own process, whose clocks are ahead of the
machine's by the seconds that the file SHIFT holds. Time goes on by itself; the test lets much of it pass at once."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from intendance.api import serve
from intendance.system.clock import Instant, SystemClock


class ShiftedClock:
    """The system's clocks, set forward."""

    def __init__(self, shift: Path) -> None:
        self._system = SystemClock()
        self._shift = shift

    def read(self) -> Instant:
        now, seconds = self._system.read(), int(self._shift.read_text() or 0)
        return replace(now, at=now.at + timedelta(seconds=seconds), mono_ns=now.mono_ns + seconds * 10**9)


if __name__ == "__main__":
    sys.exit(serve.main(sys.argv[2:], ShiftedClock(Path(sys.argv[1]))))
