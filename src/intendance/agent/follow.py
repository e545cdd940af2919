"""Performing what somebody asks for at a terminal: by the agent where one lives, else in the foreground.

Either way the same worker performs it; this process only watches the journal and the progress file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Protocol

from intendance.agent import bell, children
from intendance.agent.compose import Node
from intendance.model.errors.runs import AgentGone, AgentSilent, AssetBusy, CommandAtWork, RunCancelled, RunOver
from intendance.model.errors.state import LockHeld
from intendance.model.frozen import dataclass
from intendance.runs import progress
from intendance.runs.afterwards import afterwards
from intendance.runs.progress import Reading
from intendance.runs.rows import Run, Submission, a_second_later
from intendance.system import alive, lock
from intendance.system.clock import monotonic_seconds, wait
from intendance.system.process import Child

FOREGROUND = "a command in the foreground"
"""What the state's lock says while a command performs activities itself."""

_LOOK_SECONDS = 0.2
_AGENT_CHECK_SECONDS = 3.0
_PATIENCE_SECONDS = 8.0
_BEGINS_SECONDS = 10.0


class Watcher(Protocol):
    """Whoever looks on: told when a run begins, that it waits for others, how far it is, and when it has ended."""

    def began(self, run: Run, *, by_agent: bool) -> None: ...
    def waits(self) -> None: ...
    def moved(self, run: Run, reading: Reading | None) -> None: ...
    def ended(self) -> None: ...


class Silent:
    """A watcher that says nothing."""

    def began(self, run: Run, *, by_agent: bool) -> None: ...
    def waits(self) -> None: ...
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
    """Find the agent or take its place for the block. Raises AgentSilent, CommandAtWork, StateUnwritable."""
    layout = node.layout
    node.book.expect_writable()
    if bell.ask(layout.socket, {"do": "ping"}) is not None:
        yield Performer(by_agent=True)
        return
    with ExitStack() as stack:
        in_its_place = _takes_place(stack, node)
        if in_its_place:
            children.recover(node)
        yield Performer(by_agent=not in_its_place)


def _takes_place(stack: ExitStack, node: Node) -> bool:
    """Take the state's lock; false when an agent answers after all: it holds its lock a moment before it listens."""
    layout, end = node.layout, monotonic_seconds() + _BEGINS_SECONDS
    while True:
        try:
            stack.enter_context(lock.held(layout.lock, purpose=FOREGROUND))
        except LockHeld as error:
            holder = str(error.params["holder"])
            if FOREGROUND in holder:
                raise CommandAtWork(holder=holder, state=layout.state) from None
            if bell.ask(layout.socket, {"do": "ping"}) is not None:
                return False
            if monotonic_seconds() > end:
                raise AgentSilent(holder=holder.capitalize(), state=layout.state) from None
            wait(_LOOK_SECONDS)
        else:
            return True


def perform(
    node: Node, submissions: Sequence[Submission], watcher: Watcher, ready: children.Standby | None = None
) -> tuple[Run, ...]:
    """Have every run performed, one after the other, and return them as they ended; `ready` is a worker for the first.

    Raises Detached, AgentGone, AgentSilent, CommandAtWork.
    """
    with performer(node) as who:
        if not who.by_agent:
            return _all_in_foreground(node, submissions, watcher, ready)
        waited_for: list[str] = []
        try:
            waited_for += (submit_new(node, submission).id for submission in submissions)
            bell.ring(node.layout.socket)  # answered at the end of its present look, in which it may have begun one
            asked = [_by_agent(node, name, watcher) for name in waited_for]
            waited_for += _looks_after(node, asked)
            return (*asked, *(_by_agent(node, name, watcher) for name in waited_for[len(asked) :]))
        except KeyboardInterrupt:
            left = [name for name in waited_for if _open(node, name)]
            if not left:
                raise
            raise Detached(left) from None


def _all_in_foreground(
    node: Node, submissions: Sequence[Submission], watcher: Watcher, ready: children.Standby | None
) -> tuple[Run, ...]:
    """Each of them, then the inspections that follow backups; none of those is left to nobody."""
    begun: set[str] = set()

    def here(run: Run) -> Run:
        begun.add(run.id)
        return _in_foreground(node, run, watcher, ready)

    try:
        # Whoever sits there sees it end and decides; the agent's runs have a second attempt.
        asked = [here(begin_new(node, replace(each, attempts_allowed=1))) for each in submissions]
        looks = _looks_after(node, asked)
        return (*asked, *(here(node.journal.get(name)) for name in looks if node.journal.claim(name) is not None))
    finally:
        for left in node.journal.in_state("queued"):
            if left.options.get("after") in begun:
                node.journal.cancel(left, RunCancelled(run=left.id, asset=left.asset))


def _looks_after(node: Node, runs: Sequence[Run]) -> list[str]:
    """The inspections that look at what these backups stored: each one's end queued it, if none waited already."""
    found: dict[str, None] = {}
    for run in runs:
        if run.state != "succeeded" or run.ended_at is None or afterwards(run, run.ended_at) is None:
            continue
        for each in reversed(node.journal.recent(asset=run.asset, limit=50)):
            begun_later = each.started_at is not None and each.started_at >= run.ended_at
            if each.activity == "inspect" and (each.state == "queued" or begun_later):
                found[each.id] = None
                break
    return list(found)


def _open(node: Node, name: str) -> bool:
    return node.journal.get(name).state in {"queued", "running"}


def submit_new(node: Node, submission: Submission) -> Submission:
    """Queue what somebody asks for as a run of its own: never as one that was asked for within the same second."""
    while not node.journal.submit(submission):
        submission = a_second_later(submission)
    return submission


def begin_new(node: Node, submission: Submission) -> Run:
    """Queue and claim at once what this process performs, as a run of its own."""
    while True:
        try:
            return node.journal.begin(submission)
        except RunOver:
            submission = a_second_later(submission)


def _in_foreground(node: Node, run: Run, watcher: Watcher, ready: children.Standby | None) -> Run:
    """Perform a claimed run and look on."""
    child = None
    try:
        watcher.began(run, by_agent=False)
        child = children.start_worker(node, run, ready)
        # The worker's own end counts, not that of the run: it seals the ledger after that.
        _watch(node, run.id, watcher, lambda: not child.has_ended(_LOOK_SECONDS))
    except KeyboardInterrupt:
        _cancel(node, run, child)
        raise
    finally:
        _leave(node, run, child)
    return _ended(node, run.id, watcher)


def _leave(node: Node, claimed: Run, child: Child | None) -> None:
    """Whatever happened, the run is over: nobody performs what this command leaves running, or gets back untouched."""
    if child is not None:
        children.settle(node, node.journal.get(claimed.id), child)
    run = node.journal.get(claimed.id)
    if run.state == "queued" and run.attempt < claimed.attempt:  # the worker found the asset busy and gave the run back
        node.journal.fail(run, AssetBusy(asset=run.asset, run=run.id), outcome=None)
    elif run.state == "running":
        children.conclude(node, run)


def _cancel(node: Node, run: Run, child: Child | None) -> None:
    """The worker may have begun before its starter came to hold it: then it is known by what it wrote down."""
    if not _open(node, run.id):
        return
    told = children.ask_to_end(node, run.id)
    if child is not None:
        children.wait_for_end(child, _PATIENCE_SECONDS)
    else:
        _wait_for_worker(node, told)
        children.end_worker(node, told)


def _wait_for_worker(node: Node, run: Run) -> None:
    """Give a worker that was told to end the time to write down why."""
    boot, late = node.clock.read().boot, monotonic_seconds() + _PATIENCE_SECONDS
    while run.worker is not None and alive.is_alive(run.worker, boot) and monotonic_seconds() < late:
        wait(_LOOK_SECONDS)


def _by_agent(node: Node, name: str, watcher: Watcher) -> Run:
    watcher.began(node.journal.get(name), by_agent=True)
    looked_at = monotonic_seconds()

    def lives() -> bool:
        nonlocal looked_at
        wait(_LOOK_SECONDS)
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
    """Look on until whoever performs the run has ended, or no longer works on it; `lives` takes its time to answer."""
    while lives():
        run = node.journal.get(name)
        if run.state == "running":
            watcher.moved(run, progress.read(node.layout.progress(name)))
        elif run.state == "queued" and held_up(node, run):
            watcher.waits()


def held_up(node: Node, run: Run) -> bool:
    """Whether a queued run waits for others, rather than for the agent to take it up.

    The reasons are read one after the other while the agent goes on: only those of a run that is still queued
    afterwards held it up, for a run that was just taken up is itself what runs and what holds its asset.
    """
    reasons = (
        bool(node.journal.in_state("running")) or node.journal.ready()[:1] != (run,) or _held_by_others(node, run.asset)
    )
    return reasons and node.journal.get(run.id) == run


def _held_by_others(node: Node, asset: str) -> bool:
    """Whether the asset's lock is held, but by the worker of a run that is over: that one is about to let it go."""
    if not lock.is_held(node.layout.asset_lock(asset)):
        return False
    over = (each.worker for each in node.journal.recent(asset=asset, limit=5) if each.ended_at is not None)
    boot = node.clock.read().boot
    return not any(worker is not None and alive.is_alive(worker, boot) for worker in over)


def _ended(node: Node, name: str, watcher: Watcher) -> Run:
    run = node.journal.get(name)
    watcher.ended()
    return run
