"""The journal on a real ledger: idempotent submission, fencing, one transaction for memo and evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.ledger.book import Book
from intendance.model.errors.runs import RunInterrupted, RunOver, RunSuperseded, RunUnknown
from intendance.model.errors.store import StoreUnreachable
from intendance.model.evidence.inspection import InspectionFailed
from intendance.runs.decide import Line, due, reconcile
from intendance.runs.journal import Journal
from intendance.runs.rows import Run, Submission
from intendance.system.alive import Identity
from tests.support.clock import MovableClock

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EVIDENCE = InspectionFailed(store="local", by="self", error="store_unreachable", message="m", next_step="n")


@dataclass
class Desk:
    book: Book
    journal: Journal
    clock: MovableClock
    state: Path

    def begun(self, submission: Submission) -> Run:
        self.journal.submit(submission)
        assert self.journal.claim(submission.id) is not None
        return self.journal.get(submission.id)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    clock = MovableClock(NOON)
    book = Book.create(
        tmp_path, fleet="f", node="n", openpgp_fingerprint="A" * 40, software="intendance 0", clock=clock
    )
    yield Desk(book, Journal(book, clock), clock, tmp_path)
    book.close()


def inspection(at: datetime = NOON, attempts_allowed: int = 2) -> Submission:
    return Submission(
        asset="site", activity="inspect", occurrence=at, actor="person:root", attempts_allowed=attempts_allowed
    )


def test_a_run_submitted_twice_is_one_run(desk: Desk) -> None:
    assert desk.journal.submit(inspection())
    assert not desk.journal.submit(inspection())
    assert [run.id for run in desk.journal.in_state("queued")] == ["site.inspect.20261121T120000Z"]


def test_a_run_that_ended_is_not_begun_again_by_its_occurrence(desk: Desk) -> None:
    run = desk.begun(inspection())
    desk.journal.succeed(run)
    assert not desk.journal.submit(inspection())
    assert desk.journal.claim(run.id) is None
    assert desk.journal.get(run.id).state == "succeeded"


def test_a_run_is_claimed_once(desk: Desk) -> None:
    desk.journal.submit(inspection())
    assert desk.journal.claim(inspection().id) == 1
    assert desk.journal.claim(inspection().id) is None


def test_only_one_worker_performs_an_attempt(desk: Desk) -> None:
    run = desk.begun(inspection())
    worker = Identity(pid=7, started_ticks=1, boot="b")
    desk.journal.register(run.id, 1, worker)
    assert desk.journal.get(run.id).worker == worker
    with pytest.raises(RunSuperseded):
        desk.journal.register(run.id, 1, Identity(pid=8, started_ticks=2, boot="b"))
    with pytest.raises(RunSuperseded):
        desk.journal.register(run.id, 2, worker)


def test_memo_and_evidence_are_one_transaction_and_sealed(desk: Desk) -> None:
    steps = desk.journal.steps(desk.begun(inspection()))
    record = steps.commit("look", {"sets": 3}, EVIDENCE)
    assert record is not None
    assert (record.run, record.asset, record.actor) == ("site.inspect.20261121T120000Z", "site", "person:root")
    assert steps.memo("look") == {"sets": 3}
    (step,) = desk.journal.steps_of(steps.run)
    assert step.seq == record.seq
    assert f"\n{record.seq + 1}\n" in (desk.state / "agent/ledger/checkpoint").read_text()


def test_that_a_run_began_is_recorded_with_its_claim(desk: Desk) -> None:
    run = desk.begun(inspection())
    (began,) = desk.book.records(kind="run.started")
    assert (began.run, began.asset, began.actor) == (run.id, "site", "person:root")
    assert (began.data["attempt"], began.data["occurrence"]) == (1, "2026-11-21T12:00:00.000000Z")
    assert desk.journal.claim(run.id) is None
    assert len(list(desk.book.records(kind="run.started"))) == 1


@pytest.mark.parametrize("told", [True, False])
def test_every_attempt_that_began_has_an_end(desk: Desk, told: bool) -> None:
    run = desk.begun(inspection())
    if told:
        desk.journal.steps(run).commit("look", {}, EVIDENCE)
    desk.journal.succeed(run)
    ended = list(desk.book.records(kind="run.ended"))
    assert [each.data["outcome"] for each in ended] == ([] if told else ["succeeded"])
    assert f"\n{desk.book.size()}\n" in (desk.state / "agent/ledger/checkpoint").read_text()


def test_what_failed_without_a_word_of_its_own_has_an_end_too(desk: Desk) -> None:
    run = desk.begun(inspection())
    desk.journal.fail(run, StoreUnreachable(store="local", detail="gone"), outcome=None)
    (ended,) = desk.book.records(kind="run.ended")
    assert (ended.run, ended.data["outcome"]) == (run.id, "failed")


def test_what_is_given_back_says_so_and_begins_again(desk: Desk) -> None:
    run = desk.begun(inspection())
    desk.journal.release(run.id, run.attempt)
    desk.journal.release(run.id, run.attempt)  # it is given back once
    (ended,) = desk.book.records(kind="run.ended")
    assert (ended.data["outcome"], ended.data["attempt"]) == ("released", 1)
    assert desk.journal.claim(run.id) == 1
    assert len(list(desk.book.records(kind="run.started"))) == 2


def test_a_step_committed_twice_leaves_neither_memo_nor_evidence(desk: Desk) -> None:
    steps = desk.journal.steps(desk.begun(inspection()))
    steps.commit("look", {"n": 1}, EVIDENCE)
    with pytest.raises(Exception, match="UNIQUE"):
        steps.commit("look", {"n": 2}, EVIDENCE)
    assert desk.book.size() == 3
    assert steps.memo("look") == {"n": 1}


def test_an_attempt_that_was_given_up_commits_nothing(desk: Desk) -> None:
    run = desk.begun(inspection())
    zombie = desk.journal.steps(run)
    assert desk.journal.interrupt(run, RunInterrupted(run=run.id, attempt=1)) == "queued"
    assert desk.journal.claim(run.id) == 2
    size = desk.book.size()
    with pytest.raises(RunSuperseded):
        zombie.commit("look", {}, EVIDENCE)
    with pytest.raises(RunSuperseded):
        desk.journal.succeed(run)
    assert desk.book.size() == size


def test_a_later_attempt_sees_what_an_earlier_one_committed(desk: Desk) -> None:
    run = desk.begun(inspection())
    desk.journal.steps(run).commit("look", {"sets": 3})
    desk.journal.interrupt(run, RunInterrupted(run=run.id, attempt=1))
    desk.journal.claim(run.id)
    again = desk.journal.steps(desk.journal.get(run.id))
    assert again.attempt == 2
    assert again.memo("look") == {"sets": 3}


def test_attempts_end_with_the_last_allowed(desk: Desk) -> None:
    run = desk.begun(inspection(attempts_allowed=2))
    error = RunInterrupted(run=run.id, attempt=1)
    assert desk.journal.interrupt(run, error) == "queued"
    desk.journal.claim(run.id)
    assert desk.journal.interrupt(desk.journal.get(run.id), error) == "interrupted"
    assert desk.journal.in_state("queued") == ()
    outcomes = [(record.data["outcome"], record.data["attempt"]) for record in desk.book.records(kind="run.ended")]
    assert outcomes == [("interrupted", 1), ("interrupted", 2)]


def test_a_cancelled_run_is_not_queued_again_when_its_worker_dies(desk: Desk) -> None:
    run = desk.begun(inspection())
    desk.journal.request_cancel(run.id)
    assert desk.journal.interrupt(run, RunInterrupted(run=run.id, attempt=1)) == "cancelled"
    (record,) = desk.book.records(kind="run.ended")
    assert record.data["outcome"] == "cancelled"


def test_what_is_over_cannot_be_cancelled_nor_what_never_was(desk: Desk) -> None:
    run = desk.begun(inspection())
    desk.journal.succeed(run)
    with pytest.raises(RunOver, match="already over: succeeded"):
        desk.journal.request_cancel(run.id)
    with pytest.raises(RunUnknown, match="no run `nope`"):
        desk.journal.request_cancel("nope")


def test_runs_are_forgotten_thirty_days_after_their_end_and_their_records_stay(desk: Desk) -> None:
    run = desk.begun(inspection())
    desk.journal.steps(run).commit("look", {}, EVIDENCE)
    desk.journal.succeed(run)
    desk.journal.submit(inspection(NOON + timedelta(hours=1)))
    desk.clock.move(timedelta(days=29, hours=23))
    assert desk.journal.prune() == 0
    desk.clock.move(timedelta(hours=2))
    assert desk.journal.prune() == 1
    assert [left.state for left in desk.journal.recent()] == ["queued"]
    assert len(list(desk.book.records(kind="inspection.failed"))) == 1


def test_what_was_missed_is_recorded_with_what_makes_up_for_it(desk: Desk) -> None:
    line = Line(asset="site", activity="inspect", cron="0 * * * *", zone="UTC")
    desk.journal.apply(reconcile(desk.journal.due_rows(), [line], NOON))
    decision = due(line, NOON, NOON + timedelta(hours=3))
    submissions = [inspection(at) for at in decision.starts]
    desk.journal.record_due(line, decision, submissions)
    (record,) = desk.book.records(kind="run.missed")
    assert record.data["count"] == 2
    assert record.data["caught_up_by"] == record.run == "site.inspect.20261121T150000Z"
    assert desk.journal.waiting(line) == record.run
    assert desk.journal.due_rows()[0].last_due == NOON + timedelta(hours=3)


def test_a_schedule_counts_from_the_adoption_of_its_plan(desk: Desk) -> None:
    line = Line(asset="site", activity="inspect", cron="0 * * * *", zone="UTC")
    changed = Line(asset="site", activity="inspect", cron="5 * * * *", zone="UTC")
    desk.journal.apply(reconcile((), [line], NOON))
    desk.journal.apply(reconcile(desk.journal.due_rows(), [line], NOON + timedelta(days=1)))
    assert desk.journal.due_rows()[0].last_due == NOON
    desk.journal.apply(reconcile(desk.journal.due_rows(), [changed], NOON + timedelta(days=2)))
    assert desk.journal.due_rows()[0].last_due == NOON + timedelta(days=2)
    desk.journal.apply(reconcile(desk.journal.due_rows(), [], NOON))
    assert desk.journal.due_rows() == ()


# ── Tried again ─────────────────────────────────────────────────────────────────────────────────────────────────────


def put_off(desk: Desk, minutes: int) -> Run:
    run = desk.begun(inspection()) if not desk.journal.recent() else desk.journal.get(inspection().id)
    if run.state == "queued":
        assert desk.journal.claim(run.id) is not None
        run = desk.journal.get(run.id)
    error = StoreUnreachable(store="local", detail="not mounted")
    desk.journal.postpone(run, error, desk.clock.at + timedelta(minutes=minutes), outcome=None)
    return desk.journal.get(run.id)


def test_a_run_that_is_put_off_waits_its_time_and_begins_as_a_new_attempt(desk: Desk) -> None:
    run = put_off(desk, 5)
    assert (run.state, run.attempt, run.error) == ("queued", 1, "store_unreachable")
    assert run.next_step is not None
    assert run.next_step.startswith("It is tried again by itself at 2026-11-21T12:05:00")
    assert desk.journal.ready() == ()
    desk.clock.move(timedelta(minutes=4, seconds=59))
    assert desk.journal.ready() == ()
    desk.clock.move(timedelta(seconds=1))
    assert [each.id for each in desk.journal.ready()] == [run.id]
    assert desk.journal.claim(run.id) == 2
    assert desk.journal.failures(run.id) == 1


def test_one_that_waits_holds_up_no_other(desk: Desk) -> None:
    put_off(desk, 5)
    other = inspection(NOON + timedelta(seconds=9))
    desk.journal.submit(other)
    assert [each.id for each in desk.journal.ready()] == [other.id]


def test_what_was_put_off_does_not_count_as_an_attempt_that_died(desk: Desk) -> None:
    put_off(desk, 1)
    run = put_off(desk, 5)
    assert desk.journal.failures(run.id) == 2
    desk.journal.claim(run.id)
    died = desk.journal.get(run.id)
    assert desk.journal.interrupt(died, RunInterrupted(run=run.id, attempt=died.attempt)) == "queued"
    desk.journal.claim(run.id)
    died = desk.journal.get(run.id)
    assert died.attempt == 4
    assert desk.journal.interrupt(died, RunInterrupted(run=run.id, attempt=died.attempt)) == "interrupted"


def test_an_attempt_that_was_given_up_puts_nothing_off(desk: Desk) -> None:
    run = desk.begun(inspection())
    desk.journal.interrupt(run, RunInterrupted(run=run.id, attempt=1))
    with pytest.raises(RunSuperseded):
        desk.journal.postpone(run, StoreUnreachable(store="s", detail="d"), NOON, outcome=None)
    assert desk.journal.failures(run.id) == 0


def test_with_the_run_its_waits_are_forgotten(desk: Desk) -> None:
    run = put_off(desk, 1)
    desk.journal.claim(run.id)
    desk.journal.succeed(desk.journal.get(run.id))
    desk.clock.move(timedelta(days=31))
    assert desk.journal.prune() == 1
    assert desk.book.connection.execute("SELECT count(*) FROM retry").fetchone() == (0,)
