"""The agent: sleeps until something is due, starts one worker at a time, keeps the ledger sealed. Crash-only.

It polls nothing faster than once a minute (a machine that slept has another wall clock); its socket, its child's end
and signals wake it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from intendance import __version__
from intendance.agent import bell, children
from intendance.agent.ahead.tending import Ahead
from intendance.agent.compose import Node, deadline_seconds, open_node
from intendance.agent.fallback.tending import Fallback
from intendance.agent.inventory.daily import Daily
from intendance.agent.layout import StateLayout
from intendance.agent.sampling import Sampler
from intendance.agent.telling import Telling
from intendance.model.errors import IntendanceError
from intendance.model.errors.runs import AgentRunning
from intendance.model.errors.state import LockHeld, StateUnusable, refusal
from intendance.plan import adopted
from intendance.runs import decide
from intendance.runs.rows import Run, Submission
from intendance.system import lock
from intendance.system.clock import Clock, SystemClock, rfc3339, wait
from intendance.system.process import Child
from intendance.system.shown import shield_streams

LOOK_SECONDS = 60.0
_BUSY_ASSET_SECONDS = 5.0  # a queued run waits for a restore of its asset
_TROUBLE_SECONDS = 15.0  # the ledger is busy or its disk is full: tried again then
_PATIENCE_SECONDS = 8.0  # between asking a worker to end and ending it
_CALLER_SECONDS = 5.0  # for who called and has not yet said why
_PRUNE_EVERY = timedelta(days=1)

Say = Callable[[str], None]


class Agent:
    """One agent on one state folder, whose lock its caller holds."""

    def __init__(self, node: Node, say: Say) -> None:
        self._node = node
        self._say = say
        self._stopping = False
        self._lines: Mapping[tuple[str, str], decide.Line] = {}
        self._plan_seen: int | None = None
        self._plan_refused: int | None = None
        self._wake_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._pruned_at: datetime | None = None
        self._sealed_size = -1
        self._asset_busy = False
        self._trouble = False
        self._run: Run | None = None
        self._child: Child | None = None
        self._end_by_ns: int | None = None
        self._telling = Telling(node.layout.state, node.clock, say, lambda: node.plan.manager_urls)
        self._inventory = Daily(node, say)
        self._ahead = Ahead(node, say)
        self._fallback = Fallback(node, say)
        self._sampler = Sampler(node, say)

    def run(self) -> None:
        """Work until told to stop (SIGTERM, SIGINT); then end the worker, whose run is begun anew later."""
        with _signals(self._told) as wakeup, selectors.DefaultSelector() as selector:
            listener = bell.listen(self._node.layout.socket)
            try:
                selector.register(wakeup, selectors.EVENT_READ)
                selector.register(listener, selectors.EVENT_READ)
                self._begin()
                while not self._stopping:
                    self._look()
                    self._wait(selector, wakeup, listener)
            finally:
                self._node.layout.socket.unlink(missing_ok=True)
                listener.close()
                self._end_worker()

    def _begin(self) -> None:
        for run in children.recover(self._node):
            self._say(f"{run.id}: attempt {run.attempt} was found dead")
        self._say(f"agent {__version__} on {self._node.layout.state}, process {os.getpid()}")

    # --- one look -----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Do what is due. A ledger that cannot be used now is tried again: a dead agent would back up nothing."""
        try:
            self._take_plan()
            self._schedule()
            self._tend_worker()
            self._start_next()
            self._keep_house()
        except (IntendanceError, OSError) as error:
            known = error if isinstance(error, IntendanceError) else refusal(error)
            if known is None:
                raise
            if not self._trouble:
                self._say(f"{known.message} {known.advice}")
            self._trouble = True
        else:
            self._trouble = False

    def _take_plan(self) -> None:
        adoption = self._node.adoption()
        if adoption.seq == self._plan_seen:
            return
        try:
            self._node.reread_plan()
        except IntendanceError as error:
            if adoption.seq != self._plan_refused:
                self._say(f"{error.message} The former plan stays in force.")
            self._plan_refused = adoption.seq
            return
        self._plan_seen = adoption.seq
        lines = self._node.lines()
        journal = self._node.journal
        journal.apply(decide.reconcile(journal.due_rows(), lines, adoption.at))
        self._lines = {(line.asset, line.activity): line for line in lines}
        self._looked_at = None

    def _schedule(self) -> None:
        now = self._node.clock.read().at
        backwards = self._looked_at is None or now < self._looked_at
        self._looked_at = now
        if not backwards and (self._wake_at is None or now < self._wake_at):
            return
        journal = self._node.journal
        rows = []
        for row in journal.due_rows():
            line = self._lines.get((row.asset, row.activity))
            if line is None:
                continue
            decision = decide.due(line, row.last_due, now, waiting=journal.waiting(line))
            if decision.last_due != row.last_due:
                journal.record_due(line, decision, [self._scheduled(line, at) for at in decision.starts])
            rows.append((line, decision.last_due))
        self._wake_at = decide.next_wake(rows, now)

    def _scheduled(self, line: decide.Line, at: datetime) -> Submission:
        return Submission(
            asset=line.asset,
            activity=line.activity,
            occurrence=at,
            actor=f"schedule:{line.activity}",
            deadline_seconds=deadline_seconds(self._node.plan, line.asset, line.activity),
        )

    def _tend_worker(self) -> None:
        if self._child is None or self._run is None:
            return
        mono_ns = self._node.clock.read().mono_ns
        too_late = self._end_by_ns is not None and mono_ns > self._end_by_ns
        if too_late or self._child.process.poll() is not None:
            self._settle()

    def _settle(self) -> None:
        assert self._child is not None and self._run is not None  # noqa: S101, PT018 -- asked for by the callers
        state = children.settle(self._node, self._run, self._child)
        said = self._child.stderr()
        self._say(f"{self._run.id}: {state}" + (f" ({said})" if said else ""))
        self._child, self._run, self._end_by_ns = None, None, None

    def _start_next(self) -> None:
        self._asset_busy = False
        if self._child is not None or self._stopping:
            return
        journal = self._node.journal
        for run in journal.ready():
            if lock.is_held(self._node.layout.asset_lock(run.asset)):
                self._asset_busy = True
                continue
            attempt = journal.claim(run.id)
            if attempt is None:
                continue
            if self._started(journal.get(run.id)):
                return

    def _started(self, run: Run) -> bool:
        try:
            self._child = children.start_worker(self._node, run)
        except IntendanceError as error:
            self._node.journal.fail(run, error, outcome="failed")
            self._say(f"{run.id}: {error.message}")
            return False
        self._run = run
        self._end_by_ns = self._node.clock.read().mono_ns + int((run.deadline_seconds + LOOK_SECONDS) * 1e9)
        self._say(f"{run.id}: attempt {run.attempt} begins, process {self._child.process.pid}")
        return True

    def _keep_house(self) -> None:
        now = self._node.clock.read().at
        size = self._node.book.size()
        if size != self._sealed_size:
            self._node.book.seal()
            self._sealed_size = size
        if self._pruned_at is None or abs(now - self._pruned_at) > _PRUNE_EVERY:
            self._node.journal.prune()
            self._pruned_at = now
        self._telling.tend()
        self._inventory.tend(now, busy=self._child is not None)
        self._ahead.tend(now, busy=self._child is not None)
        self._fallback.tend(now, busy=self._child is not None)
        self._sampler.tend()

    # --- waiting ------------------------------------------------------------------------------------------------

    def _wait(self, selector: selectors.BaseSelector, wakeup: socket.socket, listener: socket.socket) -> None:
        for key, _ in selector.select(self._timeout()):
            if key.fileobj is wakeup:
                with contextlib.suppress(BlockingIOError):
                    wakeup.recv(4096)
            else:
                self._serve(listener)

    def _timeout(self) -> float:
        if self._stopping:
            return 0.0
        reading = self._node.clock.read()
        seconds = [LOOK_SECONDS]
        if self._wake_at is not None:
            seconds.append((self._wake_at - reading.at).total_seconds())
        if self._asset_busy:
            seconds.append(_BUSY_ASSET_SECONDS)
        if self._trouble:
            seconds.append(_TROUBLE_SECONDS)
        if self._end_by_ns is not None:
            seconds.append((self._end_by_ns - reading.mono_ns) / 1e9 + 0.01)
        return max(0.0 if not self._trouble else _TROUBLE_SECONDS, min(seconds))

    def _serve(self, listener: socket.socket) -> None:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        with line:
            line.settimeout(_CALLER_SECONDS)
            try:
                request = bell.read_line(line)
            except OSError:
                return
            bell.answer(line, self._answer(request or {}))

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = request.get("do")
        if wanted == "wake":
            self._looked_at = None
            return {"ok": True}
        if wanted == "ping":
            return {
                "ok": True,
                "version": __version__,
                "pid": os.getpid(),
                "running": None if self._run is None else self._run.id,
                "next_due": None if self._wake_at is None else rfc3339(self._wake_at),
            }
        if wanted == "cancel":
            return self._cancel(str(request.get("run")))
        return {"ok": False, "error": "usage_error", "message": "ask for ping, wake or cancel"}

    def _cancel(self, name: str) -> dict[str, Any]:
        try:
            children.ask_to_end(self._node, name)
        except IntendanceError as error:
            return {"ok": False, "error": error.code, "message": error.message}
        if self._run is not None and self._run.id == name:
            self._end_by_ns = self._node.clock.read().mono_ns + int(_PATIENCE_SECONDS * 1e9)
        return {"ok": True}

    # --- ending -------------------------------------------------------------------------------------------------

    def _told(self, number: int, _frame: FrameType | None) -> None:
        self._stopping = self._stopping or number in {signal.SIGTERM, signal.SIGINT}

    def _end_worker(self) -> None:
        self._telling.end()
        self._inventory.end()
        self._ahead.end()
        self._fallback.end()
        if self._child is not None and self._run is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child.process.pid, signal.SIGINT)
            children.wait_for_end(self._child, _PATIENCE_SECONDS)
            self._settle()
        try:
            self._sampler.end()
        except (IntendanceError, OSError) as error:  # the agent ends all the same
            self._say(f"what was sampled last is not recorded: {error}")
        self._say("agent ends")


@contextmanager
def _signals(told: Callable[[int, FrameType | None], None]) -> Iterator[socket.socket]:
    """A socket that becomes readable when a signal came, so that none is slept through."""
    reader, writer = socket.socketpair()
    reader.settimeout(0)
    writer.settimeout(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, told)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(-1)
        reader.close()
        writer.close()


@contextmanager
def only_agent(state: Path, say: Say) -> Iterator[None]:
    """Hold the state's lock; a command in the foreground is waited for. Raises AgentRunning, StateUnusable."""
    with ExitStack() as stack:
        told = False
        while not _taken(stack, StateLayout(state), told=told, say=say):
            told = True
            wait(2.0)
        yield


def _taken(stack: ExitStack, layout: StateLayout, *, told: bool, say: Say) -> bool:
    try:
        stack.enter_context(lock.held(layout.lock, purpose="The agent"))
    except LockHeld as error:
        holder = str(error.params["holder"])
        if bell.ask(layout.socket, {"do": "ping"}) is not None:
            raise AgentRunning(state=layout.state, holder=holder.partition(" (")[0]) from None
        if not told:
            say(f"waiting for {holder}, which works in the foreground")
        return False
    except PermissionError as error:
        raise StateUnusable(state=layout.state, detail=f"{error.strerror}: {error.filename}") from None
    return True


def serve(state: Path, clock: Clock, say: Say) -> None:
    """Run an agent on a state folder until it is told to stop. Raises NoState, AgentRunning, StateUnusable."""
    adopted.read(state)
    with only_agent(state, say), open_node(state, clock) as node:
        Agent(node, say).run()


def main(arguments: Sequence[str]) -> int:
    """`python -m intendance.agent.loop STATE`: what `intendance agent` becomes, without the command line's memory."""

    def say(sentence: str) -> None:
        sys.stderr.write(f"{rfc3339(clock.read().at)} {sentence}\n")
        sys.stderr.flush()

    shield_streams()
    clock = SystemClock()
    try:
        serve(Path(arguments[0]), clock, say)
    except IntendanceError as error:
        sys.stderr.write(f"error: {error.message}\n  → {error.advice}\n")
        return int(error.exit_code)
    except OSError as error:
        refused = refusal(error)
        if refused is None:
            raise
        sys.stderr.write(f"error: {refused.message}\n  → {refused.advice}\n")
        return int(refused.exit_code)
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
