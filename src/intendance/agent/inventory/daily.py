"""The inventory that the agent takes each day, in a child process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from intendance.agent import children
from intendance.agent.compose import Node
from intendance.system.process import Child

EVERY = timedelta(days=1)
AGAIN = timedelta(hours=1)
"""After a child that failed."""
DEADLINE = timedelta(minutes=30)


class Daily:
    """Starts the child when a day has passed since the last inventory of the ledger, and says when it failed."""

    def __init__(self, node: Node, say: Callable[[str], None]) -> None:
        self._node = node
        self._say = say
        self._child: Child | None = None
        self._began_at: datetime | None = None
        self._due_at: datetime | None = None

    def tend(self, now: datetime, *, busy: bool) -> None:
        """Settle a child that has ended; start one when it is due and no other work is under way."""
        if self._child is not None and self._began_at is not None:
            late = abs(now - self._began_at) > DEADLINE
            if late:
                self._child.kill()
            if late or self._child.process.poll() is not None:
                self._settle(now, self._child)
            return
        if self._due_at is None:
            taken = self._node.book.facts("inventory.taken", latest=1)
            self._due_at = taken[0].at + EVERY if taken else now
        clock_went_back = self._due_at > now + EVERY
        if not busy and (now >= self._due_at or clock_went_back):
            self._began_at = now
            self._child = children.start_python("intendance.agent.inventory", str(self._node.layout.state))

    def end(self) -> None:
        """End the child; what it had seen is lost, and looked at again by the next agent."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _settle(self, now: datetime, child: Child) -> None:
        code = child.process.wait()
        said = child.stderr()
        child.kill()
        self._child = None
        self._due_at = now + (EVERY if code == 0 else AGAIN)
        if code != 0:
            self._say("the inventory could not be taken" + (f": {said}" if said else ""))
