"""Evidence about runs as such: that an attempt began, that it ended where nothing else tells, that none came."""

from __future__ import annotations

from intendance.model.frozen import dataclass

ENDS = (
    "backup.completed",
    "backup.failed",
    "drill.completed",
    "drill.failed",
    "inspection.completed",
    "inspection.failed",
    "prune.completed",
    "restore.completed",
    "restore.failed",
    "run.ended",
    "site.failed",
    "site.restored",
)
"""The kinds of evidence that end an attempt of a run; where none of them came, `run.ended` follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """An attempt of a run began: it was taken from the queue. `occurrence` is the instant that it was asked for;
    whatever happens, it is ended `deadline_seconds` later."""

    activity: str
    occurrence: str
    attempt: int
    deadline_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """An attempt of a run ended, and no evidence of its own says how: `outcome` is `cancelled`, `timed_out`, `crashed`,
    `interrupted` (found dead after a restart), `failed`, `released` (given back to the queue: its asset was busy), or
    `succeeded` where there was nothing to record."""

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
