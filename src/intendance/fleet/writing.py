"""Whether a manager can write what it is told: since when one of its works is at it in vain, and what the system says.

A thread notes here, in memory, when it begins to write and when it has written; what writes need is the very thing that
may be missing, so that no database is asked.
"""

from __future__ import annotations

from datetime import datetime

from intendance.fleet.beats.decide import MISSING_US
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock, Instant

REFUSED_NS = 10 * 10**9
"""For so long nodes are told that all is well: a database that begins anew, a disk that is slow, take less."""
TOLD_NS = MISSING_US * 1000
"""After so long people are told, past the database: a node that died meanwhile would have been called missing."""
WATCHING = ("beats", "leader", "detector")
"""The works without which nobody is heard for good, and nobody is told."""
NO_ANSWER = "it does not answer"


@dataclass(frozen=True, slots=True)
class Unwritten:
    """Since when nothing was written, and why."""

    since: datetime
    reason: str


class Writing:
    """The works of one manager. Each is noted by its own thread, and asked of by all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[str, Instant] = {}
        self._trouble: dict[str, str] = {}

    @property
    def trouble(self) -> str:
        """What keeps a work from being done now, in sentences; empty when nothing does."""
        return " ".join(dict.fromkeys(self._trouble.copy().values()))

    def begins(self, work: str) -> None:
        """It is about to write; as long as it was in vain, since the first time."""
        if work not in self._since:
            self._since[work] = self._clock.read()

    def done(self, work: str) -> None:
        """It has written."""
        self._trouble.pop(work, None)
        self._since.pop(work, None)

    def failed(self, work: str, message: str) -> bool:
        """It could not; whether that is news."""
        self.begins(work)
        news = work not in self._trouble
        self._trouble[work] = message
        return news

    def unwritten(self, works: tuple[str, ...], for_ns: int) -> Unwritten | None:
        """Since when one of these works writes in vain, if it has for so long; a write that hangs is one, too."""
        known = [(since, work) for work in works if (since := self._since.get(work)) is not None]
        if not known:
            return None
        since, work = min(known, key=lambda each: each[0].mono_ns)
        if self._clock.read().mono_ns - since.mono_ns < for_ns:
            return None
        return Unwritten(since.at, self._trouble.get(work, NO_ANSWER))
