"""The manager's certificate while it serves: its own is made anew before it ends, and one that somebody else renews is
presented without an end of the manager."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from intendance.fleet.planning.service import Requests
from intendance.system.clock import Clock, monotonic_seconds
from intendance.system.presented import LOOK_SECONDS, Presented

_TURN_SECONDS = 0.25


class Presenting:
    """Looks each minute, and at once when somebody asks. `own` is the folder of the manager's own authority, if any."""

    def __init__(self, presented: Presented, own: Path | None, clock: Clock, say: Callable[[str], None]) -> None:
        self._presented = presented
        self._own = own
        self._clock = clock
        self._say = say
        self._said = ""

    def run(self, requests: Requests, stop: threading.Event) -> None:
        """Look until told to stop."""
        answered, looked = requests.count, monotonic_seconds()
        while not stop.wait(_TURN_SECONDS):
            asked = requests.count
            if asked != answered or monotonic_seconds() - looked >= LOOK_SECONDS:
                self.look(asked=asked != answered)
                answered, looked = asked, monotonic_seconds()

    def look(self, *, asked: bool = False) -> None:
        """Make the manager's own anew if it ends soon; present what the files hold."""
        if self._own is not None:
            self._renew(self._own)
        said = self._presented.look(asked=asked)
        if said:
            self._say(said)

    def _renew(self, own: Path) -> None:
        from intendance.fleet.certificates import renew  # 10 MiB, and only where the manager has an authority

        said = ""
        try:
            renew(own, self._clock.read().at)
        except (OSError, ValueError) as error:  # a full disk, a torn file: there are thirty days to see to it
            said = f"the manager's own certificate could not be made anew, which is tried each minute: {error}"
        if said and said != self._said:
            self._say(said)
        self._said = said
