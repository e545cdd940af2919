"""Whether this node belongs to a manager, and that its heart beats while it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from intendance.agent import membership
from intendance.model.errors.fleet import NotJoined
from intendance.system.clock import Clock

if TYPE_CHECKING:
    from intendance.agent.uplink import Heart


class Telling:
    """The agent's heart, begun when the node joins a fleet, anew when it joins another, when it stopped, or when the
    plan, whose addresses of the manager `planned` gives, has others."""

    def __init__(
        self, state: Path, clock: Clock, say: Callable[[str], None], planned: Callable[[], tuple[str, ...]]
    ) -> None:
        self._state = state
        self._clock = clock
        self._say = say
        self._planned = planned
        self._addresses: tuple[str, ...] = ()
        self._mark: tuple[int, int] | None = None
        self._heart: Heart | None = None

    def tend(self) -> None:
        """Look after the heart; the agent's main loop does so whenever it looks around."""
        mark = membership.mark(self._state)
        planned = self._planned()
        if mark != self._mark or planned != self._addresses or (self._heart is not None and not self._heart.is_beating):
            self.end()
            self._addresses = planned
            self._begin()
            self._mark = mark
        if self._heart is not None:
            self._heart.looked()

    def _begin(self) -> None:
        from intendance.agent.uplink import heart_of  # HTTP and TLS: only where there is somebody to tell

        try:
            self._heart = heart_of(self._state, self._clock, self._say, self._addresses)
        except NotJoined as error:
            self._say(f"{error.message} {error.advice}")
        if self._heart is not None:
            self._heart.start()

    def end(self) -> None:
        """Stop beating."""
        if self._heart is not None:
            self._heart.stop()
            self._heart = None
