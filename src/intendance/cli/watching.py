"""Progress for people, on stderr: one line that moves on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import shutil
import sys

from intendance.cli import run_words
from intendance.cli.figures import duration
from intendance.cli.output import Language, Output
from intendance.language.activities import activity_name
from intendance.language.sizes import size
from intendance.language.texts import Translator, translator
from intendance.runs.progress import Reading
from intendance.runs.rows import Run
from intendance.system.clock import monotonic_seconds
from intendance.system.shown import bare, visible

_PAUSE_SECONDS = 5.0
_BAR_CELLS = 24


class Onlooker:
    """A `Watcher` that draws."""

    def __init__(self, output: Output, language: Language) -> None:
        self._output = output
        self._texts = translator(language, "watching", run_words.DOMAIN)
        self._draws = sys.stderr.isatty()
        self._drawn = False
        self._next_line = monotonic_seconds() + _PAUSE_SECONDS
        self._waiting_said = False

    def began(self, run: Run, *, by_agent: bool) -> None:
        """Say what begins and who performs it."""
        _ = self._texts
        if by_agent:
            said = _("{asset}: {activity} (the agent performs it; Ctrl-C leaves it to the agent; run {run})")
        else:
            said = _("{asset}: {activity} (here, Ctrl-C cancels; run {run})")
        what = activity_name(_.language, run.activity)
        self._output.talk(said.format(asset=run.asset, activity=what, run=run.id))
        self._next_line = monotonic_seconds() + _PAUSE_SECONDS
        self._waiting_said = False

    def waits(self) -> None:
        """Say once that something else has to end first."""
        if not self._waiting_said:
            _ = self._texts
            self._output.talk("  " + _("waiting for other runs to end"))
            self._waiting_said = True

    def moved(self, run: Run, reading: Reading | None) -> None:
        """Show how far it is."""
        if reading is not None and reading.attempt == run.attempt:
            self.reading(reading)

    def reading(self, reading: Reading) -> None:
        """Show one reading."""
        if self._draws:
            width = shutil.get_terminal_size((100, 24)).columns
            bare(sys.stderr).write("\r\x1b[K" + visible(line(self._texts, reading, bar=True))[: width - 1])
            sys.stderr.flush()
            self._drawn = True
        elif monotonic_seconds() >= self._next_line:
            self._next_line = monotonic_seconds() + _PAUSE_SECONDS
            self._output.talk(line(self._texts, reading, bar=False))

    def ended(self) -> None:
        """Clear the moving line; what came of the run is the command's answer."""
        if self._drawn:
            bare(sys.stderr).write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False


def line(_: Translator, reading: Reading, *, bar: bool) -> str:
    """`pack · 1.5 GiB of about 4.0 GiB · 51.2 MiB/s · 50 s left`."""
    pieces = [f"  {_phase(_, reading.phase)}"]
    total = reading.total_bytes
    if total and bar:
        share = min(1.0, reading.done_bytes / total)
        filled = int(share * _BAR_CELLS)
        pieces.append("█" * filled + "░" * (_BAR_CELLS - filled))
    done = size(reading.done_bytes, _.language)
    pieces.append(_("{done} of about {total}").format(done=done, total=size(total, _.language)) if total else done)
    if reading.bytes_per_second is not None:
        pieces.append(f"{size(int(reading.bytes_per_second), _.language)}/s")
    if reading.remaining_seconds is not None:
        pieces.append(_("{time} left").format(time=duration(reading.remaining_seconds, _.language)))
    return " · ".join(pieces)


def _phase(_: Translator, phase: str) -> str:
    known = {"dump": _("dump"), "pack": _("pack"), "copy": _("copy"), "load": _("load"), "hash": _("hash"),
             "fetch": _("fetch"), "by_hand": _("load by hand")}  # fmt: skip
    return known.get(phase, phase)
