"""When a schedule is due, what is started for it and what was missed. Pure: the clock is an argument.

Occurrences follow Debian's cron: a line with a fixed hour and minute fires once on the day whose clock jumps over it
(at the first minute after the gap) and once on the day whose clock shows it twice (the first time); a line whose minute
or hour starts with `*` follows the wall clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from intendance.model.errors.runs import ScheduleUnreadable
from intendance.model.frozen import dataclass

CatchUp = Literal["once", "all", "none"]

# An occurrence is on time while it is younger than this: the agent looks at the wall clock at least once a minute.
GRACE = timedelta(minutes=5)
# Occurrences further back are not counted; it is also how long a dropped asset stays visible.
LOOK_BACK = timedelta(days=400)
# `catch_up: all` starts at most this many runs for one absence, the newest.
ALL_AT_MOST = 100
# A wall clock that went back by less than this is waited for; by more, it had been wrong, and schedules go on from now.
STEP_BACK = timedelta(hours=25)


# A run that failed for what may pass by itself (a store that is gone for a moment) is tried again after these waits,
# then left to its next occurrence: a daily backup is made the same night, and nobody's machine works in circles.
RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One schedule of the plan: activity `backup.<kind>` or `inspect`, a cron line in `zone`."""

    asset: str
    activity: str
    cron: str
    zone: str
    catch_up: CatchUp = "once"


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """What is remembered of a line: occurrences up to `last_due` were dealt with; `cron` and `zone` say of which."""

    asset: str
    activity: str
    cron: str
    zone: str
    last_due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Occurrences that get no run of their own; `caught_up_by` is the run that makes up for them, if any."""

    first: datetime
    last: datetime
    count: int
    caught_up_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What to do for one line now: occurrences to start (oldest first), what was missed, and the new `last_due`."""

    starts: tuple[datetime, ...]
    missed: Missed | None
    last_due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How the due rows follow a newly adopted plan: rows to write, and (asset, activity) of rows to remove."""

    write: tuple[DueRow, ...]
    remove: tuple[tuple[str, str], ...]


def run_id(asset: str, activity: str, occurrence: datetime) -> str:
    """`shop-db.backup-logical.20261121T013000Z`: the same occurrence always names the same run."""
    return f"{asset}.{activity.replace('.', '-')}.{occurrence.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def occurrences(cron: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instants (UTC, increasing) at which `cron` fires in `zone` after `start` and up to `end`, both aware.

    Raises ScheduleUnreadable when `cron` is no cron line.
    """
    try:
        # cronsim counts whole seconds and yields what comes after; a start between two seconds stays before the next.
        firings = CronSim(cron, start.astimezone(ZoneInfo(zone)).replace(microsecond=0))
    except CronSimError as error:
        raise ScheduleUnreadable(cron=cron, detail=str(error)) from error
    latest = start.astimezone(UTC)
    for local in firings:
        instant = local.astimezone(UTC)
        if instant > end:
            return
        # Begun inside the repeated hour, cronsim first names the earlier pass of it, which is over.
        if instant > latest:
            latest = instant
            yield instant


def due(line: Line, last_due: datetime, now: datetime, *, waiting: str | None = None) -> Due:
    """Which occurrences between `last_due` and `now` to start, under the line's policy for missed ones.

    `waiting` is a run of the same line that is queued and has not begun: it makes up for what falls due meanwhile,
    unless the policy is `all`.
    """
    if now < last_due:
        kept = last_due if last_due - now <= STEP_BACK else now
        return Due(starts=(), missed=None, last_due=kept)
    found = list(occurrences(line.cron, line.zone, max(last_due, now - LOOK_BACK), now))
    if not found:
        return Due(starts=(), missed=None, last_due=last_due)
    starts = _starts(line.catch_up, found, now, waiting=waiting is not None)
    skipped = found[: len(found) - len(starts)]
    made_up = waiting if waiting is not None else run_id(line.asset, line.activity, starts[0]) if starts else None
    if line.catch_up == "none" and waiting is None:
        made_up = None
    missed = Missed(first=skipped[0], last=skipped[-1], count=len(skipped), caught_up_by=made_up) if skipped else None
    return Due(starts=tuple(starts), missed=missed, last_due=found[-1])


def _starts(policy: CatchUp, found: Sequence[datetime], now: datetime, *, waiting: bool) -> Sequence[datetime]:
    """The newest of `found` that get a run of their own."""
    if policy == "all":
        return found[-ALL_AT_MOST:]
    if waiting or (policy == "none" and now - found[-1] > GRACE):
        return found[:0]
    return found[-1:]


def retry_at(*, transient: bool, actor: str, failures: int, now: datetime) -> datetime | None:
    """When to try a run again that has just failed, for the `failures + 1`-th time; None: it is over.

    Only what a schedule asked for: a person is told at once, and decides.
    """
    if not transient or not actor.startswith("schedule:") or failures >= len(RETRY_AFTER):
        return None
    return now + RETRY_AFTER[failures]


def is_ready(not_before: datetime | None, now: datetime) -> bool:
    """Whether a queued run may begin. A clock that went back makes nobody wait longer than the longest wait."""
    return not_before is None or now >= not_before or not_before - now > RETRY_AFTER[-1]


def next_wake(rows: Iterable[tuple[Line, datetime]], now: datetime) -> datetime | None:
    """The next instant at which one of the lines (with its `last_due`) falls due, or None when there is none."""
    horizon = now + timedelta(days=366 * 50)
    firings = (
        first
        for line, last_due in rows
        for first in islice(occurrences(line.cron, line.zone, max(last_due, now), horizon), 1)
    )
    return min(firings, default=None)


def reconcile(rows: Iterable[DueRow], lines: Iterable[Line], adopted_at: datetime) -> Reconciled:
    """Rows for the plan adopted at `adopted_at`: a new or changed line counts from its adoption, others go on."""
    known = {(row.asset, row.activity): row for row in rows}
    wanted = {(line.asset, line.activity): line for line in lines}
    write = []
    for key, line in wanted.items():
        row = known.get(key)
        if row is None or (row.cron, row.zone) != (line.cron, line.zone):
            last_due = adopted_at if row is None else max(row.last_due, adopted_at)
            write.append(
                DueRow(asset=line.asset, activity=line.activity, cron=line.cron, zone=line.zone, last_due=last_due)
            )
    return Reconciled(write=tuple(write), remove=tuple(key for key in known if key not in wanted))
