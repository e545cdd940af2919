"""The inventory that the agent takes each day, in a child process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from intendance.agent.compose import Node
from intendance.agent.recurring import Recurring, Rhythm

EVERY = timedelta(days=1)
AGAIN = timedelta(hours=1)
"""After a child that failed."""
DEADLINE = timedelta(minutes=30)


class Daily(Recurring):
    """Starts the child when a day has passed since the last inventory of the ledger. What one that is ended had seen is
    looked at again by the next agent."""

    def __init__(self, node: Node, say: Callable[[str], None]) -> None:
        rhythm = Rhythm(
            module="intendance.agent.inventory",
            every=EVERY,
            again=AGAIN,
            deadline=DEADLINE,
            failed="the inventory could not be taken",
        )
        super().__init__(node, say, rhythm)

    def first_due(self, now: datetime) -> datetime:
        """A day after the last one of the ledger."""
        taken = self.node.book.facts("inventory.taken", latest=1)
        return taken[0].at + EVERY if taken else now
