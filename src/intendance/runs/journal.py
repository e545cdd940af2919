"""The journal of runs: who was asked for what, who performs it now, which steps are committed, how it ended.

It lives in the ledger's own database, so that a step's memo and its evidence are one transaction. It is working memory:
30 days after its end a run is forgotten here; its records stay in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from intendance.ledger.book import Book, Transaction
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import RunOver, RunSuperseded, RunUnknown
from intendance.model.evidence import Evidence
from intendance.model.evidence.run import ENDS, RunEnded, RunMissed, RunStarted
from intendance.model.record import Record
from intendance.runs import versions
from intendance.runs.decide import Due, DueRow, Line, Reconciled, is_ready
from intendance.runs.rows import KEPT, Ended, Retry, Run, RunState, Step, Submission, a_second_later, instant, read_run
from intendance.system.alive import Identity
from intendance.system.clock import Clock, rfc3339
from intendance.system.redaction import redact
from intendance.system.sql import read_statements

_SQL = read_statements(Path(__file__).with_suffix(".sql"))


class Journal:
    """Runs, steps and schedules of one state folder, on the connection of its ledger."""

    def __init__(self, book: Book, clock: Clock) -> None:
        """Make the tables, or bring them up to date. Raises JournalNewer."""
        self.book = book
        self._clock = clock
        versions.bring_up_to_date(book, _SQL)

    def now(self) -> datetime:
        """The wall clock."""
        return self._clock.read().at

    # --- asking -------------------------------------------------------------------------------------------------

    def get(self, run: str) -> Run:
        """One run. Raises RunUnknown."""
        row = self.book.connection.execute(_SQL["get"], {"id": run}).fetchone()
        if row is None:
            raise RunUnknown(run=run, suggestion=".")
        return read_run(row)

    def in_state(self, state: RunState) -> tuple[Run, ...]:
        """All runs in a state, in the order in which they were asked for."""
        return tuple(read_run(row) for row in self.book.connection.execute(_SQL["in_state"], {"state": state}))

    def ready(self) -> tuple[Run, ...]:
        """The queued runs that may begin now: those that are to be tried again later are left out."""
        now, retries = self.now(), self._retries()
        return tuple(
            run
            for run in self.in_state("queued")
            if is_ready(retries[run.id].not_before if run.id in retries else None, now)
        )

    def failures(self, run: str) -> int:
        """How often an open run was tried and put off."""
        found = self._retries().get(run)
        return 0 if found is None else found.failures

    def _retries(self) -> Mapping[str, Retry]:
        return {
            run: Retry(failures=failures, not_before=instant(not_before))
            for run, failures, not_before in self.book.connection.execute(_SQL["retries"])
        }

    def recent(self, *, asset: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        """The latest runs, newest first."""
        rows = self.book.connection.execute(_SQL["recent"], {"asset": asset, "limit": limit})
        return tuple(read_run(row) for row in rows)

    def steps_of(self, run: str) -> tuple[Step, ...]:
        """The committed steps of a run, in order."""
        return tuple(
            Step(name=name, attempt=attempt, memo=json.loads(memo), seq=seq, committed_at=instant(at))
            for name, attempt, memo, seq, at in self.book.connection.execute(_SQL["steps"], {"run": run})
        )

    # --- performing ---------------------------------------------------------------------------------------------

    def submit(self, submission: Submission) -> bool:
        """Queue a run; false when it was submitted before, in which case nothing changes."""
        with self.book.transaction() as transaction:
            return self._submit(transaction, submission)

    def claim(self, run: str) -> int | None:
        """Take a queued run to perform it now: its new attempt number, or None when it is not queued any more.

        That it began is recorded with it; the next seal covers it.
        """
        with self.book.transaction() as transaction:
            return self._claim(transaction, run)

    def begin(self, submission: Submission) -> Run:
        """Submit and claim at once: for what the caller's own process performs. Raises RunOver when it was before."""
        with self.book.transaction() as transaction:
            self._submit(transaction, submission)
            attempt = self._claim(transaction, submission.id)
        run = self.get(submission.id)
        if attempt is None:
            raise RunOver(run=run.id, state=run.state)
        return run

    def register(self, run: str, attempt: int, worker: Identity) -> None:
        """Write down which process performs the attempt. Raises RunSuperseded when it is not to be performed."""
        with self.book.transaction() as transaction:
            changed = transaction.execute(
                _SQL["register"],
                {
                    "id": run,
                    "attempt": attempt,
                    "pid": worker.pid,
                    "pid_started_ticks": worker.started_ticks,
                    "boot": worker.boot,
                },
            ).rowcount
        if changed != 1:
            raise RunSuperseded(run=run, attempt=attempt)

    def release(self, run: str, attempt: int) -> None:
        """Give a claimed run back to the queue untouched: the asset is busy."""
        fresh = self.get(run)
        with self.book.transaction() as transaction:
            if transaction.execute(_SQL["release"], {"id": run, "attempt": attempt}).rowcount == 1:
                self._ended(transaction, fresh, "released", "")
        self.book.seal()

    def steps(self, run: Run) -> RunSteps:
        """What the attempt under way sees of its journal."""
        return RunSteps(self, run)

    def commit_step(self, run: Run, step: str, memo: Mapping[str, Any], evidence: Evidence | None) -> Record | None:
        """Memo and evidence in one transaction, then sealed. Raises RunSuperseded for an attempt that is over."""
        with self.book.transaction() as transaction:
            if transaction.execute(_SQL["fence"], {"id": run.id, "attempt": run.attempt}).fetchone() is None:
                raise RunSuperseded(run=run.id, attempt=run.attempt)
            record = None
            if evidence is not None:
                record = transaction.append(evidence, actor=run.actor, asset=run.asset, run=run.id)
            transaction.execute(
                _SQL["commit_step"],
                {
                    "run": run.id,
                    "name": step,
                    "attempt": run.attempt,
                    "memo": json.dumps(memo, sort_keys=True, ensure_ascii=False),
                    "seq": None if record is None else record.seq,
                    "committed_at": rfc3339(self.now()),
                },
            )
        if record is not None:
            self.book.seal()
        return record

    def memo(self, run: str, step: str) -> dict[str, Any] | None:
        """What was committed for a step, by whichever attempt."""
        row = self.book.connection.execute(_SQL["memo"], {"run": run, "name": step}).fetchone()
        return None if row is None else json.loads(row[0])

    # --- ending -------------------------------------------------------------------------------------------------

    def succeed(self, run: Run, *, then: Submission | None = None) -> None:
        """The activity did what it was asked; its evidence is already committed, or there was nothing to record, which
        is recorded. `then` is queued with it, unless such a run waits already, which will do as well. Raises
        RunSuperseded.
        """
        with self.book.transaction() as transaction:
            self._end(transaction, run, "succeeded", None)
            untold = not self._told(transaction, run)
            if untold:
                self._ended(transaction, run, "succeeded", "")
            if then is not None:
                line = {"asset": then.asset, "activity": then.activity}
                waits = transaction.execute(_SQL["waiting"], line).fetchone() is not None
                while not waits and not self._submit(transaction, then):
                    then = a_second_later(then)
        if untold:
            self.book.seal()

    def fail(self, run: Run, error: IntendanceError, *, outcome: str | None) -> Record | None:
        """The activity failed. `outcome` is for the run's own record; None: `failed`, unless the activity's last record
        tells how it ended."""
        with self.book.transaction() as transaction:
            self._end(transaction, run, "failed", error)
            record = self._untold(transaction, run, outcome, error)
        self.book.seal()
        return record

    def postpone(self, run: Run, error: IntendanceError, not_before: datetime, *, outcome: str | None) -> Record | None:
        """The activity failed for what may pass: queued again, not to begin before an instant. `outcome` as in `fail`.

        Raises RunSuperseded.
        """
        said = _said(error)
        said["next_step"] = f"It is tried again by itself at {rfc3339(not_before)}. {error.advice}"
        with self.book.transaction() as transaction:
            if transaction.execute(_SQL["requeue"], {"id": run.id, "attempt": run.attempt} | said).rowcount != 1:
                raise RunSuperseded(run=run.id, attempt=run.attempt)
            transaction.execute(_SQL["postpone"], {"id": run.id, "not_before": rfc3339(not_before)})
            record = self._untold(transaction, run, outcome, error)
        self.book.seal()
        return record

    def cancel(self, run: Run, error: IntendanceError) -> Record:
        """The run, queued or running, ends because somebody asked for it."""
        with self.book.transaction() as transaction:
            self._end(transaction, run, "cancelled", error)
            record = self._ended(transaction, run, "cancelled", error.message)
        self.book.seal()
        return record

    def interrupt(self, run: Run, error: IntendanceError) -> RunState:
        """The attempt is dead: recorded, and queued again while attempts are left. Returns the run's new state."""
        fresh = self.get(run.id)
        tried = run.attempt - self.failures(run.id)  # what was put off is no attempt that died
        again = tried < fresh.attempts_allowed and fresh.cancel_requested_at is None
        with self.book.transaction() as transaction:
            if again:
                values = {"id": run.id, "attempt": run.attempt} | _said(error)
                if transaction.execute(_SQL["requeue"], values).rowcount != 1:
                    raise RunSuperseded(run=run.id, attempt=run.attempt)
                state: RunState = "queued"
            else:
                state = "interrupted" if fresh.cancel_requested_at is None else "cancelled"
                self._end(transaction, run, state, error)
            self._ended(transaction, run, "cancelled" if state == "cancelled" else "interrupted", error.message)
        self.book.seal()
        return state

    def request_cancel(self, run: str) -> Run:
        """Note that a run shall end; whoever performs it must then be told. Raises RunUnknown, RunOver."""
        with self.book.transaction() as transaction:
            transaction.execute(_SQL["request_cancel"], {"id": run, "at": rfc3339(self.now())})
        found = self.get(run)
        if found.state not in {"queued", "running"}:
            raise RunOver(run=run, state=found.state)
        return found

    def prune(self) -> int:
        """Forget runs that ended more than 30 days ago; returns how many."""
        before = {"before": rfc3339(self.now() - KEPT)}
        with self.book.transaction() as transaction:
            transaction.execute(_SQL["prune_retries"], before)
            transaction.execute(_SQL["prune_steps"], before)
            return transaction.execute(_SQL["prune_runs"], before).rowcount

    # --- schedules ----------------------------------------------------------------------------------------------

    def due_rows(self) -> tuple[DueRow, ...]:
        """What is remembered of each schedule."""
        return tuple(
            DueRow(asset=asset, activity=activity, cron=cron, zone=zone, last_due=instant(last_due))
            for asset, activity, cron, zone, last_due in self.book.connection.execute(_SQL["due_rows"])
        )

    def apply(self, reconciled: Reconciled) -> None:
        """Make the due rows follow an adopted plan."""
        with self.book.transaction() as transaction:
            for row in reconciled.write:
                values = {"asset": row.asset, "activity": row.activity, "cron": row.cron, "zone": row.zone}
                transaction.execute(_SQL["write_due"], values | {"last_due": rfc3339(row.last_due)})
            for asset, activity in reconciled.remove:
                transaction.execute(_SQL["remove_due"], {"asset": asset, "activity": activity})

    def waiting(self, line: Line) -> str | None:
        """The run of this schedule that is queued and has not begun, if any."""
        values = {"asset": line.asset, "activity": line.activity}
        row = self.book.connection.execute(_SQL["waiting"], values).fetchone()
        return None if row is None else str(row[0])

    def record_due(self, line: Line, decision: Due, submissions: Iterable[Submission]) -> None:
        """Queue what is due, record what was missed and move `last_due`, all in one transaction."""
        missed = decision.missed
        actor = f"schedule:{line.activity}"
        with self.book.transaction() as transaction:
            for submission in submissions:
                self._submit(transaction, submission)
            if missed is not None:
                evidence = RunMissed(
                    activity=line.activity,
                    first_missed=rfc3339(missed.first),
                    last_missed=rfc3339(missed.last),
                    count=missed.count,
                    caught_up_by=missed.caught_up_by,
                )
                transaction.append(evidence, actor=actor, asset=line.asset, run=missed.caught_up_by)
            values = {"asset": line.asset, "activity": line.activity, "last_due": rfc3339(decision.last_due)}
            transaction.execute(_SQL["advance_due"], values)
        if missed is not None:
            self.book.seal()

    # --- inside a transaction -----------------------------------------------------------------------------------

    def _submit(self, transaction: Transaction, submission: Submission) -> bool:
        values = {
            "id": submission.id,
            "asset": submission.asset,
            "activity": submission.activity,
            "occurrence": rfc3339(submission.occurrence),
            "actor": submission.actor,
            "options": json.dumps(dict(submission.options), sort_keys=True, ensure_ascii=False),
            "attempts_allowed": submission.attempts_allowed,
            "deadline_seconds": submission.deadline_seconds,
            "queued_at": rfc3339(self.now()),
        }
        return transaction.execute(_SQL["submit"], values).rowcount == 1

    def _end(self, transaction: Transaction, run: Run, state: Ended, error: IntendanceError | None) -> None:
        values = {"id": run.id, "attempt": run.attempt, "state": state, "at": rfc3339(self.now())} | _said(error)
        if transaction.execute(_SQL["end"], values).rowcount != 1:
            raise RunSuperseded(run=run.id, attempt=run.attempt)

    def _claim(self, transaction: Transaction, name: str) -> int | None:
        row = transaction.execute(_SQL["claim"], {"id": name, "at": rfc3339(self.now())}).fetchone()
        if row is None:
            return None
        run = read_run(transaction.execute(_SQL["get"], {"id": name}).fetchone())
        began = RunStarted(
            activity=run.activity,
            occurrence=rfc3339(run.occurrence),
            attempt=run.attempt,
            deadline_seconds=run.deadline_seconds,
        )
        transaction.append(began, actor=run.actor, asset=run.asset, run=run.id)
        return run.attempt

    def _told(self, transaction: Transaction, run: Run) -> bool:
        """Whether the attempt's own last record tells how it ended."""
        row = transaction.execute(_SQL["last_told"], {"run": run.id, "attempt": run.attempt}).fetchone()
        return row is not None and row[0] in ENDS

    def _untold(self, transaction: Transaction, run: Run, outcome: str | None, error: IntendanceError) -> Record | None:
        if outcome is None and self._told(transaction, run):
            return None
        return self._ended(transaction, run, outcome or "failed", error.message)

    def _ended(self, transaction: Transaction, run: Run, outcome: str, message: str) -> Record:
        evidence = RunEnded(activity=run.activity, outcome=outcome, attempt=run.attempt, message=message)
        return transaction.append(evidence, actor=run.actor, asset=run.asset, run=run.id)


class RunSteps:
    """`runs.Steps` for one attempt: fenced, so that an attempt that was given up commits nothing more."""

    def __init__(self, journal: Journal, run: Run) -> None:
        self.run = run.id
        self.attempt = run.attempt
        self.asset = run.asset
        self.actor = run.actor
        self.left_evidence = False
        self._journal = journal
        self._row = run

    def memo(self, step: str) -> dict[str, Any] | None:
        """What an earlier attempt committed for `step`, or None: it has yet to be performed."""
        return self._journal.memo(self.run, step)

    def commit(self, step: str, memo: dict[str, Any], evidence: Evidence | None = None) -> Record | None:
        """Commit the step: memo and evidence in one transaction, then sealed. Raises RunSuperseded."""
        record = self._journal.commit_step(self._row, step, memo, evidence)
        self.left_evidence = self.left_evidence or record is not None
        return record


def _said(error: IntendanceError | None) -> dict[str, str | None]:
    if error is None:
        return {"error": None, "message": None, "next_step": None}
    return {"error": error.code, "message": redact(error.message), "next_step": redact(error.advice)}
