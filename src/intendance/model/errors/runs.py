"""Errors of runs: what is asked for, what is under way, what ended otherwise than well."""

from __future__ import annotations

from intendance.model.errors import Exit, IntendanceError


class ScheduleUnreadable(IntendanceError):
    """`{cron}` is not a schedule: {detail}."""

    next_step = "Write five fields, for example `0 2 * * *` for every night at two, and adopt the plan again."
    exit_code = Exit.USAGE


class AssetUnknown(IntendanceError):
    """The adopted plan has no asset `{asset}`{suggestion}"""

    next_step = "It has: {known}."
    exit_code = Exit.USAGE


class NotBackedUp(IntendanceError):
    """The adopted plan has no backup for {asset}."""

    next_step = "Give it a `backup:` in the plan and adopt it: `intendance plan adopt intendance.yaml`."
    exit_code = Exit.USAGE


class KindNotPlanned(IntendanceError):
    """The adopted plan has no {kind} backup for {asset}."""

    next_step = "It has: {known}. Name one of them with `--kind`, or add it to the plan and adopt it."
    exit_code = Exit.USAGE


class RunUnknown(IntendanceError):
    """There is no run `{run}`{suggestion}"""

    next_step = "See the runs with `intendance run list`; those that ended more than 30 days ago are in the ledger."
    exit_code = Exit.USAGE


class RunOver(IntendanceError):
    """The run {run} is already over: {state}."""

    next_step = "See what it left with `intendance run show {run}`."
    exit_code = Exit.USAGE


class RunCancelled(IntendanceError):
    """The run {run} was cancelled; nothing of it is listed."""

    next_step = "Start it again when you like: `intendance backup run {asset}`."


class RunTimedOut(IntendanceError):
    """The run {run} did not end within its deadline of {deadline} and was stopped; nothing of it is listed."""

    next_step = "See whether the service or the store hangs; what needs longer gets a longer `deadline` in the plan."


class JournalNewer(IntendanceError):
    """The journal in {state} was written by a newer Intendance (version {found}; this one knows {known})."""

    next_step = "Install the newer Intendance again; nothing was changed."


class RunInterrupted(IntendanceError):
    """The run {run} was interrupted (attempt {attempt}); nothing of that attempt is listed."""

    next_step = "See what happened with `intendance run show {run}`, then start it again."


class WorkerKilled(IntendanceError):
    """The process that performed {run} was killed by {signal}; what attempt {attempt} did not finish is not listed."""

    next_step = "If nobody did that, look for a lack of memory in `journalctl -k`; then start it again."


class WorkerBroke(IntendanceError):
    """The process that performed {run} broke off (attempt {attempt}, code {code}): {said}"""

    next_step = "Report it with {trace}, where all that it said is; what that attempt had not finished is not listed."


class RunSuperseded(IntendanceError):
    """The run {run} is no longer performed by attempt {attempt}: somebody took it over or ended it."""

    next_step = "Nothing to do: what this attempt had not yet committed is not listed."


class WorkerCrashed(IntendanceError):
    """Intendance met a case it does not know: {exception}. The full trace is in {trace}."""

    next_step = "Report it with that file; nothing of this attempt is listed."


class RunFailed(IntendanceError):
    """{message}"""

    next_step = "{advice}"


class SetUnknown(IntendanceError):
    """The stores of the adopted plan hold no set `{set}`{suggestion}"""

    next_step = "See what they hold: `intendance backup list`."
    exit_code = Exit.USAGE


class TimeUnreadable(IntendanceError):
    """`{text}` is not a time."""

    next_step = "Write local time as `2026-11-21 08:30`, or UTC as `2026-11-21T07:30:00Z`."
    exit_code = Exit.USAGE


class TimeAmbiguous(IntendanceError):
    """The local time {text} occurs twice in {zone}, because the clock went back: {first} and {second}."""

    next_step = "Write which one you mean: `--to {first}` or `--to {second}`."
    exit_code = Exit.USAGE


class TimeAbsent(IntendanceError):
    """The local time {text} does not exist in {zone}: the clock went forward over it."""

    next_step = "Write a time in UTC, for example `--to {example}`."
    exit_code = Exit.USAGE


class AgentRunning(IntendanceError):
    """An agent is already running on {state}: {holder}."""

    next_step = "One agent per state folder is enough; stop that one first, or name another folder with `--state`."


class AgentSilent(IntendanceError):
    """{holder} holds {state} and does not answer on its socket."""

    next_step = "Wait a minute and try again; if it stays so, end that process and start `intendance agent` again."
    transient = True


class CommandAtWork(IntendanceError):
    """Another command is at work on {state}: {holder}."""

    next_step = "See how far it is with `intendance run list`, and try again when it has ended."
    transient = True


class AgentGone(IntendanceError):
    """The agent has ended before the run {run} did."""

    next_step = "Start it again (`intendance agent`): it goes on with the run. See it with `intendance run show {run}`."
    transient = True


class AssetBusy(IntendanceError):
    """Something else is at work on {asset}, so the run {run} was not begun."""

    next_step = "See what it is with `intendance run list`, and try again when it has ended."
    transient = True


class RestoreBrokenOff(IntendanceError):
    """The restore {run} into {destination} was broken off before it was recorded."""

    next_step = (
        "Restore again: what it left of a folder is cleared away then, and a database that it left unfinished is named."
    )


class SiteUnknown(IntendanceError):
    """The adopted plan has no asset and no site `{name}`{suggestion}"""

    next_step = "It has: {known}."
    exit_code = Exit.USAGE


class SiteNotRestored(IntendanceError):
    """The site {site} was not restored, because of {asset}: {detail}"""

    next_step = "{advice} Nothing of the site is left at {destination}{undone}."


class RestoreCancelled(IntendanceError):
    """Restoring {asset} was cancelled; nothing incomplete is left at {destination}."""

    next_step = "Restore again when you like."


class StoreUnknown(IntendanceError):
    """The adopted plan does not keep {asset} in a store `{store}`."""

    next_step = "It is kept in: {known}."
    exit_code = Exit.USAGE
