"""Starting the child process that performs one run, and settling what it leaves when it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from intendance.agent.compose import Node, secret_environment
from intendance.agent.layout import StateLayout
from intendance.agent.stopping import REASONS
from intendance.model.errors import IntendanceError
from intendance.model.errors.process import ProgramTimedOut
from intendance.model.errors.runs import (
    RestoreBrokenOff,
    RunCancelled,
    RunInterrupted,
    RunSuperseded,
    WorkerBroke,
    WorkerKilled,
)
from intendance.plan import adopted
from intendance.runs.rows import Run, RunState
from intendance.system import alive, forking, process
from intendance.system.priority import POLITE, can_give_way
from intendance.system.trace import keep_words

# What a worker may inherit besides the plan's secrets: where Python finds its own files when it is not installed.
_KEPT_ENVIRONMENT = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")


class Standby:
    """A worker that was forked before its run was known: it has imported what most runs need, and waits to be told.

    One that nobody needs ends with the `with` block.
    """

    def __init__(self, child: process.Child | None) -> None:
        self._child = child

    def take(self, state: Path, run: Run, environment: Mapping[str, str]) -> process.Child | None:
        """Set it to a claimed run; None when there is none, or it was taken before, or has ended."""
        child, self._child = self._child, None
        if child is None:
            return None
        order = {"state": str(state), "run": run.id, "attempt": run.attempt, "environment": dict(environment)}
        try:
            with child.stdin as told:
                told.write(json.dumps(order).encode())
        except BrokenPipeError:
            child.kill()
            return None
        return child

    def dismiss(self) -> None:
        """End it when it was not taken."""
        if self._child is not None:
            self._child.kill()
            self._child = None


@contextlib.contextmanager
def standby(state: Path) -> Iterator[Standby]:
    """A worker at the ready, where this command will perform runs itself: no agent has its socket there.

    Before the state is opened: a database connection must not be there twice. Without the programs that a worker is
    started by there is none, so that what is missing is said once, by whoever starts one.
    """
    here = forking.can_fork() and can_give_way() and not _agent_may_live(state)
    if here:
        _learn_to_read(state)
    ready = Standby(forking.fork("worker", _stand_by) if here else None)
    try:
        yield ready
    finally:
        ready.dismiss()


def _learn_to_read(state: Path) -> None:
    """Once for both: what reading a plan makes of its types stays, a hundredth of a second each."""
    with contextlib.suppress(OSError, ValueError):  # whoever opens the state says what is wrong with it
        adopted.decode(adopted.plan_path(state).read_bytes())


def _agent_may_live(state: Path) -> bool:
    try:
        return StateLayout(state).socket.exists()
    except OSError:  # a folder that cannot be looked into: whoever opens the state says so
        return True


def _stand_by(orders: IO[bytes]) -> int:
    from intendance.agent import worker  # only the copy performs anything

    return worker.stand_by(orders)


def start_worker(node: Node, run: Run, ready: Standby | None = None) -> process.Child:
    """Start the worker of a claimed run: a session of its own, low priority, an end with the caller."""
    environment = {**_kept_environment(), **secret_environment(node.plan)}
    taken = None if ready is None else ready.take(node.layout.state, run, environment)
    return taken or process.start(worker_argv(node.layout.state, run), extra_environment=environment, new_session=True)


def start_python(module: str, *words: str, environment: Mapping[str, str] | None = None) -> process.Child:
    """Start another module of ours that looks at the machine: as polite as a worker, and an end with the caller."""
    return process.start(
        (*POLITE, sys.executable, "-m", module, *words),
        extra_environment={**_kept_environment(), **(environment or {})},
        new_session=True,
    )


def worker_argv(state: Path, run: Run) -> tuple[str, ...]:
    """The worker's command line."""
    return (*POLITE, sys.executable, "-m", "intendance.agent.worker", str(state), run.id, str(run.attempt))


def _kept_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}


def settle(node: Node, run: Run, child: process.Child) -> RunState:
    """After the worker's end: no process of it is left, and a run that it did not end itself is interrupted."""
    ended = child.has_ended(0)  # else it is ended here
    alive.end_session(child.process.pid)
    child.kill()
    return conclude(node, run, child if ended else None)


def conclude(node: Node, run: Run, ended: process.Child | None = None) -> RunState:
    """The run's state once its worker is gone; an attempt still `running` is recorded as interrupted.

    `ended` is its worker when that had ended before anybody ended it: how it did is recorded.
    """
    node.layout.tidy(run.id, run.attempt)  # whoever reads that the attempt is over finds nothing of it
    fresh = node.journal.get(run.id)
    if fresh.state != "running" or fresh.attempt != run.attempt:
        return fresh.state
    unasked = None if ended is None or fresh.cancel_requested_at is not None else _unasked(node, fresh, ended)
    try:
        state = node.journal.interrupt(fresh, unasked or _broken_off(fresh))
    except RunSuperseded:
        state = node.journal.get(run.id).state
    return state


def _unasked(node: Node, run: Run, child: process.Child) -> IntendanceError | None:
    """Why a worker ended that nobody told to end: a signal, or a case that it did not know; its words are kept."""
    code, said = child.process.returncode, child.stderr()
    if code < 0 and -code in REASONS:
        return None
    if code < 0:
        return WorkerKilled(run=run.id, attempt=run.attempt, signal=_signal_name(-code))
    said = said or "it said nothing"
    where = keep_words(node.layout.crashes, f"{run.id}.{run.attempt}.worker", said)
    return WorkerBroke(run=run.id, attempt=run.attempt, code=code, said=said.splitlines()[-1], trace=where)


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):  # a real-time signal has a number only
        return signal.Signals(number).name
    return f"signal {number}"


def _broken_off(run: Run) -> IntendanceError:
    if run.activity == "restore":
        return RestoreBrokenOff(run=run.id, destination=run.options["into"])
    return RunInterrupted(run=run.id, attempt=run.attempt)


def recover(node: Node) -> tuple[Run, ...]:
    """Runs found `running` by whoever has just taken the state's lock: nobody may be performing them.

    A worker that outlived its agent is ended, also one that begins only now; a restore is performed by its caller, so a
    living one is left alone. Returns the runs that were interrupted.
    """
    boot = node.clock.read().boot
    found = []
    for run in node.journal.in_state("running"):
        living = run.worker is not None and alive.is_alive(run.worker, boot)
        if living and run.activity == "restore":
            continue
        end_worker(node, run)
        conclude(node, run)
        late = node.journal.get(run.id)  # from here on no worker of that attempt can register
        if run.activity != "restore" and late.attempt == run.attempt:
            end_worker(node, late)
        found.append(run)
    return tuple(found)


def end_worker(node: Node, run: Run) -> None:
    """Kill the process that performs a run, with all that it started; quiet when it has gone, or never told who it
    is."""
    if run.worker is not None and alive.send(run.worker, node.clock.read().boot, signal.SIGKILL):
        alive.end_session(run.worker.pid)


def ask_to_end(node: Node, name: str) -> Run:
    """Cancel a run: a queued one ends here, the worker of a running one is told. Raises RunUnknown, RunOver."""
    run = node.journal.request_cancel(name)
    if run.state == "queued":
        node.journal.cancel(run, RunCancelled(run=run.id, asset=run.asset))
    elif run.worker is not None:
        alive.send(run.worker, node.clock.read().boot, signal.SIGTERM)
    return run


def wait_for_end(child: process.Child, patience_seconds: float) -> None:
    """Give a worker that was told to end the time to write down why; then end it."""
    with contextlib.suppress(ProgramTimedOut):
        child.wait(patience_seconds)
