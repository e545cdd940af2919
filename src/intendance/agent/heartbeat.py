"""When a node beats, and what it keeps of the beats that nobody heard. The thread that does it is `uplink.Heart`.

A slot is a minute of the monotonic clock, shifted by the node's phase: no wall clock that jumps makes two beats or
none, and the beats of a fleet spread over the minute. Within a slot a beat that is not heard is tried again.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from intendance.model.frozen import dataclass
from intendance.wire.messages import SpooledBeat

PERIOD_NS = 60_000_000_000
RETRIES_NS = tuple(seconds * 1_000_000_000 for seconds in (0, 2, 5, 10, 20))
"""When a beat is tried, from the beginning of its slot on (research/fleet.md, 5.2)."""
SPOOLED = 1440
"""One a minute for 24 hours."""
_SLACK = 240


def phase_of(node: str) -> int:
    """Where in the minute a node beats, in nanoseconds: fixed by its name."""
    return int.from_bytes(sha256(node.encode()).digest()[:8]) % PERIOD_NS


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The phase that a node beats by, in nanoseconds of a minute."""

    phase_ns: int

    def slot(self, mono_ns: int) -> int:
        """The beginning of the slot that an instant is in."""
        return mono_ns - (mono_ns - self.phase_ns) % PERIOD_NS

    def moved(self, mono_ns: int, next_in_ms: int) -> Rhythm:
        """The rhythm after a manager wished the next beat in so many milliseconds: only the phase moves, and the next
        beat never comes later than it would have."""
        if next_in_ms <= 0:
            return self
        wanted = mono_ns + next_in_ms * 1_000_000
        return Rhythm(wanted % PERIOD_NS) if wanted <= self.slot(mono_ns) + PERIOD_NS else self


def next_try(slot_ns: int, tried: int, mono_ns: int) -> int | None:
    """When the beat of a slot is tried for the next time, after `tried` tries; None: it was tried often enough.

    A try that took longer than the next one's hour is followed by it at once.
    """
    if tried >= len(RETRIES_NS):
        return None
    return max(mono_ns, slot_ns + RETRIES_NS[tried])


class Spool:
    """Beats that nobody heard, the last 24 hours of them, one JSON line each. A line that power loss cut is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beats: deque[SpooledBeat] = deque(self._read(), SPOOLED)
        self._lines = len(self._beats)

    def __len__(self) -> int:
        return len(self._beats)

    def add(self, beat: SpooledBeat) -> None:
        """Keep a beat. Raises OSError."""
        if self._beats and (self._beats[-1].boot, self._beats[-1].seq) == (beat.boot, beat.seq):
            return
        self._beats.append(beat)
        self._lines += 1
        if self._lines > SPOOLED + _SLACK:
            self._rewrite()
            return
        with self._path.open("a", encoding="ascii") as file:
            file.write(_line(beat))
        self._path.chmod(0o600)

    def oldest(self, count: int) -> tuple[SpooledBeat, ...]:
        """The first ones, in order."""
        return tuple(beat for beat, _ in zip(self._beats, range(count), strict=False))

    def told(self, beats: Sequence[SpooledBeat]) -> None:
        """Forget beats that a manager knows now. Raises OSError."""
        gone = set(beats)
        self._beats = deque((beat for beat in self._beats if beat not in gone), SPOOLED)
        self._rewrite()

    def _rewrite(self) -> None:
        self._lines = len(self._beats)
        if not self._beats:
            self._path.unlink(missing_ok=True)
            return
        fresh = self._path.with_suffix(".tmp")
        fresh.write_text("".join(map(_line, self._beats)), encoding="ascii")
        fresh.replace(self._path)

    def _read(self) -> list[SpooledBeat]:
        try:
            lines = self._path.read_text(encoding="ascii", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        beats = []
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):
                boot, seq, sent_at, mono_ns = json.loads(line)
                beats.append(SpooledBeat(boot=str(boot), seq=int(seq), sent_at=int(sent_at), mono_ns=int(mono_ns)))
        return beats


def _line(beat: SpooledBeat) -> str:
    return json.dumps([beat.boot, beat.seq, beat.sent_at, beat.mono_ns]) + "\n"
