"""By how much a backup slows a page down that the same MariaDB serves.

Limit (issue "Trust"): the page's p95 rises by less than 20 % during a backup, physical or logical.

A page server and a visitor, each a process of its own (`benchmarks/site.py`), work all the time, the visitor asking for
the next page 20 ms after the last one. Stretches of time without and with a backup take turns, so that each stretch
with one is compared with the one before it; how far two stretches without any differ is the noise floor. Nothing here
runs at another priority than the product gives its own programs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.database import NAME
from intendance.engines.private_mariadb import PrivateServer

PAUSE_SECONDS = 0.02
FEWEST_PAGES = 40


def main() -> int:
    from benchmarks import mariadb  # which has the server, and uses this file

    return mariadb.main([*sys.argv[1:], "--only", "page"])


@dataclass(frozen=True, slots=True)
class Window:
    """The pages of one stretch of time: seconds each."""

    pages: tuple[float, ...]

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.pages, n=20)[-1]

    @property
    def median(self) -> float:
        return statistics.median(self.pages)


class Visitor:
    """A page server and its visitor, for the length of a `with`; the times of all pages are heard as they come."""

    def __init__(self, server: PrivateServer, members: int) -> None:
        self._client = [*server.client_argv(), NAME]
        self._members = members
        self._seen: list[tuple[float, float]] = []
        self._told = threading.Condition()

    def __enter__(self) -> Visitor:
        start = [sys.executable, "-m", "benchmarks.site"]
        self._site = subprocess.Popen([*start, "serve", *self._client], stdout=subprocess.PIPE)
        assert self._site.stdout is not None
        port = self._site.stdout.readline().decode().strip()
        words = ("visit", port, str(self._members), str(PAUSE_SECONDS))
        self._visits = subprocess.Popen([*start, *words], stdout=subprocess.PIPE)
        self._hearing = threading.Thread(target=self._hear)
        self._hearing.start()
        return self

    def __exit__(self, *_: object) -> None:
        for child in (self._visits, self._site):
            child.terminate()
            child.wait()
        self._hearing.join()
        for child in (self._visits, self._site):
            assert child.stdout is not None
            child.stdout.close()

    def window(self, seconds: float) -> Window:
        """Pages for so long."""
        return self.during(lambda: time.sleep(seconds))

    def during(self, act: Callable[[], object]) -> Window:
        """The pages asked for while `act` is performed; the last of them may end a little later."""
        began = time.perf_counter()
        act()
        ended = time.perf_counter()
        with self._told:
            while not self._seen or self._seen[-1][0] <= ended:
                if self._visits.poll() is not None:
                    raise ChildProcessError("the visitor has gone")
                self._told.wait(1.0)
            pages = tuple(taken for at, taken in self._seen if began <= at <= ended)
        if len(pages) < FEWEST_PAGES:
            raise ValueError(f"{len(pages)} pages are too few to say what a p95 is")
        return Window(pages)

    def _hear(self) -> None:
        assert self._visits.stdout is not None
        for line in self._visits.stdout:
            at, taken = line.split()
            with self._told:
                self._seen.append((float(at), float(taken)))
                self._told.notify_all()


def rises(pairs: Sequence[tuple[Window, Window]]) -> list[float]:
    """By which factor the p95 is higher in the second of each pair."""
    return [second.p95 / first.p95 for first, second in pairs]


if __name__ == "__main__":
    sys.exit(main())
