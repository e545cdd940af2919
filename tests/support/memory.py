"""How much memory the programs of one command took at most."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import TracebackType

_LOOK_SECONDS = 0.1


class Peaks:
    """For the length of a `with`: the peak resident memory (VmHWM) of a process and all its descendants."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._seen: dict[int, tuple[str, int]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Peaks:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def of(self, program: str) -> list[float]:
        """The peaks in MiB of the processes whose program's name begins so, largest first."""
        return sorted((kib / 1024 for name, kib in self._seen.values() if name.startswith(program)), reverse=True)

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._seen |= _peaks_below(self._leader)


def peaks(leader: int, program: str) -> list[float]:
    """Those until now, in MiB, of a process and all its descendants whose program's name begins so."""
    return [kib / 1024 for name, kib in _peaks_below(leader).values() if name.startswith(program)]


def _peaks_below(leader: int) -> dict[int, tuple[str, int]]:
    """By process: its name, and its peak in KiB."""
    found: dict[int, tuple[str, int]] = {}
    waiting = [leader]
    while waiting:
        process = Path(f"/proc/{waiting.pop()}")
        with contextlib.suppress(OSError, StopIteration):  # it has ended meanwhile
            for task in (process / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
            status = (process / "status").read_text().splitlines()
            kib = int(next(line.split()[1] for line in status if line.startswith("VmHWM")))
            found[int(process.name)] = status[0].split(maxsplit=1)[1], kib
    return found
