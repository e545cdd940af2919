"""Several programs and threads that carry one stream together: they all end well, or all are ended for the first cause.

When one stage fails, its neighbours fail too, by broken pipes and early ends. Only the first cause is told.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from intendance.model.errors.pipe import PipeStalled, StageEnded
from intendance.system import process
from intendance.system.clock import monotonic_seconds
from intendance.system.process import Child
from intendance.system.signals import held_back

PIECE_BYTES = 1 << 20
"""What is read at once into a buffer that is used again; as much as a wide pipe holds."""

Explain = Callable[[int, str], object]
"""Raises what a program's exit code and stderr mean; returns when they mean success."""

_GRACE_SECONDS = 10.0
_LAST_WORDS_SECONDS = 60.0
"""For a program that takes no more to end and so to say why: one that is ended by us is told as killed."""


class _Consequence(Exception):
    """Something else has failed before; that is what is told."""


class Pipeline:
    """The children and threads of one stream, for the length of a `with` block on the main thread.

    On leaving no child is left. After an error (of the block, of a thread, or of nothing moving for `stall_seconds`)
    all are killed and the first cause is raised. Children are started by the main thread, since they end with the
    thread that started them.
    """

    def __init__(self, stream: str, stall_seconds: float) -> None:
        self._stream = stream
        self._stall_seconds = stall_seconds
        self._changed = threading.Condition()
        self._owner = threading.current_thread()
        self._cause: BaseException | None = None
        self._children: list[Child] = []
        self._explanations: dict[int, Explain] = {}
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"{stream} watch", daemon=True)
        self._moved = 0

    def add(self, begin: Callable[[], Child], explain: Explain | None = None) -> Child:
        """Begin a child and take it, both or neither, whatever signal comes; `explain` tells its errors in the words of
        the trade (else ProgramFailed)."""
        with held_back():
            child = begin()
            with self._changed:
                self._children.append(child)
                if explain is not None:
                    self._explanations[child.process.pid] = explain
                failed = self._cause is not None
        if failed:
            child.end()
        for pipe in (child.process.stdin, child.process.stdout):
            if pipe is not None:
                process.widen(pipe)
        self.check()
        return child

    def release(self, *children: Child) -> None:
        """Forget children that have ended and whose pipes nobody uses any more: a long stream has thousands."""
        with self._changed:
            for child in children:
                self._children.remove(child)
                self._explanations.pop(child.process.pid, None)
            self._threads = [thread for thread in self._threads if thread.is_alive()]
        for child in children:
            child.kill()

    def run(self, target: Callable[[], None], name: str) -> Callable[[], bool]:
        """Run `target` in a thread; returns what says whether it has ended well. What it raises fails the pipeline."""
        ended = threading.Event()

        def guarded() -> None:
            try:
                target()
            except BaseException as error:  # noqa: BLE001 -- raised again by the main thread
                self.fail(error)
            else:
                ended.set()
                self.tell()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        with held_back(), self._changed:
            thread.start()
            self._threads.append(thread)
        return ended.is_set

    def tell(self) -> None:
        """Something changed that others may wait for."""
        with self._changed:
            self._changed.notify_all()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until `ready`. Raises the first cause when something fails before."""
        with self._changed:
            while self._cause is None and not ready():
                self._changed.wait()
        self.check()

    def check(self) -> None:
        """Raises the first cause, if anything has failed; in a thread of ours a mere _Consequence, which ends it."""
        if self._cause is not None:
            raise self._cause if threading.current_thread() is self._owner else _Consequence

    def fail(self, error: BaseException) -> None:
        """Something failed: keep the first such error, end every child, wake everybody."""
        with self._changed:
            if self._cause is None:
                self._cause = error
            children = list(self._children)
            self._changed.notify_all()
        for child in children:
            child.end()

    def moved(self) -> None:
        """Bytes have passed: the pipe does not hang."""
        self._moved += 1

    def write(self, child: Child, piece: memoryview | bytes) -> None:
        """Write all of `piece` to a child's input. Raises what its end means when it does not take it."""
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(child.stdin.fileno(), view) :]
                self.moved()
        except BrokenPipeError:
            self.blame(child)

    def blame(self, child: Child) -> None:
        """A child no longer takes its input: raise what its end means; always raises."""
        self.check()
        if not child.has_ended(_LAST_WORDS_SECONDS):
            child.end()
        self.require_success(child)
        raise StageEnded(program=child.program, stream=self._stream)

    def require_success(self, child: Child) -> None:
        """Wait for a child's end. Raises what its exit code means unless that is success."""
        code = child.wait()
        self.check()
        explain = self._explanations.get(child.process.pid)
        if explain is not None:
            explain(code, child.stderr())
        if explain is None or code < 0:
            child.raise_for(code)

    def __enter__(self) -> Self:
        try:
            self._watcher.start()
        except BaseException:  # told to stop before there is a block to leave
            self._over.set()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watcher.join()
        if error is not None:
            self.fail(error)
        for child in self._children:
            child.end()
            child.wait()
        until = monotonic_seconds() + _GRACE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - monotonic_seconds()))
        if any(thread.is_alive() for thread in self._threads):
            # One hangs in the kernel (a dead network share). Its descriptors stay open until it comes back, so that
            # none is used for something else under its hands.
            threading.Thread(target=self._clear, name=f"{self._stream} clear", daemon=True).start()
        else:
            self._clear()
        self._raise(error)

    def _clear(self) -> None:
        for thread in self._threads:
            thread.join()
        for child in self._children:
            child.kill()

    def _raise(self, error: BaseException | None) -> None:
        """What asked us to stop goes before what had already failed; else the first cause is raised."""
        if error is not None and not isinstance(error, Exception):
            return
        if self._cause is not None and self._cause is not error:
            raise self._cause from None

    def _watch(self) -> None:
        seen, since = self._moved, monotonic_seconds()
        while not self._over.wait(min(1.0, self._stall_seconds / 4)):
            if self._moved != seen:
                seen, since = self._moved, monotonic_seconds()
            elif monotonic_seconds() - since >= self._stall_seconds:
                self.fail(PipeStalled(stream=self._stream, seconds=int(self._stall_seconds)))
                return
