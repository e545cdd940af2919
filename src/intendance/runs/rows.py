"""What the journal holds, as frozen data: what was asked for, a run, a step; and how their rows are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from intendance.model.frozen import dataclass
from intendance.runs.decide import run_id
from intendance.system.alive import Identity

RunState = Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]
Ended = Literal["succeeded", "failed", "cancelled", "interrupted"]

KEPT = timedelta(days=30)
# A backup or inspection that takes longer than a day would miss its own next occurrence under MAINT_010.
DEADLINE_SECONDS = 24 * 3600
# What is interrupted by a crash or a restart is begun anew once; then the next occurrence is waited for.
SCHEDULED_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A run to be performed. `options` are canonical JSON values that the activity understands."""

    asset: str
    activity: str
    occurrence: datetime
    actor: str
    options: Mapping[str, Any] = field(default_factory=dict)
    attempts_allowed: int = SCHEDULED_ATTEMPTS
    deadline_seconds: int = DEADLINE_SECONDS

    @property
    def id(self) -> str:
        """The run's name; the same occurrence submitted twice is one run."""
        return run_id(self.asset, self.activity, self.occurrence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as the journal knows it. Instants are aware, UTC; `worker` is the process that performs it."""

    id: str
    asset: str
    activity: str
    occurrence: datetime
    actor: str
    options: dict[str, Any]
    state: RunState
    attempt: int
    attempts_allowed: int
    deadline_seconds: int
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    worker: Identity | None
    cancel_requested_at: datetime | None
    error: str | None
    message: str | None
    next_step: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a run was tried and put off, and when it may begin again."""

    failures: int
    not_before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A committed step; `seq` is its ledger record, if it left one."""

    name: str
    attempt: int
    memo: dict[str, Any]
    seq: int | None
    committed_at: datetime


def a_second_later(submission: Submission) -> Submission:
    """The same under another name: what is asked for twice within a second is two runs."""
    return replace(submission, occurrence=submission.occurrence + timedelta(seconds=1))


def instant(text: str) -> datetime:
    """An RFC 3339 text as an aware instant in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else instant(text)


def read_run(row: tuple[Any, ...]) -> Run:
    """A row of the table `run`, its columns in the order of `journal.sql`."""
    (name, asset, activity, occurrence, actor, options, state, attempt, allowed, deadline, queued, started, ended,
     pid, ticks, boot, cancel, error, message, next_step) = row  # fmt: skip
    return Run(
        id=name,
        asset=asset,
        activity=activity,
        occurrence=instant(occurrence),
        actor=actor,
        options=json.loads(options),
        state=state,
        attempt=attempt,
        attempts_allowed=allowed,
        deadline_seconds=deadline,
        queued_at=instant(queued),
        started_at=_maybe(started),
        ended_at=_maybe(ended),
        worker=None if pid is None else Identity(pid=pid, started_ticks=ticks, boot=boot),
        cancel_requested_at=_maybe(cancel),
        error=error,
        message=message,
        next_step=next_step,
    )
