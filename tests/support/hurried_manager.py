"""`python -m tests.support.hurried_manager OFFSET ARGUMENT`: the manager's own process, whose clocks are ahead of the
machine's by as many seconds as the file OFFSET says."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from intendance.api import serve
from intendance.system.clock import Instant, SystemClock


class HurriedClock:
    """The system's, ahead: on the wall and on the clock that nobody sets alike."""

    def __init__(self, offset: Path) -> None:
        self._system = SystemClock()
        self._offset = offset

    def read(self) -> Instant:
        ahead = float(self._offset.read_text() or 0)
        now = self._system.read()
        return replace(now, at=now.at + timedelta(seconds=ahead), mono_ns=now.mono_ns + int(ahead * 1e9))


if __name__ == "__main__":
    sys.exit(serve.main(sys.argv[2:], HurriedClock(Path(sys.argv[1]))))
