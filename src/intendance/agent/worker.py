"""One run, one child process: `python -m intendance.agent.worker STATE RUN ATTEMPT`.

Its memory ends with it, it can be ended at any instant, and it imports neither the command line nor the plan's schema.
SIGTERM cancels the run, SIGINT interrupts it; either way no process that it started is left.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from intendance.agent.compose import Node, open_node
from intendance.agent.performing import perform
from intendance.agent.stopping import ShieldedSteps, Stop, Stopper
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import (
    RunCancelled,
    RunInterrupted,
    RunSuperseded,
    RunTimedOut,
    WorkerCrashed,
)
from intendance.model.errors.state import LockHeld, refusal
from intendance.plan import durations
from intendance.runs import decide
from intendance.runs.afterwards import afterwards
from intendance.runs.progress import ProgressFile
from intendance.runs.rows import Run
from intendance.system import alive, forking, lock
from intendance.system.clock import SystemClock
from intendance.system.priority import give_way, session_gives_way
from intendance.system.trace import keep_trace


def main(arguments: Sequence[str]) -> int:
    """Perform one attempt of a run that was claimed; what came of it stands in the journal. Returns the exit code."""
    stopper = Stopper()
    _lead_session()
    session_gives_way()
    return _performed(Path(arguments[0]), arguments[1], int(arguments[2]), stopper)


def stand_by(orders: IO[bytes]) -> int:
    """Import what a backup needs, wait to be told which run it is, perform it. Returns the exit code; 0 without orders.

    For a copy of the command line's process, which is as polite as a worker that is started as a program.
    """
    polite = give_way()
    session_gives_way()
    with contextlib.suppress(Exception):  # whoever needs it imports it again, and what is wrong with it is recorded
        import intendance.activities.backup.perform
        import intendance.engines.files
        import intendance.stores.directory  # noqa: F401 -- the most usual ones; any other when it is opened
    polite()
    gc.freeze()
    gc.enable()  # it is off while a command begins
    told = orders.read()
    if not told:
        return 0
    order = json.loads(told)
    stopper = Stopper()
    forking.take_environment(order["environment"])
    return _performed(Path(order["state"]), order["run"], order["attempt"], stopper)


def _performed(state: Path, run: str, attempt: int, stopper: Stopper) -> int:
    try:
        with open_node(state, SystemClock()) as node:
            return _attempt(node, run, attempt, stopper)
    except IntendanceError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1


def _attempt(node: Node, name: str, attempt: int, stopper: Stopper) -> int:
    run = node.journal.get(name)
    this = alive.identify(os.getpid(), node.clock.read().boot)
    if run.attempt != attempt or this is None:
        raise RunSuperseded(run=name, attempt=attempt)
    node.journal.register(name, attempt, this)
    try:
        with lock.held(node.layout.asset_lock(run.asset), purpose=f"{run.activity} of {run.asset}"):
            code = _perform(node, run, stopper)
    except LockHeld:
        node.journal.release(name, attempt)
        raise
    finally:
        node.layout.tidy(name, attempt)
    if code == 0:
        _prepare(node, run)  # nobody waits for the asset meanwhile
    return code


def _perform(node: Node, run: Run, stopper: Stopper) -> int:
    steps = ShieldedSteps(node.journal.steps(run), stopper)
    progress = ProgressFile(node.layout.progress(run.id), run.attempt)
    try:
        stopper.arm(run.deadline_seconds)
        perform(node, run, steps, progress)
        stopper.disarm()
    except Stop as stop:
        _end_children()
        _stopped(node, run, stop)
        return 1
    except IntendanceError as error:
        stopper.disarm()
        _failed(node, run, error, outcome=None if steps.left_evidence else "failed")
        return 1
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is kept whole and the run's end is recorded
        stopper.disarm()
        refused = refusal(error)
        if refused is not None:
            _failed(node, run, refused, outcome="failed")
            return 1
        trace = keep_trace(node.layout.crashes, f"{run.id}.{run.attempt}", error)
        node.journal.fail(run, WorkerCrashed(exception=type(error).__name__, trace=trace), outcome="crashed")
        return 1
    node.journal.succeed(run, then=afterwards(run, node.clock.read().at))
    return 0


def _prepare(node: Node, run: Run) -> None:
    """What changed is judged now, so that nobody waits for it. The run is over: nothing that fails here fails it.

    Where nobody ever looked there is nothing to keep.
    """
    if not node.layout.findings.exists():
        return
    from intendance.agent.judging import prepare  # once the run is over, so that it does not begin later

    try:
        prepare(node.book, node.clock.read().at)
    except Exception as error:  # noqa: BLE001 -- `status` judges again, and says what cannot be read
        keep_trace(node.layout.crashes, f"{run.id}.{run.attempt}.judging", error)


def _lead_session() -> None:
    """Its children are told from others by its session; whoever starts it normally gives it one."""
    if os.getsid(0) != os.getpid():
        with contextlib.suppress(PermissionError):
            os.setsid()


def _end_children() -> None:
    if os.getsid(0) == os.getpid():
        alive.end_session(os.getpid())


def _failed(node: Node, run: Run, error: IntendanceError, *, outcome: str | None) -> None:
    """The run is over, or tried again when what it failed for may pass by itself."""
    fresh = node.journal.get(run.id)
    again = decide.retry_at(
        transient=error.transient and fresh.cancel_requested_at is None,
        actor=run.actor,
        failures=node.journal.failures(run.id),
        now=node.clock.read().at,
    )
    if again is None:
        node.journal.fail(run, error, outcome=outcome)
    else:
        node.journal.postpone(run, error, again, outcome=outcome)


def _stopped(node: Node, run: Run, stop: Stop) -> None:
    if stop.reason == "cancelled":
        node.journal.cancel(run, RunCancelled(run=run.id, asset=run.asset))
    elif stop.reason == "timed_out":
        error = RunTimedOut(run=run.id, deadline=durations.write(run.deadline_seconds))
        node.journal.fail(run, error, outcome="timed_out")
    else:
        node.journal.interrupt(run, RunInterrupted(run=run.id, attempt=run.attempt))


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # Reader threads may still wait for programs that were just ended: nothing of them is needed any more.
    os._exit(code)
