"""Evidence about runs that ended otherwise than by their own evidence."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """A run was cancelled, timed out, crashed or was found dead after a restart. `outcome` is one of these words."""

    activity: str
    outcome: str
    attempt: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMissed:
    """Occurrences passed without a run (agent off, machine asleep). `caught_up_by` is the run that made up for them,
    if any."""

    activity: str
    first_missed: str
    last_missed: str
    count: int
    caught_up_by: str | None
