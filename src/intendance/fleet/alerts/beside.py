"""Telling people that nothing can be written: every other message is written down before it leaves; this one cannot be.

So it goes by the plan's ways at once, and only this process remembers that it went. Two managers of one database that
is away both tell it; one that is killed tells it again. What the manager could not see meanwhile is told by the outbox,
once there is one again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

from intendance.fleet.alerts import texts
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.writing import Unwritten
from intendance.language.texts import translator
from intendance.model.alerting import Alerts, Way
from intendance.notifiers import Message, Notifier
from intendance.system.clock import Clock

AGAIN_NS = 6 * 3600 * 10**9
"""As often as a node tells people that it is alone."""
RETRY_NS = 60 * 10**9
DEADLINE_SECONDS = 30.0
_LOOK_SECONDS = 1.0

Say = Callable[[str], None]


class Beside:
    """Tells, for one thread. `wrong` says since when nothing is written, where that is to be told."""

    def __init__(
        self,
        wrong: Callable[[], Unwritten | None],
        policy: Callable[[], Policy],
        notifiers: Mapping[Way, Notifier],
        clock: Clock,
        say: Say,
    ) -> None:
        self._wrong = wrong
        self._policy = policy
        self._notifiers = notifiers
        self._clock = clock
        self._say = say
        self._next_ns: int | None = None

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.wait(_LOOK_SECONDS):
            self.look()

    def look(self) -> int:
        """Tell people, if it is time; how many were reached."""
        found = self._wrong()
        if found is None:
            self._next_ns = None
            return 0
        now_ns = self._clock.read().mono_ns
        if self._next_ns is not None and now_ns < self._next_ns:
            return 0
        reached = self._tell(found)
        self._say(f"{reached} people were told that nothing can be written: {found.reason}")
        self._next_ns = self._clock.read().mono_ns + (AGAIN_NS if reached else RETRY_NS)
        return reached

    def _tell(self, found: Unwritten) -> int:
        """Whoever is told of what is critical, at once; where that reaches nobody, whoever else can be reached."""
        policy = self._policy()
        first = tuple(_first(policy))
        reached = sum(self._reach(policy, contact, way, found) for contact, way in first)
        if not reached:
            others = (pair for pair in policy.pairs() if pair not in first)
            reached = int(any(self._reach(policy, contact, way, found) for contact, way in others))
        return reached

    def _reach(self, policy: Policy, contact: str, way: Way, found: Unwritten) -> bool:
        address = policy.address(contact, way)
        if address is None or way not in self._notifiers:
            return False
        now = self._clock.read().at
        words = texts.unwritten(
            translator(policy.language, "alert_texts"), found.reason, found.since, now, zone=policy.zone, way=way
        )
        key = sha256("\0".join((policy.fleet, "unwritten", contact, way, found.since.isoformat())).encode()).hexdigest()
        message = Message(key=key[:40], to=address, subject=words.subject, text=words.text, at=now)
        return self._notifiers[way].deliver(message, DEADLINE_SECONDS).accepted


def _first(policy: Policy) -> Iterator[tuple[str, Way]]:
    steps = (policy.alerts or Alerts()).steps("critical")
    soonest = min((step.after_seconds for step in steps), default=0)
    yield from dict.fromkeys((step.to, way) for step in steps if step.after_seconds == soonest for way in step.by)
