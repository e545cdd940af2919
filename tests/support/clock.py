"""A clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from intendance.system.clock import Instant


@dataclass
class MovableClock:
    """Tells the time it was set to; `move` lets both clocks pass, `jump` only the one on the wall."""

    at: datetime
    mono_ns: int = 1_000_000_000
    boot: str = "boot-1"

    def read(self) -> Instant:
        return Instant(at=self.at, mono_ns=self.mono_ns, boot=self.boot)

    def move(self, by: timedelta) -> None:
        self.at += by
        self.mono_ns += int(by.total_seconds() * 1e9)

    def jump(self, to: datetime) -> None:
        self.at = to
