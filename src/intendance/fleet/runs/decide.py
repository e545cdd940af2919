"""What a node's records say of its runs, and whether one that did not end still lives. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from intendance.fleet.beats.presence import Presence
from intendance.ledger.envelope import Typed
from intendance.model.evidence.run import ENDS, RunStarted
from intendance.model.frozen import dataclass
from intendance.runs.decide import occurrences

BEGINS = "run.started"
KINDS = frozenset((BEGINS, *ENDS))
"""The kinds of records that tell of a run."""
LOST = "lost"
"""The outcome of an attempt that never ended: a later one of the same run began."""
GRACE = timedelta(minutes=2)
"""An agent ends a worker within a minute of its deadline, and its word comes within another."""
_DONE = (".completed", ".restored")
_LONGEST, _ATTEMPTS, _LONGEST_SECONDS = 200, 1_000_000, 400 * 86_400
"""What no run of ours comes near: a node may say anything."""
_AHEAD = timedelta(days=400)


class Condition(StrEnum):
    """How an attempt stands. `silent`: it runs as far as anybody knows, and nobody hears its node; `lost`: it began
    and never ended."""

    RUNNING = "running"
    SILENT = "silent"
    LOST = "lost"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BROKEN_OFF = "broken_off"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """An attempt began, by record `seq`."""

    run: str
    attempt: int
    asset: str
    activity: str
    actor: str
    boot: str
    at: datetime
    deadline_at: datetime
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An attempt ended, by record `seq`; `attempt` is None where the record does not say which."""

    run: str
    attempt: int | None
    asset: str
    activity: str
    actor: str
    at: datetime
    outcome: str
    message: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt at a run. `began_at` is None where the node is of a version that does not record beginnings."""

    node: str
    run: str
    attempt: int
    asset: str
    activity: str
    actor: str
    boot: str
    began_at: datetime | None
    began_seq: int | None
    deadline_at: datetime | None
    ended_at: datetime | None
    ended_seq: int | None
    outcome: str
    message: str

    @property
    def took(self) -> timedelta | None:
        """How long it took; None while it runs, and where its beginning is not known."""
        return None if self.began_at is None or self.ended_at is None else self.ended_at - self.began_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """How the node of a run is heard, since which start of its machine; `doubted`: its ledger contradicts itself."""

    presence: Presence
    boot: str
    last_seen: datetime | None
    doubted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What a plan has done next: `at` is None where it is by hand."""

    node: str
    asset: str
    activity: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How long such a run took before, of `count` that succeeded."""

    count: int
    median: timedelta
    longest: timedelta


def told(record: Typed[Any]) -> Began | Ended | None:
    """What a record of one of the `KINDS` says of a run; None where it names none, or none that can be."""
    if not record.run or not 0 < len(record.run) <= _LONGEST or "\0" in f"{record.run}{record.actor}{record.boot}":
        return None
    named, data = record.run.split("."), record.data
    own = record.kind.startswith("run.")
    attempt = data.attempt if own else None
    if attempt is not None and not 0 < attempt <= _ATTEMPTS:
        return None
    common: dict[str, Any] = {
        "run": record.run,
        "asset": record.asset or named[0],
        "activity": data.activity if own else _activity(named),
        "actor": record.actor,
        "at": datetime.fromisoformat(record.ts),
        "seq": record.seq,
    }
    if "\0" in common["activity"]:
        return None
    if isinstance(data, RunStarted):
        seconds = max(0, min(data.deadline_seconds, _LONGEST_SECONDS))
        deadline_at = common["at"] + timedelta(seconds=seconds)
        return Began(**common, attempt=data.attempt, boot=record.boot, deadline_at=deadline_at)
    outcome = data.outcome if own else "succeeded" if record.kind.endswith(_DONE) else "failed"
    message = str(getattr(data, "message", "")).replace("\0", "")
    return Ended(**common, attempt=attempt, outcome=outcome.replace("\0", ""), message=message)


def _activity(named: Sequence[str]) -> str:
    word = named[1] if len(named) > 1 else ""
    return word.replace("-", ".", 1) if word.startswith("backup-") else word


def said_again(kind: str, former: str, outcome: str) -> str:
    """The outcome of an attempt of which a further record tells: of several stores, one that could not be inspected
    counts; else the last word does."""
    return "failed" if kind.startswith("inspection.") and former == "failed" else outcome


def condition(attempt: Attempt, heard: Heard, now: datetime) -> Condition:
    """How an attempt stands. Nothing that did not end is said to run on the word of a node that nobody hears."""
    if attempt.ended_at is not None:
        ends = {
            "succeeded": Condition.SUCCEEDED,
            "failed": Condition.FAILED,
            "crashed": Condition.FAILED,
            "timed_out": Condition.FAILED,
            "released": Condition.RELEASED,
        }
        return ends.get(attempt.outcome, Condition.BROKEN_OFF)
    # What a node invented may end with the years that there are: nothing is added to it.
    if attempt.outcome == LOST or (attempt.deadline_at is not None and now - attempt.deadline_at > GRACE):
        return Condition.LOST
    if heard.doubted or heard.presence not in (Presence.UP, Presence.LATE):
        return Condition.SILENT
    return Condition.LOST if attempt.boot and heard.boot and attempt.boot != heard.boot else Condition.RUNNING


def usual(lengths: Iterable[timedelta]) -> Usual | None:
    """What is usual by the lengths of former runs; None where there is none."""
    found = sorted(lengths)
    if not found:
        return None
    return Usual(count=len(found), median=found[len(found) // 2], longest=found[-1])


def due_next(node: str, schedules: Iterable[tuple[str, str, str | None]], zone: str, now: datetime) -> tuple[Next, ...]:
    """What comes next of each schedule (asset, activity, cron line), the soonest first, what is by hand last.

    Raises ScheduleUnreadable.
    """
    found = []
    for asset, activity, cron in schedules:
        at = None if cron is None else next(islice(occurrences(cron, zone, now, now + _AHEAD), 1), None)
        found.append(Next(node=node, asset=asset, activity=activity, at=at))
    return tuple(sorted(found, key=_soonest))


def _soonest(each: Next) -> tuple[bool, str, str, str]:
    return each.at is None, "" if each.at is None else each.at.isoformat(), each.asset, each.activity
