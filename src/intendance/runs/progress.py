"""How far a run is, in a file that whoever follows it may read: replaced whole, at most four times a second."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from intendance.model.frozen import dataclass
from intendance.runs import Progress
from intendance.system.clock import monotonic_seconds

_PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a follower reads: the progress of one attempt, and how long its phase has lasted (milliseconds)."""

    attempt: int
    phase: str
    done_bytes: int
    total_bytes: int | None
    phase_ms: int

    @property
    def bytes_per_second(self) -> float | None:
        """The phase's mean rate, once it has lasted half a second."""
        return None if self.phase_ms < 500 else self.done_bytes * 1000 / self.phase_ms

    @property
    def remaining_seconds(self) -> float | None:
        """Time left at that rate, when both size and rate are known."""
        rate = self.bytes_per_second
        if self.total_bytes is None or not rate:
            return None
        return max(0.0, (self.total_bytes - self.done_bytes) / rate)


class Pace:
    """Lets four readings a second through, each with how long its phase has lasted."""

    def __init__(self, attempt: int) -> None:
        self._attempt = attempt
        self._phase = ""
        self._phase_began = 0.0
        self._next = 0.0

    def reading(self, progress: Progress) -> Reading | None:
        """What to show now, or None: too soon after the last."""
        now = monotonic_seconds()
        if progress.phase != self._phase:
            self._phase, self._phase_began = progress.phase, now
        if now < self._next:
            return None
        self._next = now + _PAUSE_SECONDS
        return Reading(
            attempt=self._attempt,
            phase=progress.phase,
            done_bytes=progress.done_bytes,
            total_bytes=progress.total_bytes,
            phase_ms=int((now - self._phase_began) * 1000),
        )


class ProgressFile:
    """A `ProgressSink` that writes `STATE/agent/progress/<run>.json`; not durable, for it is only for the eye."""

    def __init__(self, path: Path, attempt: int) -> None:
        self._path = path
        self._pace = Pace(attempt)
        path.parent.mkdir(parents=True, exist_ok=True)

    def __call__(self, progress: Progress) -> None:
        reading = self._pace.reading(progress)
        if reading is not None:
            temporary = self._path.with_suffix(".tmp")
            temporary.write_text(json.dumps(asdict(reading)), encoding="utf-8")
            os.replace(temporary, self._path)


def read(path: Path) -> Reading | None:
    """The latest reading, or None when there is none yet or any more."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Reading(**content)
