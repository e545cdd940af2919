"""How a worker is told to stop, and the moments at which it may not be."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Literal

from intendance.model.evidence import Evidence
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.restore import RestoreCompleted
from intendance.model.record import Record
from intendance.runs.journal import RunSteps

Reason = Literal["cancelled", "interrupted", "timed_out"]

REASONS: dict[int, Reason] = {
    signal.SIGTERM: "cancelled",  # somebody asked for it
    signal.SIGHUP: "cancelled",  # the terminal of whoever asked for it is gone
    signal.SIGINT: "interrupted",  # the agent ends; the run will be begun anew
    signal.SIGALRM: "timed_out",  # the run's own deadline
}


class Stop(BaseException):
    """Unwinds the worker's main thread; no activity catches it but to clean up after itself."""

    def __init__(self, reason: Reason) -> None:
        self.reason: Reason = reason
        super().__init__(reason)


class Stopper:
    """Turns the first signal into `Stop`, at once or at the end of the shielded section under way."""

    def __init__(self) -> None:
        self._reason: Reason | None = None
        self._shields = 1
        self._disarmed = False
        for number in REASONS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` leaves it
                signal.signal(number, self._told)

    def arm(self, deadline_seconds: float) -> None:
        """From here on signals stop the work; the deadline counts time that the machine is awake."""
        signal.setitimer(signal.ITIMER_REAL, deadline_seconds)
        self._shields -= 1
        self._stop_if_told()

    def disarm(self) -> None:
        """From here on nothing stops it: what was done is being written down."""
        self._disarmed = True
        signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """A section that a signal may not tear apart; it is obeyed right after."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        self._stop_if_told()

    def _told(self, number: int, _frame: FrameType | None) -> None:
        if self._reason is None:
            self._reason = REASONS[number]
            self._stop_if_told()

    def _stop_if_told(self) -> None:
        if self._reason is not None and not self._shields and not self._disarmed:
            self._disarmed = True
            raise Stop(self._reason)


class ShieldedSteps:
    """`runs.Steps` whose commits are whole; what is complete and recorded is no longer cancelled, only reported."""

    def __init__(self, steps: RunSteps, stopper: Stopper) -> None:
        self.run = steps.run
        self.attempt = steps.attempt
        self.asset = steps.asset
        self.actor = steps.actor
        self._steps = steps
        self._stopper = stopper

    @property
    def left_evidence(self) -> bool:
        """Whether this attempt has recorded anything."""
        return self._steps.left_evidence

    def memo(self, step: str) -> dict[str, Any] | None:
        """What an earlier attempt committed for `step`, or None."""
        return self._steps.memo(step)

    def commit(self, step: str, memo: dict[str, Any], evidence: Evidence | None = None) -> Record | None:
        """Commit the step. Raises RunSuperseded."""
        with self._stopper.shielded():
            record = self._steps.commit(step, memo, evidence)
            if isinstance(evidence, BackupCompleted | RestoreCompleted):
                self._stopper.disarm()
        return record
