"""Performing what somebody asks for at a terminal: by the agent where one lives, else in the foreground.

Either way the same worker performs it; this process only watches the journal and the progress file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from intendance.agent import bell, children
from intendance.agent.compose import Node
from intendance.model.errors.runs import AgentGone, AgentSilent
from intendance.model.errors.state import LockHeld
from intendance.runs import progress
from intendance.runs.progress import Reading
from intendance.runs.rows import Run, Submission
from intendance.system import lock
from intendance.system.clock import monotonic_seconds, wait
from intendance.system.process import Child

_LOOK_SECONDS = 0.2
_AGENT_CHECK_SECONDS = 3.0
_PATIENCE_SECONDS = 8.0


class Watcher(Protocol):
    """Whoever looks on: told when a run begins, how far it is, and when it has ended."""

    def began(self, run: Run, *, by_agent: bool) -> None: ...
    def moved(self, run: Run, reading: Reading | None) -> None: ...
    def ended(self) -> None: ...


class Silent:
    """A watcher that says nothing."""

    def began(self, run: Run, *, by_agent: bool) -> None: ...
    def moved(self, run: Run, reading: Reading | None) -> None: ...
    def ended(self) -> None: ...


class Detached(Exception):
    """The person left while the agent goes on with these runs."""

    def __init__(self, runs: Sequence[str]) -> None:
        self.runs = tuple(runs)
        super().__init__(", ".join(runs))


@dataclass(frozen=True, slots=True)
class Performer:
    """Who performs runs now: the agent, or this process while it holds the state's lock."""

    by_agent: bool


@contextmanager
def performer(node: Node) -> Iterator[Performer]:
    """Find the agent or take its place for the block. Raises AgentSilent."""
    layout = node.layout
    if bell.ask(layout.socket, {"do": "ping"}) is not None:
        yield Performer(by_agent=True)
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(lock.held(layout.lock, purpose="Another command works in the foreground"))
        except LockHeld as error:
            # An agent takes its lock a moment before it listens.
            wait(2.0)
            if bell.ask(layout.socket, {"do": "ping"}) is None:
                raise AgentSilent(holder=str(error.params["holder"]).capitalize(), state=layout.state) from None
            by_agent = True
        else:
            children.recover(node)
            by_agent = False
        yield Performer(by_agent=by_agent)


def perform(node: Node, submissions: Sequence[Submission], watcher: Watcher) -> tuple[Run, ...]:
    """Have every run performed, one after the other, and return them as they ended. Raises Detached, AgentGone."""
    with performer(node) as who:
        if not who.by_agent:
            return tuple(_in_foreground(node, submission, watcher) for submission in submissions)
        for submission in submissions:
            node.journal.submit(submission)
        bell.ring(node.layout.socket)
        waited_for = [submission.id for submission in submissions]
        try:
            return tuple(_by_agent(node, name, watcher) for name in waited_for)
        except KeyboardInterrupt:
            raise Detached([name for name in waited_for if _open(node, name)]) from None


def _open(node: Node, name: str) -> bool:
    return node.journal.get(name).state in {"queued", "running"}


def _in_foreground(node: Node, submission: Submission, watcher: Watcher) -> Run:
    # Whoever sits there sees it end and decides; the agent's runs have a second attempt.
    node.journal.submit(replace(submission, attempts_allowed=1))
    attempt = node.journal.claim(submission.id)
    run = node.journal.get(submission.id)
    if attempt is None:
        return run
    watcher.began(run, by_agent=False)
    child = children.start_worker(node, run)
    try:
        # The worker's own end counts, not that of the run: it seals the ledger after that.
        _watch(node, run.id, watcher, lambda: child.process.poll() is None)
    except KeyboardInterrupt:
        _cancel(node, run, child)
        raise
    finally:
        children.settle(node, run, child)
    return _ended(node, run.id, watcher)


def _cancel(node: Node, run: Run, child: Child) -> None:
    if _open(node, run.id):
        children.ask_to_end(node, run.id)
        children.wait_for_end(child, _PATIENCE_SECONDS)


def _by_agent(node: Node, name: str, watcher: Watcher) -> Run:
    watcher.began(node.journal.get(name), by_agent=True)
    looked_at = monotonic_seconds()

    def lives() -> bool:
        nonlocal looked_at
        if not _open(node, name):
            return False
        if monotonic_seconds() - looked_at > _AGENT_CHECK_SECONDS:
            looked_at = monotonic_seconds()
            return lock.is_held(node.layout.lock)
        return True

    _watch(node, name, watcher, lives)
    if _open(node, name):
        raise AgentGone(run=name)
    return _ended(node, name, watcher)


def _watch(node: Node, name: str, watcher: Watcher, lives: Callable[[], bool]) -> None:
    """Look on until whoever performs the run has ended, or no longer works on it."""
    while lives():
        watcher.moved(node.journal.get(name), progress.read(node.layout.progress(name)))
        wait(_LOOK_SECONDS)


def _ended(node: Node, name: str, watcher: Watcher) -> Run:
    run = node.journal.get(name)
    watcher.ended()
    return run
