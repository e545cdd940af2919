"""What follows a run that succeeded. Pure: the clock is an argument."""

from __future__ import annotations

from datetime import datetime

from intendance.runs.rows import Run, Submission


def afterwards(run: Run, now: datetime) -> Submission | None:
    """After a backup somebody looks at what was stored, unless told not to; nothing follows anything else.

    It is asked for by whoever asked for the backup, and is begun anew as often.
    """
    if not run.activity.startswith("backup.") or not run.options.get("inspect", True):
        return None
    return Submission(
        asset=run.asset,
        activity="inspect",
        occurrence=now.replace(microsecond=0),
        actor=run.actor,
        options={"after": run.id},
        attempts_allowed=run.attempts_allowed,
    )
