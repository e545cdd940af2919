"""The only place that reads the clock; everything else takes time as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading: wall clock (aware, UTC), monotonic nanoseconds, and the boot they belong to."""

    at: datetime
    mono_ns: int
    boot: str


class Clock(Protocol):
    """Something that tells the time; processes get `SystemClock`, tests get one that they move."""

    def read(self) -> Instant: ...


class SystemClock:
    """The machine's clock. The boot id comes from the kernel; where there is none it is `unknown`."""

    def __init__(self) -> None:
        source = Path("/proc/sys/kernel/random/boot_id")
        self._boot = source.read_text(encoding="ascii").strip() if source.exists() else "unknown"

    def read(self) -> Instant:
        return Instant(at=datetime.now(UTC), mono_ns=time.monotonic_ns(), boot=self._boot)


def monotonic_seconds() -> float:
    """Seconds that never go back, for deadlines and rates."""
    return time.monotonic()


def wait(seconds: float) -> None:
    """Let time pass: for loops that poll what cannot wake them."""
    time.sleep(seconds)


def rfc3339(at: datetime) -> str:
    """`2026-11-21T08:00:00.123456Z`: UTC, microseconds, as every record writes it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
