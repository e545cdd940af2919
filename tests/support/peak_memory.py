"""How much memory a process and its descendants had at most, by what they run."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from pathlib import Path

from tests.support.children import children_of

_EACH_SECONDS = 0.02
_PEAK = re.compile(r"VmHWM:\s+(\d+)")


class PeakMemory:
    """Looks, until it is asked, at all descendants of a process whose command line holds certain words."""

    def __init__(self, leader: int, words: str) -> None:
        self._leader, self._words = leader, words
        self._peaks: dict[int, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> float:
        """The largest peak resident set (VmHWM) that was seen, in MiB; 0 when nobody ran that."""
        self._over.set()
        self._thread.join()
        return max(self._peaks.values(), default=0) / 1024

    def _look(self) -> None:
        while not self._over.wait(_EACH_SECONDS):
            waiting = {self._leader: ""}
            while waiting:
                pid, _ = waiting.popitem()
                waiting |= children_of(pid)
                with suppress(OSError):
                    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
                    if self._words in command and found is not None:
                        self._peaks[pid] = int(found[1])
