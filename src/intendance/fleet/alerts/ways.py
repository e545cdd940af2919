"""The ways out of the plan in force, as one notifier each: another mail server is used from the next message on."""

from __future__ import annotations

from collections.abc import Callable

from intendance.fleet.alerts.policy import Policy
from intendance.model.alerting import EmailChannel, SmsChannel, Way
from intendance.notifiers import Delivery, Message, Notifier, open_notifier

WAYS: tuple[Way, ...] = ("email", "sms")


class PlannedWay:
    """A way as the plan has it at the moment of each message."""

    def __init__(self, way: Way, policy: Callable[[], Policy]) -> None:
        self.way: Way = way
        self._policy = policy
        self._opened: tuple[EmailChannel | SmsChannel, Notifier] | None = None

    def deliver(self, message: Message, deadline_seconds: float) -> Delivery:
        """Try once; what the plan has no way for will never leave."""
        declared = self._declared()
        if declared is None:
            return Delivery(outcome="permanent", code="address", detail="the plan has no such way")
        if self._opened is None or self._opened[0] != declared:
            self._opened = (declared, open_notifier(declared))
        return self._opened[1].deliver(message, deadline_seconds)

    def _declared(self) -> EmailChannel | SmsChannel | None:
        alerts = self._policy().alerts
        if alerts is None:
            return None
        return alerts.email if self.way == "email" else alerts.sms
