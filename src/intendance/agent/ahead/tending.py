"""When the agent judges ahead: at its start (another program may judge otherwise), after records that concern every
asset, and every few hours, for nothing found is told again after a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from intendance.agent.compose import Node
from intendance.agent.recurring import Recurring, Rhythm
from intendance.catalogue.subject import CONCERNS_ALL

EVERY = timedelta(hours=4)
"""Less than `judging.MARGIN`: what is found is found anew before it ends."""
AGAIN = timedelta(hours=1)
"""After a child that failed."""
DEADLINE = timedelta(minutes=10)


class Ahead(Recurring):
    """Starts the child when it is due. What a run changed its worker judges; what a child that is ended had not judged,
    the next look does."""

    def __init__(self, node: Node, say: Callable[[str], None]) -> None:
        rhythm = Rhythm(
            module="intendance.agent.ahead",
            every=EVERY,
            again=AGAIN,
            deadline=DEADLINE,
            failed="the node could not be judged ahead",
        )
        super().__init__(node, say, rhythm)
        self._seen: int | None = None

    def begins(self) -> None:
        """What was recorded until now the child sees."""
        self._seen = self.node.book.size()

    def is_called_for(self) -> bool:
        """Whether a record came since the child last began that ends what was found of every asset."""
        size = self.node.book.size()
        if self._seen is None or size == self._seen:
            return False
        if any(kind in CONCERNS_ALL for kind, _, _ in self.node.book.marks(self._seen)):
            return True
        self._seen = size
        return False
