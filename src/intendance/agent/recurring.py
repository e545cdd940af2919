"""What the agent has done now and then by a child process that is no run: started when due, ended when late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from intendance.agent import children
from intendance.agent.compose import Node
from intendance.model.frozen import dataclass
from intendance.system.process import Child


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often a module of ours is started: `every` after one that did its work, `again` after one that failed;
    after `deadline` it is ended. `failed` is what is said then."""

    module: str
    every: timedelta
    again: timedelta
    deadline: timedelta
    failed: str


class Recurring:
    """Starts the child when it is due and no other work is under way, and says when it failed."""

    def __init__(self, node: Node, say: Callable[[str], None], rhythm: Rhythm) -> None:
        self.node = node
        self._say = say
        self._rhythm = rhythm
        self._child: Child | None = None
        self._began_at: datetime | None = None
        self._due_at: datetime | None = None

    def tend(self, now: datetime, *, busy: bool) -> None:
        """Settle a child that has ended; start one when it is due."""
        if self._child is not None and self._began_at is not None:
            late = abs(now - self._began_at) > self._rhythm.deadline
            if late:
                self._child.kill()
            if late or self._child.process.poll() is not None:
                self._settle(now, self._child)
            return
        if self._due_at is None:
            self._due_at = self.first_due(now)
        clock_went_back = self._due_at > now + self._rhythm.every
        due = now >= self._due_at or clock_went_back or self.is_called_for()
        if due and not busy:
            self.begins()
            self._began_at = now
            self._child = children.start_python(
                self._rhythm.module, str(self.node.layout.state), environment=self.environment()
            )

    def first_due(self, now: datetime) -> datetime:
        """When the first child of this agent is due."""
        return now

    def is_called_for(self) -> bool:
        """Whether something asks for it before it is due."""
        return False

    def environment(self) -> Mapping[str, str]:
        """What the child gets of the agent's environment beside what every child does."""
        return {}

    def begins(self) -> None:
        """A child is about to be started."""

    def end(self) -> None:
        """End the child; the next agent starts another."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _settle(self, now: datetime, child: Child) -> None:
        code = child.wait()  # and for all that it said
        said = child.stderr()
        child.kill()
        self._child = None
        self._due_at = now + (self._rhythm.every if code == 0 else self._rhythm.again)
        if code != 0:
            self._say(self._rhythm.failed + (f": {said}" if said else ""))
