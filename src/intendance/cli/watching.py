"""Progress for people, on stderr: one line that moves on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import shutil
import sys

from intendance.cli.figures import duration
from intendance.cli.output import Output
from intendance.language.sizes import size
from intendance.runs.progress import Reading
from intendance.runs.rows import Run
from intendance.system.clock import monotonic_seconds

_PAUSE_SECONDS = 5.0
_BAR_CELLS = 24


class Onlooker:
    """A `Watcher` that draws."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._draws = sys.stderr.isatty()
        self._drawn = False
        self._next_line = monotonic_seconds() + _PAUSE_SECONDS
        self._waiting_said = False

    def began(self, run: Run, *, by_agent: bool) -> None:
        """Say what begins and who performs it."""
        who = "the agent performs it; Ctrl-C leaves it to the agent" if by_agent else "here, Ctrl-C cancels"
        self._output.talk(f"{run.asset}: {described(run)} ({who}; run {run.id})")
        self._next_line = monotonic_seconds() + _PAUSE_SECONDS
        self._waiting_said = False

    def waits(self) -> None:
        """Say once that something else has to end first."""
        if not self._waiting_said:
            self._output.talk("  waiting for other runs to end")
            self._waiting_said = True

    def moved(self, run: Run, reading: Reading | None) -> None:
        """Show how far it is."""
        if reading is not None and reading.attempt == run.attempt:
            self.reading(reading)

    def reading(self, reading: Reading) -> None:
        """Show one reading."""
        if self._draws:
            width = shutil.get_terminal_size((100, 24)).columns
            sys.stderr.write("\r\x1b[K" + _line(reading, bar=True)[: width - 1])
            sys.stderr.flush()
            self._drawn = True
        elif monotonic_seconds() >= self._next_line:
            self._next_line = monotonic_seconds() + _PAUSE_SECONDS
            self._output.talk(_line(reading, bar=False))

    def ended(self) -> None:
        """Clear the moving line; what came of the run is the command's answer."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False


def described(run: Run) -> str:
    """`full backup`, `inspection`."""
    activity, _, kind = run.activity.partition(".")
    return {"backup": f"{kind} backup", "inspect": "inspection"}.get(activity, activity)


def _line(reading: Reading, *, bar: bool) -> str:
    pieces = [f"  {reading.phase}"]
    total = reading.total_bytes
    if total and bar:
        share = min(1.0, reading.done_bytes / total)
        filled = int(share * _BAR_CELLS)
        pieces.append("█" * filled + "░" * (_BAR_CELLS - filled))
    done = size(reading.done_bytes)
    pieces.append(f"{done} of about {size(total)}" if total else done)
    if reading.bytes_per_second is not None:
        pieces.append(f"{size(int(reading.bytes_per_second))}/s")
    if reading.remaining_seconds is not None:
        pieces.append(f"{duration(reading.remaining_seconds)} left")
    return " · ".join(pieces)
