"""When the agent judges ahead: at its start (another program may judge otherwise), after records that concern every
asset, and every few hours, for nothing found is told again after a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from intendance.agent import children
from intendance.agent.compose import Node
from intendance.catalogue.subject import CONCERNS_ALL
from intendance.system.process import Child

EVERY = timedelta(hours=4)
"""Less than `judging.MARGIN`: what is found is found anew before it ends."""
AGAIN = timedelta(hours=1)
"""After a child that failed."""
DEADLINE = timedelta(minutes=10)


class Ahead:
    """Starts the child when it is due, and says when it failed. What a run changed its worker judges."""

    def __init__(self, node: Node, say: Callable[[str], None]) -> None:
        self._node = node
        self._say = say
        self._child: Child | None = None
        self._began_at: datetime | None = None
        self._due_at: datetime | None = None
        self._seen: int | None = None

    def tend(self, now: datetime, *, busy: bool) -> None:
        """Settle a child that has ended; start one when it is due and no other work is under way."""
        if self._child is not None and self._began_at is not None:
            late = abs(now - self._began_at) > DEADLINE
            if late:
                self._child.kill()
            if late or self._child.process.poll() is not None:
                self._settle(now, self._child)
            return
        clock_went_back = self._due_at is not None and self._due_at > now + EVERY
        due = self._due_at is None or now >= self._due_at or clock_went_back or self._concerns_all()
        if due and not busy:
            self._seen = self._node.book.size()
            self._began_at = now
            self._child = children.start_python("intendance.agent.ahead", str(self._node.layout.state))

    def end(self) -> None:
        """End the child; the next look judges what it had not."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _concerns_all(self) -> bool:
        """Whether a record came since the child last began that ends what was found of every asset."""
        size = self._node.book.size()
        if self._seen is None or size == self._seen:
            return False
        if any(kind in CONCERNS_ALL for kind, _, _ in self._node.book.marks(self._seen)):
            return True
        self._seen = size
        return False

    def _settle(self, now: datetime, child: Child) -> None:
        code = child.process.wait()
        said = child.stderr()
        child.kill()
        self._child = None
        self._due_at = now + (EVERY if code == 0 else AGAIN)
        if code != 0:
            self._say("the node could not be judged ahead" + (f": {said}" if said else ""))
