"""When the agent looks whether it must tell people itself: every ten minutes, while no manager would."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from intendance.agent import membership
from intendance.agent.compose import Node
from intendance.agent.fallback.alone import must_look
from intendance.agent.fallback.decide import microseconds
from intendance.agent.recurring import Recurring, Rhythm

EVERY = timedelta(minutes=10)
DEADLINE = timedelta(minutes=10)


class Fallback(Recurring):
    """Starts the child while nobody else would tell people. A backup that runs does not hold it up."""

    def __init__(self, node: Node, say: Callable[[str], None]) -> None:
        rhythm = Rhythm(
            module="intendance.agent.fallback",
            every=EVERY,
            again=EVERY,
            deadline=DEADLINE,
            failed="the node could not tell people itself",
        )
        super().__init__(node, say, rhythm)

    def tend(self, now: datetime, *, busy: bool) -> None:
        """Settle a child that has ended; start one when the node is alone."""
        del busy
        if self._child is not None or must_look(self.node.layout.state, self.node.plan, microseconds(now)):
            super().tend(now, busy=False)

    def first_due(self, now: datetime) -> datetime:
        """At once where a manager fell silent; a node that has none yet may be about to join one."""
        return now if membership.mark(self.node.layout.state) is not None else now + EVERY

    def environment(self) -> Mapping[str, str]:
        """The variable in which the plan says that the mail server's secret is."""
        alerts = self.node.plan.alerts
        reference = None if alerts is None or alerts.email is None else alerts.email.credentials
        name = None if reference is None else reference.env
        return {} if name is None or name not in os.environ else {name: os.environ[name]}
